// The sample SOFARPC service, sofa-rpc-node, as a peer for tests.

import { startSample, type Peer } from './peer.ts';

/** What the peer publishes and what it does not; see cli/dev/samples/proto/hello.proto. */
export const SOFA_SERVICE = 'com.mgw.demo.HelloService:1.0';
export const SOFA_ABSENT_SERVICE = 'com.mgw.demo.AbsentService:1.0';

/** Starts {@link SOFA_SERVICE} with the methods `hello`, `boom` and `slow`. */
export function startSofaPeer(): Promise<Peer> {
  return startSample('cli/dev/samples/sofa-service.ts', 'bolt');
}

/** A HelloRequest in protobuf: field 1 name, field 2 ms. */
export function helloRequest(name: string, ms = 0): Buffer {
  const text = Buffer.from(name);
  const parts = [Buffer.from([0x0a]), varint(text.length), text];
  if (ms > 0) parts.push(Buffer.from([0x10]), varint(ms));
  return Buffer.concat(parts);
}

/** The message of a HelloReply in protobuf. */
export function helloReplyText(reply: Buffer): string {
  if (reply.length < 2 || reply[0] !== 0x0a || reply[1] !== reply.length - 2) {
    throw new Error(`no HelloReply of less than 128 bytes: ${reply.toString('hex')}`);
  }
  return reply.toString('utf8', 2);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
  return Buffer.from(bytes);
}
