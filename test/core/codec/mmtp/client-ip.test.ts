// Binary client addresses as text, checked against the parser of node:net.

import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { clientIpText } from '#core/codec/mmtp/client-ip.ts';

test('clientIpText writes the shortest form of RFC 5952', () => {
  const cases: [hex: string, text: string][] = [
    ['c0a80001', '192.168.0.1'],
    ['00000000', '0.0.0.0'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['00000000000000000000ffff0a000001', '10.0.0.1'],
  ];
  for (const [hex, text] of cases) {
    const bytes = Buffer.from(`ee${hex}ee`, 'hex');
    assert.equal(clientIpText(bytes, 1, hex.length / 2), text);
  }
});

test('property: clientIpText of 16 bytes names that address and no other', () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const bytes = Buffer.alloc(16);
      groups.forEach((value, i) => bytes.writeUInt16BE(value, i * 2));
      const text = clientIpText(bytes, 0, 16);
      const list = new BlockList();
      const full = groups.map((value) => value.toString(16)).join(':');
      list.addAddress(full, 'ipv6');
      assert.ok(list.check(text, text.includes('.') ? 'ipv4' : 'ipv6'), `${full} as ${text}`);
    }),
  );
});
