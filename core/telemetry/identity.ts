// Who a gateway process is among others, for logs and metrics that are gathered in one place.

/** Fixed for the life of a process. */
export interface GatewayIdentity {
  /** `mesh`, `central` or `decentralized`. */
  readonly generation: string;
  /** Zone that it stands in; empty: none. */
  readonly zone: string;
  /** Application that it serves; empty: not one alone. */
  readonly app: string;
}
