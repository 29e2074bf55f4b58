// What the admin server needs to know about the process that it speaks for. The composition root
// implements it; the server itself knows nothing of gateways.

import type { Problem } from '#config/problem.ts';

/** Outcome of {@link AdminSource.putConfig}. */
export type PutConfigResult =
  | {
      readonly ok: true;
      readonly revision: number;
      readonly hash: string;
      /** Paths of settings that the process follows only after a restart. */
      readonly needsRestart: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Media types that a configuration may have. */
export type ConfigMediaType = 'application/json' | 'application/yaml';

/** Everything behind the admin API. What is `object` must be plain data, secrets masked. */
export interface AdminSource {
  /** Is the process alive and its threads running? Reasons are given when it is not. */
  health(): { readonly healthy: boolean; readonly reasons: readonly string[] };
  /** May traffic be sent here? Not while starting or draining. */
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] };
  /** Figures for people and for `mgw top`. */
  stats(): Promise<object>;
  /** Prometheus text. */
  metricsText(): Promise<string>;
  /** The configuration in force. */
  config(): object;
  apis(): Promise<object>;
  clusters(): Promise<object>;
  sessions(): object;
  lanes(): Promise<object>;
  /** Validates and applies a configuration; a refused one changes nothing. */
  putConfig(text: string, mediaType: ConfigMediaType): Promise<PutConfigResult>;
  /** Starts draining; resolves when everything accepted has been answered. Safe to call again. */
  drain(): Promise<void>;
  /** @returns false, and nothing changed, for a level that does not exist */
  setLogLevel(level: string): boolean;
}
