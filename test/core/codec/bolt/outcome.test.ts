// What responses of Java SOFARPC, sofa-rpc-node and bare Bolt servers mean for the caller.

import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { DecodeStatus } from '#core/base/decode-status.ts';
import { Errors, type GatewayError } from '#core/base/errors.ts';
import { OutBuffer } from '#core/base/out-buffer.ts';
import { ResponseTemplate } from '#core/codec/bolt/encoder.ts';
import { BoltFrame, peekBolt } from '#core/codec/bolt/frame.ts';
import { boltErrorText, boltOutcome } from '#core/codec/bolt/outcome.ts';
import { BOLT_V1, ClassName, Codec, Status } from '#core/codec/bolt/types.ts';
import { boltVectors, vectorsAbsent } from './vectors.ts';

/** What is used of sofa-hessian-node, a dependency of the sofa-rpc-node peer. */
interface HessianDialect {
  encode(value: unknown, version: '2.0'): Buffer;
}

const requireNear = createRequire(createRequire(import.meta.url).resolve('sofa-rpc-node'));
const { v3, v4 } = createRequire(requireNear.resolve('sofa-bolt-node'))('sofa-hessian-node') as {
  v3: HessianDialect;
  v4: HessianDialect;
};

interface Answer {
  readonly status?: number;
  readonly codec?: number;
  readonly className?: string;
  readonly errorHeader?: string;
  readonly content?: Buffer | string;
}

function response(answer: Answer): { bytes: Buffer; frame: BoltFrame } {
  const headers: [string, string][] = [];
  if (answer.errorHeader !== undefined) {
    headers.push(['sofa_head_response_error', answer.errorHeader]);
  }
  const template = new ResponseTemplate(
    {
      form: BOLT_V1,
      codec: answer.codec ?? Codec.protobuf,
      className: answer.className ?? ClassName.response,
      headers,
    },
    answer.status ?? Status.success,
  );
  const content = Buffer.from(answer.content ?? '');
  const out = new OutBuffer();
  template.append(out, 1, content, 0, content.length);
  const bytes = out.take();
  const frame = new BoltFrame();
  assert.equal(peekBolt(bytes, 0, bytes.length, 1 << 20, frame), DecodeStatus.ok);
  return { bytes, frame };
}

function outcome(answer: Answer): GatewayError | null {
  const { bytes, frame } = response(answer);
  return boltOutcome(bytes, frame);
}

function text(answer: Answer): string {
  const { bytes, frame } = response(answer);
  return boltErrorText(bytes, frame);
}

/** A SofaResponse object of Java. */
function sofaResponse(isError: boolean, errorMsg: string | null, appResponse: unknown): unknown {
  return {
    $class: ClassName.response,
    $: { isError, errorMsg, appResponse, responseProps: null },
  };
}

function throwable(name: string, fields: Record<string, unknown>): unknown {
  return { $class: name, $: { ...fields, stackTrace: [], suppressedExceptions: [] } };
}

describe('boltOutcome by status', () => {
  const rows: [string, number, GatewayError][] = [
    ['UNKNOWN', Status.unknown, Errors.upstreamStatus],
    ['busy', Status.serverThreadPoolBusy, Errors.upstreamBusy],
    ['no processor', Status.noProcessor, Errors.serviceNotFound],
    ['timeout', Status.timeout, Errors.upstreamTimeoutStatus],
    ['codec', Status.codecException, Errors.upstreamStatus],
    ['connection closed', Status.connectionClosed, Errors.upstreamReset],
    ['serialization', Status.serverSerialException, Errors.upstreamStatus],
    ['deserialization', Status.serverDeserialException, Errors.upstreamStatus],
    ['in the gap', 0x0a, Errors.upstreamStatus],
    ['unheard of', 0xffff, Errors.upstreamStatus],
  ];
  for (const [name, status, error] of rows) {
    test(`${name} is ${error.code}`, () => assert.equal(outcome({ status }), error));
  }
});

describe('boltOutcome of protobuf content', () => {
  test('is an answer when no header says otherwise', () => {
    assert.equal(outcome({ content: 'RPC-02411: not an error' }), null);
    assert.equal(outcome({ errorHeader: 'false', content: 'x' }), null);
    assert.equal(text({ errorHeader: 'false', content: 'x' }), '');
  });

  test('tells the framework of Java from its business code by text', () => {
    const say = (content: string): GatewayError | null => outcome({ errorHeader: 'true', content });
    assert.equal(say('RPC-020100010: 未找到业务服务，服务名称：[a.B:1.0]'), Errors.serviceNotFound);
    assert.equal(say('RPC-02411: RPC cannot find service: [a.B:1.0]'), Errors.serviceNotFound);
    assert.equal(say('RPC-020100011: Cannot find invoke method: [m]'), Errors.methodNotFound);
    assert.equal(say('RPC-02412: Cannot find invoke method: [m]'), Errors.methodNotFound);
    assert.equal(say('RPC-02407: RPC thread pool is fulled'), Errors.upstreamBusy);
    assert.equal(say('argument type mismatch'), Errors.illegalArgument);
    assert.equal(say('balance too low'), Errors.businessError);
    assert.equal(say(''), Errors.businessError);
  });

  test('takes a phrase quoted far inside a text for what it is', () => {
    const content = `${'long story '.repeat(12)}RPC-02411: x`;
    assert.equal(outcome({ errorHeader: 'true', content }), Errors.businessError);
  });

  test('reads status 2 of sofa-rpc-node', () => {
    const say = (content: string): GatewayError | null =>
      outcome({ status: 2, errorHeader: 'true', content });
    assert.equal(say('not found service: a.B:1.0'), Errors.serviceNotFound);
    assert.equal(say('Can not find method: a.B:1.0#m()'), Errors.methodNotFound);
    assert.equal(say('boom'), Errors.businessError);
    assert.equal(text({ status: 2, content: 'bo\u0007\nom' }), 'bo om');
  });
});

