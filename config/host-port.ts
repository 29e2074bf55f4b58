// Addresses as texts: HOST:PORT of services and address blocks of peers.

import { BlockList, isIP, isIPv6 } from 'node:net';

/** A host name or address with a port. */
export interface HostPort {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  /** 1..65535 */
  readonly port: number;
}

const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]{1,253})):([1-9][0-9]{0,4})$/;

/** Reads `127.0.0.1:9000`, `service.local:80` or `[::1]:9000`; undefined for all else. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = HOST_PORT.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  const ipv6 = match[1];
  if (port > 65_535 || (ipv6 !== undefined && !isIPv6(ipv6))) return undefined;
  return { host: ipv6 ?? match[2]!, port };
}

/** A block of addresses. */
export interface AddressBlock {
  readonly address: string;
  /** Leading bits that count: 0..32 or 0..128. */
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Reads `10.0.0.0/8`, `fd00::/8` or one address; undefined when it is none of them. */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  const prefixText = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(prefixText) || Number(prefixText) > bits) return undefined;
  return { address, prefix: Number(prefixText), family: version === 4 ? 'ipv4' : 'ipv6' };
}

/**
 * Compiles address blocks, which a check has passed, to a list that answers
 * `check(address, family)`.
 */
export function compileAddressBlocks(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const block = parseAddressBlock(text);
    if (block) list.addSubnet(block.address, block.prefix, block.family);
  }
  return list;
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.[0-9.]+$/.test(host);
}
