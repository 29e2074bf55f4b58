// A client and a session issuer as an outsider would write them, from docs/mmtp.md and
// docs/session.md alone, without the project's codecs. A running gateway answers them rightly.

import assert from 'node:assert/strict';
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeKeyDirectory, startSidecar, type Sidecar } from '#test/integration/gateway.ts';
import { startHttpPeer } from '#test/peers/http.ts';
import type { Peer } from '#test/peers/peer.ts';

const MASTER = randomBytes(32);
const WIRELESS = 1;
const PC = 2;

/** A compact session, field by field. */
function mint(uid: bigint, channel = WIRELESS, issuedAt = Math.floor(Date.now() / 1000)): Buffer {
  const signed = Buffer.alloc(52);
  signed[0] = 1;
  signed[1] = channel;
  signed.writeUInt16BE(7, 2);
  signed.writeUInt32BE(issuedAt, 4);
  signed.writeUInt32BE(600, 8);
  signed.writeBigUInt64BE(uid, 12);
  randomBytes(16).copy(signed, 20);
  signed[49] = 255;
  const key = hkdfSync('sha256', MASTER, 'mgw-session-v1', Buffer.from([channel]), 32);
  const mac = createHmac('sha256', Buffer.from(key)).update(signed).digest();
  return Buffer.concat([signed, mac]);
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, value >> 7]);
}

function tlv(type: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(type), varint(bytes.length), bytes]);
}

function frame(type: number, stream: number, meta: Buffer, body = ''): Buffer {
  const head = Buffer.alloc(16);
  head.write('M\x01', 0, 'latin1');
  head[2] = type;
  head.writeUInt32BE(stream, 4);
  head.writeUInt32BE(16 + meta.length + Buffer.byteLength(body), 8);
  head.writeUInt16BE(meta.length, 12);
  head[14] = 1;
  return Buffer.concat([head, meta, Buffer.from(body)]);
}

interface Answer {
  readonly type: number;
  readonly stream: number;
  readonly code: number;
  readonly body: string;
}

/** The first frame of `bytes` and its length, or null. */
function readFrame(bytes: Buffer): { answer: Answer; length: number } | null {
  if (bytes.length < 16 || bytes.length < bytes.readUInt32BE(8)) return null;
  const length = bytes.readUInt32BE(8);
  const metaEnd = 16 + bytes.readUInt16BE(12);
  let code = 0;
  for (let at = 16; at < metaEnd;) {
    const [type, afterType] = readVarint(bytes, at);
    const [size, valueAt] = readVarint(bytes, afterType);
    if (type === 11) code = bytes.readUInt16BE(valueAt);
    at = valueAt + size;
  }
  const body = bytes.toString('utf8', metaEnd, length);
  return { answer: { type: bytes[2]!, stream: bytes.readUInt32BE(4), code, body }, length };
}

function readVarint(bytes: Buffer, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0, next = at; ; shift += 7) {
    const byte = bytes[next++]!;
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, next];
  }
}

/** Sends all at once and collects the frames of the answer until there are `count`. */
async function exchange(port: number, sent: readonly Buffer[], count: number): Promise<Answer[]> {
  const socket: Socket = connect(port, '127.0.0.1');
  socket.write(Buffer.concat(sent));
  const answers: Answer[] = [];
  let unread: Buffer = Buffer.alloc(0);
  for await (const part of socket as AsyncIterable<Buffer>) {
    unread = Buffer.concat([unread, part]);
    for (let next = readFrame(unread); next !== null; next = readFrame(unread)) {
      answers.push(next.answer);
      unread = unread.subarray(next.length);
    }
    if (answers.length >= count) break;
  }
  return answers;
}

const INIT = frame(0, 0, Buffer.alloc(0));

function request(stream: number, operation: string, body: string, session?: Buffer): Buffer {
  const fields = [tlv(1, operation)];
  if (session !== undefined) fields.push(tlv(4, session));
  return frame(5, stream, Buffer.concat(fields), body);
}

