// Flags of Node that the processes of a run are started with. A gateway has those of the launcher
// `mgw` and of `npm start`, and so have the proxies and services that stand for one. A test
// compares launcher, script and this constant.

/** Of gateways, and of whatever is measured in place of one. */
export const GATEWAY_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=32'];

/** Of load generators: room for answers that come in bursts. Their memory is no figure. */
export const GENERATOR_NODE_FLAGS: readonly string[] = ['--max-semi-space-size=32'];
