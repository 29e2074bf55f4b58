// When a silent or slow Mmtp client is asked and when it has to go, without sockets or time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Finding, MmtpHearing } from '#core/downstream/mmtp-hearing.ts';

const MIB = 1024 * 1024;
const TIMES = { mmtpIdleTimeoutMs: 60_000, bodyTimeoutMs: 30_000 };

describe('MmtpHearing', () => {
  test('asks after a third of the idle time, once, and gives up at its end', () => {
    const hearing = new MmtpHearing(TIMES, 0);
    assert.equal(hearing.look(19_999, false), Finding.fine);
    assert.equal(hearing.nextLookMs, 20_000);
    assert.equal(hearing.look(20_000, false), Finding.ask);
    assert.equal(hearing.look(50_000, false), Finding.fine);
    assert.equal(hearing.nextLookMs, 60_000);
    assert.equal(hearing.look(60_000, false), Finding.idle);
  });

  test('gives a frame a body timeout for each begun MiB, from its first byte', () => {
    for (const [bytes, parts] of [
      [0, 1],
      [MIB, 1],
      [MIB + 1, 2],
      [16 * MIB, 16],
    ] as const) {
      const hearing = new MmtpHearing(TIMES, 0);
      hearing.begun(1000, 0);
      hearing.begun(9000, bytes);
      assert.equal(hearing.look(999 + parts * 30_000, false), Finding.fine);
      assert.equal(hearing.nextLookMs, 1000 + parts * 30_000);
      assert.equal(hearing.look(1000 + parts * 30_000, false), Finding.late);
      hearing.heard(1000 + parts * 30_000);
      assert.equal(hearing.look(1000 + parts * 30_000, false), Finding.fine);
    }
  });

  test('does not charge a frame for the time without reading, which idle time bounds', () => {
    const hearing = new MmtpHearing(TIMES, 0);
    hearing.begun(1000, 100);
    assert.equal(hearing.look(40_000, true), Finding.ask);
    hearing.resumed(50_000);
    assert.equal(hearing.look(79_999, false), Finding.fine);
    assert.equal(hearing.look(80_000, false), Finding.late);
    assert.equal(hearing.look(80_000, true), Finding.idle);
  });
});
