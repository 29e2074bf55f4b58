// Where kinds of gateway process differ from the defaults of the schema.
// Invariant: the settings fit the schema (a test checks them); they are not validated at start.

/** Defaults of one kind of process. */
export interface RoleDefaults {
  /** Name for people: `mgw central`. */
  readonly name: string;
  /** Settings, weaker than any profile. */
  readonly settings: unknown;
  /** Profile that holds unless another is named; absent: none. */
  readonly profile?: string;
}

/** The central gateway: the hosts of a service are alike, and none is in the same pod. */
export const CENTRAL_DEFAULTS: RoleDefaults = {
  name: 'mgw central',
  settings: {
    runtime: { generation: 'central' },
    listeners: { httpPort: 8005, mmtpPort: 8006, adminPort: 8101 },
    limits: { upstreamBalance: 'least-open' },
  },
  profile: 'central',
};

/**
 * The gateway in a service's process: on the thread of its handlers, on ports beside those of the
 * other generations, administrated by its service.
 */
export const EMBEDDED_DEFAULTS: RoleDefaults = {
  name: 'mesh-gateway/embedded',
  settings: {
    runtime: { generation: 'decentralized', workers: 0, placement: 'inline' },
    listeners: { httpPort: 8001, mmtpPort: 8002, adminPort: 'off' },
  },
};
