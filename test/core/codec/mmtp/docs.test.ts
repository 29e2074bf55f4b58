// The frames printed in docs/mmtp.md are what the codec writes and reads.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { OutBuffer } from '#core/base/out-buffer.ts';
import { ResponseMessage } from '#core/codec/message.ts';
import { encodeRequest } from '#core/codec/mmtp/client-request.ts';
import * as control from '#core/codec/mmtp/control.ts';
import { DynamicTable, DynamicTableEncoder } from '#core/codec/mmtp/dynamic-table.ts';
import { encodeResponse } from '#core/codec/mmtp/response.ts';
import { Field, FrameType } from '#core/codec/mmtp/types.ts';
import { withDefaults } from '#config/defaults.ts';
import type { GatewayConfig } from '#config/schema.ts';
import { encoded, fromDump, peekWhole } from './support.ts';

const text = readFileSync(new URL('../../../../docs/mmtp.md', import.meta.url), 'utf8');
const dumps = [...text.matchAll(/```hex\n(.*?)```/gs)].map((match) => fromDump(match[1]!));

function response(resultCode: number, body: string): ResponseMessage {
  const message = new ResponseMessage();
  message.resultCode = resultCode;
  message.bodySource = Buffer.from(body);
  message.bodyLength = message.bodySource.length;
  return message;
}

test('docs/mmtp.md shows the bytes that the codec writes', () => {
  const encoder = new DynamicTableEncoder(128);
  const call = {
    operationType: 'demo.echo',
    timeoutMs: 3000,
    contentType: 0,
    body: Buffer.from('{"a":1}'),
  };
  const limits = { maxFrameBytes: 1 << 20, tableSize: 128 };
  const memo = Buffer.from('Not supported');
  const frames: ((out: OutBuffer) => void)[] = [
    (out) => {
      const names = { appId: 'demo', workspaceId: 'default', deviceId: 'd-1' };
      control.encodeInit(out, { ...names, dictIds: [], ...limits });
    },
    (out) => {
      const times = { idleTimeoutS: 60, reconnectAfterS: 0 };
      control.encodeInitAck(out, {
        resultCode: 1000,
        maxStreams: 4096,
        dictId: 0,
        ...times,
        ...limits,
      });
    },
    (out) => encodeRequest(out, { ...call, streamId: 1 }, encoder),
    (out) => encodeRequest(out, { ...call, streamId: 3 }, encoder),
    (out) => encodeResponse(out, 3, response(3000, ''), memo, null),
    (out) => encodeResponse(out, 1, response(1000, '{"echo":{"a":1}}'), null, null),
    (out) => control.encodeGoaway(out, { lastStream: 3, resultCode: 1000, reconnectAfterS: 0 }),
  ];
  assert.deepEqual(
    frames.map((frame) => encoded(frame).toString('hex')),
    dumps.map((dump) => dump.toString('hex')),
  );
});

test('docs/mmtp.md: an INIT_ACK read from the page has the printed limits', () => {
  const ack = control.decodeInitAck(dumps[1]!, peekWhole(dumps[1]!), new DynamicTable(0));
  assert.ok(typeof ack === 'object');
  assert.deepEqual([ack.maxStreams, ack.idleTimeoutS], [4096, 60]);
});

test('docs/mmtp.md lists every frame type and field with its number', () => {
  const upper = (name: string): string => name.replaceAll(/[A-Z]/g, '_$&').toUpperCase();
  for (const [name, number] of Object.entries(FrameType)) {
    assert.match(text, new RegExp(`^\\| ${number} \\| ${upper(name)} \\|`, 'm'));
  }
  for (const [name, number] of Object.entries(Field)) {
    if (number === Field.memo || number === Field.tips) continue;
    assert.match(text, new RegExp(`^\\| ${number} \\| ${upper(name)} \\|`, 'm'));
  }
});

test('docs/mmtp.md: the number of headers is the default of the configuration', () => {
  const { listeners } = withDefaults({ listeners: {} }) as GatewayConfig;
  assert.ok(text.includes(`| headers in a message | ${listeners.headersMax} by default |`));
  assert.ok(text.includes(`HEADER fields than allowed (default ${listeners.headersMax})`));
});
