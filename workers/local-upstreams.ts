// Upstreams of protocol `local` are handlers in the process of the gateway. Only a service that
// embeds the gateway has any; every other process refuses them, at start and at every reload.

import type { LocalHandlers } from '#core/upstream/local/local-service.ts';
import type { Problem } from '#config/problem.ts';
import type { GatewayConfig } from '#config/schema.ts';

/** What is wrong with the local upstreams of `config` in a process with these handlers. */
export function localUpstreamProblems(
  config: GatewayConfig,
  handlers: LocalHandlers | undefined,
): readonly Problem[] {
  if (handlers !== undefined) return [];
  return Object.entries(config.upstreams).flatMap(([name, { protocol }]) => {
    if (protocol !== 'local') return [];
    const reason = '"local" is a service in the process that embeds the gateway (docs/embedded.md)';
    const message = `${reason}; this process is no service: give protocol http or bolt and hosts`;
    return [{ path: `upstreams.${name}.protocol`, message }];
  });
}
