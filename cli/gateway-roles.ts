// The kinds of gateway process, as a list: what the commands run, and what `mgw config explain` can
// explain. A kind is a name and defaults; everything else is the same process.

import { CENTRAL_DEFAULTS, type RoleDefaults } from '#config/role-defaults.ts';

/** A kind of gateway process. */
export interface GatewayRole {
  /** Name of the command and of the role in logs, metrics and the ready line. */
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  /** What this kind is told besides what all are told. */
  readonly notes: readonly string[];
  /** Where it differs from the defaults of the schema; null: nowhere. */
  readonly defaults: RoleDefaults | null;
}

/** Beside one service. */
export const SIDECAR: GatewayRole = {
  name: 'sidecar',
  summary: 'Runs the mesh gateway beside a service.',
  defaults: null,
  notes: [],
  examples: [
    'mgw sidecar --upstream app=http://127.0.0.1:9000',
    'mgw sidecar --config gateway.yaml --session-keys keys.json --profile sidecar-small',
  ],
};

/** In front of all services: hosts are alike, and what may be open at once is capped. */
export const CENTRAL: GatewayRole = {
  name: 'central',
  summary: 'Runs the central gateway in front of all services.',
  defaults: CENTRAL_DEFAULTS,
  notes: [
    'The same as `mgw sidecar` with other defaults: requests spread over all hosts of an ' +
      'upstream, and the profile `central` bounds what may be open at once.',
  ],
  examples: [
    'mgw central --upstream app=http://10.0.0.1:9000 --upstream app=http://10.0.0.2:9000',
    'mgw central --config services.yaml --session-keys keys.json --zone rz01',
  ],
};

/** Every kind. */
export const GATEWAY_ROLES: readonly GatewayRole[] = [SIDECAR, CENTRAL];