describe('an outside client', () => {
  let peer: Peer;
  let sidecar: Sidecar;
  let directory: string;

  before(async () => {
    peer = await startHttpPeer();
    ({ directory } = makeKeyDirectory());
    const keys = join(directory, 'outside-keys.json');
    const key = { kid: 7, state: 'signing', master: MASTER.toString('base64') };
    writeFileSync(keys, JSON.stringify({ keys: [key] }));
    const file = join(directory, 'gateway.yaml');
    writeFileSync(
      file,
      `upstreams:
  app: { protocol: http, hosts: ["127.0.0.1:${peer.port}"] }
apis:
  - operationType: demo.echo
  - operationType: demo.account.get
    session: required
`,
    );
    sidecar = await startSidecar(['--config', file, '--session-keys', keys]);
  });

  after(async () => {
    assert.equal(await sidecar.stop('SIGINT'), 0);
    await peer.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('by Mmtp: echo, 2000, the user of a session, 3000', async () => {
    const good = mint(18_446_744_073_709_551_615n);
    const damaged = Buffer.from(good);
    damaged[15]! ^= 1;
    const sent = [
      INIT,
      request(1, 'demo.echo', '{"a":1}'),
      request(3, 'demo.account.get', '{}'),
      request(5, 'demo.account.get', '{}', good),
      request(7, 'demo.account.get', '{}', damaged),
      request(9, 'demo.account.get', '{}', mint(1n, PC)),
      request(11, 'demo.account.get', '{}', mint(1n, WIRELESS, 1_000_000_000)),
      request(13, 'demo.nothing', '{}'),
    ];
    const answers = await exchange(sidecar.mmtpPort, sent, 8);
    assert.deepEqual(answers[0]?.type, 1);
    const byStream = new Map(answers.map((answer) => [answer.stream, answer]));
    assert.deepEqual(byStream.get(1), { type: 6, stream: 1, code: 1000, body: '{"echo":{"a":1}}' });
    const account = byStream.get(5)!;
    assert.equal(account.code, 1000);
    assert.equal((JSON.parse(account.body) as { uid: string }).uid, '18446744073709551615');
    for (const stream of [3, 7, 9, 11]) assert.equal(byStream.get(stream)?.code, 2000, `${stream}`);
    assert.equal(byStream.get(13)?.code, 3000);
  });

  test('by Mmtp: 500 streams at once, each with its own answer', async () => {
    const sent = Array.from({ length: 500 }, (_, i) => request(1 + 2 * i, 'demo.echo', `${i}`));
    const answers = await exchange(sidecar.mmtpPort, [INIT, ...sent], 501);
    for (const { type, stream, code, body } of answers.slice(1)) {
      assert.deepEqual([type, code, body], [6, 1000, `{"echo":${(stream - 1) / 2}}`]);
    }
    assert.equal(new Set(answers.map(({ stream }) => stream)).size, 501);
  });

  test('by HTTP: the same, with the session in cookie or header', async () => {
    const call = (operation: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${sidecar.httpPort}/mgw.htm`, {
        method: 'POST',
        headers: { 'Operation-Type': operation, ...headers },
        body: '[{"x":"y"}]',
      });
    const text = mint(1234n).toString('base64url');
    const echo = await call('demo.echo');
    assert.equal(echo.headers.get('result-status'), '1000');
    assert.equal(await echo.text(), '{"echo":[{"x":"y"}]}');
    for (const headers of [{ 'Mgw-Session': text }, { Cookie: `MGW_SESSION=${text}` }]) {
      const answer = await call('demo.account.get', headers as Record<string, string>);
      assert.equal(((await answer.json()) as { uid: string }).uid, '1234');
    }
    const pc = mint(1234n, PC).toString('base64url');
    const refused = await call('demo.account.get', { 'Mgw-Session': pc });
    assert.equal(refused.headers.get('result-status'), '2000');
    const missing = await call('demo.nothing');
    assert.equal(missing.headers.get('result-status'), '3000');
    const path = await fetch(`http://127.0.0.1:${sidecar.httpPort}/no/such.path`);
    assert.equal(path.status, 404);
  });
});
