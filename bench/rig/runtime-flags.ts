// Flags of Node that the processes of a run are started with. A gateway has those of the launcher
// `mgw` and of `npm start`; a test compares them.

/**
 * Of gateways. The young generation is small: a gateway makes little garbage, and 10,000 idle
 * connections take 6.1 KiB each with 4 MB and 8.8 with 32, at the same CPU per request.
 */
export const GATEWAY_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

/** Of services and of other proxies, which make more: they are not to be slowed by that. */
export const PEER_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=32'];

/** Of load generators: room for answers that come in bursts. Their memory is no figure. */
export const GENERATOR_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=32'];
