// What of a changed configuration a running process follows. Invariant: settings that the schema
// marks `restart` stay as they were at the start on every thread, also on lanes that start later.

import type { GatewayConfig } from '#config/schema.ts';

/**
 * `next` as a process follows it that was started with `start`. Modules of filters are the
 * exception: whichever are named are loaded, and `restart` says that a module is loaded once.
 */
export function untilRestart(start: GatewayConfig, next: GatewayConfig): GatewayConfig {
  const { drainMs, language } = next.runtime;
  const { cacheEntries } = start.sessions;
  const { accessLog } = start.telemetry;
  return {
    ...next,
    listeners: start.listeners,
    runtime: { ...start.runtime, drainMs, language },
    sessions: { ...next.sessions, cacheEntries },
    telemetry: { ...next.telemetry, accessLog },
  };
}