for (const [dialect, hessian] of [
  ['3.x', v3],
  ['4.x', v4],
] as const) {
  describe(`boltOutcome of Hessian ${dialect} content`, () => {
    const answer = (value: unknown, more: Answer = {}): Answer => ({
      codec: Codec.hessian,
      content: hessian.encode(value, '2.0'),
      ...more,
    });

    test('is an answer for every ordinary result', () => {
      const results = [
        null,
        'text',
        7,
        true,
        [1, 2],
        { plain: 'map' },
        { $class: 'a.Result', $: { detailMessage: 'only a name', code: 3 } },
      ];
      for (const result of results) {
        assert.equal(outcome(answer(sofaResponse(false, null, result))), null);
      }
      assert.equal(text(answer(sofaResponse(false, null, 'text'))), '');
    });

    test('reads errors of the framework', () => {
      const say = (message: string): Answer => answer(sofaResponse(true, message, null));
      assert.equal(outcome(say('RPC-02411: cannot find service')), Errors.serviceNotFound);
      assert.equal(outcome(say('RPC-020100011: 未找到需要调用的方法')), Errors.methodNotFound);
      assert.equal(outcome(say('wrong number of arguments')), Errors.illegalArgument);
      assert.equal(
        outcome(say('Class a can not access a member of class b with modifiers "private"')),
        Errors.methodNotAccessible,
      );
      assert.equal(outcome(say('a filter refused')), Errors.upstreamStatus);
      assert.equal(text(say('未找到 \u0000 x')), '未找到 x');
      const long = 'RPC-02411: '.padEnd(2000, 'z');
      assert.equal(outcome(say(long)), Errors.serviceNotFound);
      assert.equal(text(say(long)), long.slice(0, 256));
    });

    test('knows an exception of the business code, with and without the header', () => {
      const thrown = throwable('a.BizException', { detailMessage: 'no money', cause: null });
      const custom = throwable('a.BizException', { code: 5, retry: false, detailMessage: 'no' });
      for (const value of [thrown, custom]) {
        const response = sofaResponse(false, null, value);
        assert.equal(outcome(answer(response)), Errors.businessError);
        assert.equal(outcome(answer(response, { errorHeader: 'true' })), Errors.businessError);
      }
      assert.equal(text(answer(sofaResponse(false, null, thrown))), 'no money');
      assert.equal(text(answer(sofaResponse(false, null, custom))), 'no');
      // What it quotes is not the framework speaking.
      const quoting = throwable('a.B', { detailMessage: 'RPC-02411: deeper' });
      assert.equal(outcome(answer(sofaResponse(false, null, quoting))), Errors.businessError);
    });

    test('reads status 2 by text and class', () => {
      const say = (message: string, className: string): GatewayError | null =>
        outcome(
          answer(throwable(ClassName.serverException, { detailMessage: message }), {
            status: 2,
            className,
          }),
        );
      const { response, serverException } = ClassName;
      assert.equal(say('Error: not found service: no.such:1.0', response), Errors.serviceNotFound);
      assert.equal(say('Error: Can not find method: a#b()', response), Errors.methodNotFound);
      assert.equal(say('Error: boom', response), Errors.businessError);
      const none = 'No user processor found for request: a.B';
      assert.equal(say(none, serverException), Errors.serviceNotFound);
      assert.equal(say('CodecException: when deserialize', serverException), Errors.upstreamStatus);
      const plain =
        '[Server]OriginErrorMsg: a.B: x. AdditionalErrorMsg: ' +
        'SYNC process rpc request failed in RpcRequestProcessor, id=1';
      assert.equal(say(plain, serverException), Errors.businessError);
    });

    test('survives every damage to its content', () => {
      const seeds = [
        sofaResponse(true, 'RPC-02411: x', null),
        sofaResponse(false, null, throwable('a.B', { code: 500, detailMessage: 'm' })),
      ].map((value) => hessian.encode(value, '2.0'));
      fc.assert(
        fc.property(
          fc.constantFrom(...seeds),
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
          fc.nat(300),
          (seed, changes, keep) => {
            const content = Buffer.from(seed.subarray(0, keep));
            for (const [at, byte] of changes) {
              if (content.length > 0) content[at % content.length] = byte;
            }
            for (const status of [Status.success, Status.serverException]) {
              const damaged = { codec: Codec.hessian, content, status };
              outcome(damaged);
              assert.ok(text(damaged).length <= 256);
            }
          },
        ),
        { numRuns: 2000 },
      );
    });
  });
}

test('an empty error frame of a Bolt server is a failure status', () => {
  assert.equal(outcome({ status: 2, className: '', codec: Codec.hessian }), Errors.upstreamStatus);
});

test('recorded responses mean what their peers meant', { skip: vectorsAbsent }, () => {
  const expected = new Map<string, GatewayError | null>([
    ['sofarpc-sofa-new-1', null],
    ['bolt-v2-crc-response', null],
    ['bolt-v1-RpcServerException', Errors.upstreamStatus],
  ]);
  let seen = 0;
  for (const { name, bytes } of boltVectors()) {
    const error = expected.get(name);
    if (error === undefined) continue;
    seen++;
    const frame = new BoltFrame();
    assert.equal(peekBolt(bytes, 0, bytes.length, 1 << 20, frame), DecodeStatus.ok);
    assert.equal(boltOutcome(bytes, frame), error, name);
    if (error !== null)
      assert.match(boltErrorText(bytes, frame), /CodecException: Exception caught/);
  }
  assert.equal(seen, expected.size);
});
