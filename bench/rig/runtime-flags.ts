// Flags of Node that the processes of a run are started with. A gateway has those of the launcher
// `mgw` and of `npm start`; a test compares them.

/**
 * Of gateways. The young generation is small, because a gateway makes little garbage, and one
 * thread compiles and helps to collect it: more of them keep memory of their own and take the CPU
 * that they are to spare. Beside 4 MB and four threads that is 3 % less CPU per request and 4 MB.
 */
export const GATEWAY_NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=2',
  '--v8-pool-size=1',
];

/** Of services and of other proxies, which make more: they are not to be slowed by that. */
export const PEER_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=32'];

/** Of load generators: room for answers that come in bursts. Their memory is no figure. */
export const GENERATOR_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=32'];
