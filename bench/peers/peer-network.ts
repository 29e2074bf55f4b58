// The sockets of generators and peers: the project's own, which read into one buffer and write once
// per turn of the loop. A stock `node:http` peer would cost more than the gateway it measures.

import { NodeNetwork } from '#core/network.ts';

/** Queued output of one connection before it counts as congested. Bytes. */
export const HIGH_WATERMARK_BYTES = 1024 * 1024;

/** Connections that may wait to be accepted. */
export const BACKLOG = 1024;

export const HOST = '127.0.0.1';

/** LIMIT: queued output of one peer; more means that somebody stopped reading. Bytes. */
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** LIMIT: incomplete input of a peer's connections; the gateway ends what it begins. Bytes. */
const INPUT_BYTES_MAX = 1024 * 1024 * 1024;

/** @param onSlowReader called when a connection is closed because its peer does not read */
export function createPeerNetwork(onSlowReader: () => void = () => {}): NodeNetwork {
  const limits = {
    outputBytesMax: OUTPUT_BYTES_MAX,
    outputTotalBytesMax: OUTPUT_BYTES_MAX,
    inputTotalBytesMax: INPUT_BYTES_MAX,
  };
  return new NodeNetwork(limits, {
    slowReaderClosed: onSlowReader,
    slowSenderClosed: onSlowReader,
    // A fault of the bench: nothing that it measured counts.
    handlerFailed(error) {
      throw error;
    },
  });
}
