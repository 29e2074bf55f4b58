// Addresses as texts: what is taken, what is refused, and which peers a block covers.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compileAddressBlocks,
  isLoopback,
  parseAddressBlock,
  parseHostPort,
} from '#config/host-port.ts';

describe('parseHostPort', () => {
  test('reads names, IPv4 and IPv6', () => {
    assert.deepEqual(parseHostPort('a-b.c_d:80'), { host: 'a-b.c_d', port: 80 });
    assert.deepEqual(parseHostPort('127.0.0.1:65535'), { host: '127.0.0.1', port: 65_535 });
    assert.deepEqual(parseHostPort('[::1]:1'), { host: '::1', port: 1 });
  });

  test('refuses everything else', () => {
    const wrong = ['', 'h', ':1', 'h:', 'h:0', 'h:01', 'h:65536', 'h:1 ', ' h:1', '::1:1', 'h:1/x'];
    for (const text of [...wrong, '[h]:1', '[::1]', '[127.0.0.1]:1', 'http://h:1', 'h\n:1']) {
      assert.equal(parseHostPort(text), undefined, text);
    }
  });
});

describe('parseAddressBlock', () => {
  test('reads blocks and single addresses', () => {
    const block = { address: '10.0.0.0', prefix: 8, family: 'ipv4' };
    assert.deepEqual(parseAddressBlock('10.0.0.0/8'), block);
    assert.equal(parseAddressBlock('10.1.2.3')?.prefix, 32);
    assert.equal(parseAddressBlock('::1')?.prefix, 128);
    assert.equal(parseAddressBlock('::/0')?.prefix, 0);
  });

  test('refuses everything else', () => {
    const wrong = ['', '/8', '10.0.0/8', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1'];
    for (const text of [...wrong, '::/129', 'h/8', 'fe80::1%eth0', '10.0.0.0/8/8', '10.0.0.0/ 8']) {
      assert.equal(parseAddressBlock(text), undefined, text);
    }
  });
});

describe('compileAddressBlocks', () => {
  test('covers exactly the addresses of the blocks', () => {
    const list = compileAddressBlocks(['10.0.0.0/8', '192.168.1.1', 'fd00::/8']);
    assert.equal(list.check('10.255.0.1', 'ipv4'), true);
    assert.equal(list.check('11.0.0.1', 'ipv4'), false);
    assert.equal(list.check('192.168.1.1', 'ipv4'), true);
    assert.equal(list.check('192.168.1.2', 'ipv4'), false);
    assert.equal(list.check('fd12::1', 'ipv6'), true);
    assert.equal(list.check('fe00::1', 'ipv6'), false);
    assert.equal(compileAddressBlocks([]).check('127.0.0.1', 'ipv4'), false);
  });
});

describe('isLoopback', () => {
  test('knows the addresses of this machine only', () => {
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
      assert.ok(isLoopback(host), host);
    }
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'localhost.example']) {
      assert.ok(!isLoopback(host), host);
    }
  });
});
