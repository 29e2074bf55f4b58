// The table of repeatable requests by itself: what it counts and what it forgets.

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { RESEND_KEEP_MS, ResendTable, type KeptAnswer } from './resend-table.ts';

const LARGEST_KEPT = 256 * 1024;
const ALL_KEPT = 32 * 1024 * 1024;

let table: ResendTable;

function answer(bytes: number): KeptAnswer {
  const body = Buffer.alloc(bytes);
  return { resultCode: 1000, contentType: 0, memo: '', tips: '', headers: [], body };
}

describe('resend table', () => {
  beforeEach(() => {
    table = new ResendTable();
  });

  test('counts the answers of those entries only that it holds', () => {
    const slow = table.start('slow', 0);
    const again = table.start('slow', 1);
    table.finish(slow, answer(1000));
    assert.equal(table.answerBytes, 0);
    assert.equal(slow.answer, null);
    table.finish(again, answer(10));
    assert.equal(table.answerBytes, 10);
    assert.equal(table.find('slow', 1 + RESEND_KEEP_MS), undefined);
    assert.equal(table.answerBytes, 0);
  });

  test('ends of forgotten requests leave room for the answers of others', () => {
    for (let kept = 0; kept <= ALL_KEPT; kept += LARGEST_KEPT) {
      const slow = table.start('slow', 0);
      table.start('slow', 0);
      table.finish(slow, answer(LARGEST_KEPT));
    }
    table.finish(table.start('quick', 0), answer(LARGEST_KEPT));
    assert.equal(table.answerBytes, LARGEST_KEPT);
    assert.notEqual(table.find('quick', 0)?.answer, null);
  });
});
