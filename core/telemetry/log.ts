// What the data plane needs of a log for people; workers/log.ts implements it. Requests do not
// appear here (the access log has them): this is for what operators must know and for the
// suspicious but survivable, which may come by the thousand and is therefore limited.

/** Values that a log line may carry beside its text. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Log of one process or thread. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /**
   * A warning that is written at most once per `key` and 10 s, with the number of those left out.
   *
   * @param key names the kind of event and comes from a fixed set, never from a peer
   */
  warnLimited(key: string, message: string, fields?: LogFields): void;
}

/** Log that drops everything, for tests and for embedding. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  warnLimited: () => {},
};
