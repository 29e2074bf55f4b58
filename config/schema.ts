// The one configuration schema. Types, validation, defaults, flags, environment names, help texts,
// JSON Schema and the reference all come from this object.
// Invariant: every setting has a description, and a default or an `optional` mark or is required.

import type { Static } from 'typebox';
import { apis, groups } from './schema/apis.ts';
import { integer, section } from './schema/kit.ts';
import { listeners } from './schema/listeners.ts';
import { filters, limits, runtime, telemetry } from './schema/runtime.ts';
import { sessions } from './schema/sessions.ts';
import { upstreams } from './schema/upstreams.ts';

/** The schema of a configuration file. */
export const configSchema = section(
  {
    revision: integer({
      description: 'Number of this configuration; grows with each change.',
      default: 0,
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    runtime,
    listeners,
    sessions,
    upstreams,
    groups,
    apis,
    limits,
    filters,
    telemetry,
  },
  { description: 'Configuration of a mesh gateway.' },
);

/** A type with everything below it read-only. */
export type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;

/** A complete configuration: defaults filled in, checked, frozen. */
export type GatewayConfig = Frozen<Static<typeof configSchema>>;

export type ListenersConfig = GatewayConfig['listeners'];
export type UpstreamConfig = GatewayConfig['upstreams'][string];
export type ApiConfig = GatewayConfig['apis'][number];
export type LimitsConfig = GatewayConfig['limits'];
export type LimitConfig = NonNullable<LimitsConfig['default']>;
export type HeaderChanges = NonNullable<ApiConfig['headers']>;
