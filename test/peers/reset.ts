// Resetting a connection (RST instead of FIN) so that its socket is always closed.

import type { Socket } from 'node:net';

/**
 * Closes `socket` by RST where that is possible, else at once by FIN.
 *
 * A socket that is told to reset while its shutdown is under way stays open in Node 26 (libuv
 * refuses with EINVAL, Node takes the socket for closed): its descriptor leaks, and a process that
 * ends by itself afterwards turns in a loop for ever. A socket shuts itself down once its peer has
 * sent FIN, so whoever resets the connections of a peer that ends meets this.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
