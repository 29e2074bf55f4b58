// The table of repeatable requests by itself: what it counts, forgets, and never forgets.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import {
  ENTRIES_MAX,
  OWNER_ENTRIES_MAX,
  RESEND_KEEP_MS,
  ResendTable,
  type KeptAnswer,
  type ResendEntry,
} from './resend-table.ts';

const LARGEST_KEPT = 256 * 1024;
const ALL_KEPT = 32 * 1024 * 1024;

let table: ResendTable;

function answer(bytes: number): KeptAnswer {
  const body = Buffer.alloc(bytes);
  return { resultCode: 1000, contentType: 0, memo: '', tips: '', headers: [], body };
}

function begin(key: string, owner = 'phone', nowMs = 0): ResendEntry {
  assert.equal(table.find(key, nowMs), undefined);
  const entry = table.start(owner, key);
  assert.ok(entry !== null);
  return entry;
}

/** As many that run as the table takes, none of them of `phone`. */
function fill(count = ENTRIES_MAX): ResendEntry[] {
  const ownerOf = (i: number) => `owner ${Math.floor(i / OWNER_ENTRIES_MAX)}`;
  return Array.from({ length: count }, (_, i) => begin(`other ${i}`, ownerOf(i)));
}

describe('resend table', () => {
  beforeEach(() => {
    table = new ResendTable();
  });

  test('remembers what runs for as long as it runs, and 60 s after its end', () => {
    const slow = begin('slow');
    const later = RESEND_KEEP_MS + 1000;
    begin('later', 'phone', later);
    assert.equal(table.find('slow', later), slow);
    table.finish(slow, answer(1000), later);
    assert.equal(table.answerBytes, 1000);
    assert.equal(table.find('slow', later + RESEND_KEEP_MS - 1), slow);
    assert.equal(table.find('slow', later + RESEND_KEEP_MS), undefined);
    assert.equal(table.answerBytes, 0);
    assert.equal(table.size, 1);
  });

  test('answers of requests that ran for longer than that are dropped like others', () => {
    const count = ALL_KEPT / LARGEST_KEPT + 10;
    const slow = Array.from({ length: count }, (_, i) => begin(`slow ${i}`));
    begin('later', 'phone', RESEND_KEEP_MS);
    for (const entry of slow) table.finish(entry, answer(LARGEST_KEPT), RESEND_KEEP_MS);
    assert.equal(table.answerBytes, ALL_KEPT);
    const kept = slow.filter((entry) => entry.answer !== null);
    assert.deepEqual(kept, slow.slice(10));
    assert.equal(table.find('', 2 * RESEND_KEEP_MS), undefined);
    assert.equal(table.answerBytes, 0);
    assert.equal(table.size, 1);
  });

  test('headers and texts of answers count as their bodies do', () => {
    const value = 'v'.repeat(60_000);
    const texts = { memo: 'memo', tips: 'tips', headers: ['name', value] };
    table.finish(begin('first'), { ...answer(10), ...texts }, 0);
    assert.equal(table.answerBytes, 60_022);
    const large = begin('large');
    table.finish(large, { ...answer(LARGEST_KEPT - value.length), ...texts }, 0);
    assert.equal(large.answer, null);
    for (let i = 0; i < 1000; i++) table.finish(begin(`${i}`), { ...answer(0), ...texts }, 0);
    assert.ok(table.answerBytes <= ALL_KEPT);
    assert.equal(table.find('', RESEND_KEEP_MS), undefined);
    assert.equal(table.answerBytes, 0);
  });

  test('an owner above its share loses its own oldest that ended', () => {
    table.finish(begin('other', 'other phone'), answer(1), 0);
    const running = begin('running');
    for (let i = 0; i < 2 * OWNER_ENTRIES_MAX; i++) table.finish(begin(`${i}`), answer(1), 0);
    assert.equal(table.size, OWNER_ENTRIES_MAX + 1);
    assert.equal(table.answerBytes, OWNER_ENTRIES_MAX);
    assert.equal(table.find('running', 0), running);
    assert.equal(table.find('other', 0)?.isRunning, false);
    assert.equal(table.find(`${OWNER_ENTRIES_MAX}`, 0), undefined);
    assert.equal(table.find(`${OWNER_ENTRIES_MAX + 1}`, 0)?.isRunning, false);
  });

  test('an owner has no room while its whole share runs; others have', () => {
    const running = Array.from({ length: OWNER_ENTRIES_MAX }, (_, i) => begin(`${i}`));
    assert.equal(table.start('phone', 'one more'), null);
    begin('other', 'other phone');
    table.finish(running[7]!, null, 0);
    begin('one more');
    assert.equal(table.size, OWNER_ENTRIES_MAX + 1);
  });

  test('full: the oldest that ended goes; nobody has room while all of them run', () => {
    const running = fill();
    assert.equal(table.start('phone', 'one more'), null);
    table.finish(running[2]!, answer(1), 0);
    table.finish(running[1]!, answer(1), 0);
    begin('one more');
    assert.equal(table.find('other 2', 0), undefined);
    assert.equal(table.find('other 1', 0), running[1]);
    assert.equal(table.size, ENTRIES_MAX);
    assert.equal(table.answerBytes, 1);
  });

  test('entries may go from anywhere: by share, by age, with the answers that they have', () => {
    const end = (key: string, owner: string): void => {
      table.finish(begin(key, owner), answer(LARGEST_KEPT), 0);
    };
    for (const round of ['1', '2']) {
      end(`mine ${round}`, 'phone');
      end(`other ${round}`, 'other phone');
    }
    const running = Array.from({ length: OWNER_ENTRIES_MAX }, (_, i) => begin(`${i}`));
    assert.equal(table.find('mine 2', 0), undefined);
    assert.equal(table.start('phone', 'one more'), null);
    assert.equal(table.answerBytes, 2 * LARGEST_KEPT);
    assert.equal(table.find('other 2', RESEND_KEEP_MS), undefined);
    assert.equal(table.answerBytes, 0);
    const ended = running.slice(0, ALL_KEPT / LARGEST_KEPT + 1);
    for (const entry of ended) table.finish(entry, answer(LARGEST_KEPT), RESEND_KEEP_MS);
    assert.equal(table.answerBytes, ALL_KEPT);
    begin('one more', 'phone', RESEND_KEEP_MS);
    assert.equal(table.find('0', RESEND_KEEP_MS), undefined);
    assert.equal(table.find('1', 2 * RESEND_KEEP_MS), undefined);
    assert.equal(table.size, OWNER_ENTRIES_MAX - ended.length + 1);
    assert.equal(table.answerBytes, 0);
  });

  test('an owner whose ended requests grew old while others run has room again', () => {
    table.finish(begin('first'), answer(1), 0);
    const running = Array.from({ length: OWNER_ENTRIES_MAX - 1 }, (_, i) => begin(`${i}`));
    assert.equal(table.find('first', RESEND_KEEP_MS), undefined);
    table.finish(running[0]!, answer(1), RESEND_KEEP_MS);
    begin('second', 'phone', RESEND_KEEP_MS);
    begin('third', 'phone', RESEND_KEEP_MS);
    assert.equal(table.find('0', RESEND_KEEP_MS), undefined);
    assert.equal(table.size, OWNER_ENTRIES_MAX);
  });

  test('room may be made by the only request of the same owner', () => {
    table.finish(begin('first'), answer(1), 0);
    fill(ENTRIES_MAX - 1);
    const second = begin('second');
    assert.equal(table.find('first', 0), undefined);
    table.finish(second, answer(1), 0);
    begin('third');
    assert.equal(table.find('second', 0), undefined);
    assert.equal(table.size, ENTRIES_MAX);
    assert.equal(table.answerBytes, 0);
  });
});
