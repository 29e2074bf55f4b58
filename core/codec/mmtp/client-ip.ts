// CLIENT_IP from its 4 or 16 wire bytes to text. IPv4-mapped IPv6 addresses read as IPv4, so that
// one client has one name. Whether the field is believed is decided by the caller.

const GROUPS = 8;

/**
 * @param length 4 or 16
 * @returns dotted IPv4 or IPv6 in the form of RFC 5952
 */
export function clientIpText(bytes: Buffer, offset: number, length: number): string {
  if (length === 4) return ipv4Text(bytes, offset);
  if (isMappedIpv4(bytes, offset)) return ipv4Text(bytes, offset + 12);
  let bestStart = -1;
  let bestLength = 1;
  let runStart = -1;
  for (let group = 0; group <= GROUPS; group++) {
    const isZero = group < GROUPS && bytes.readUInt16BE(offset + group * 2) === 0;
    if (isZero && runStart < 0) runStart = group;
    if (isZero || runStart < 0) continue;
    if (group - runStart > bestLength) {
      bestStart = runStart;
      bestLength = group - runStart;
    }
    runStart = -1;
  }
  const head = groupsText(bytes, offset, 0, bestStart < 0 ? GROUPS : bestStart);
  if (bestStart < 0) return head;
  return `${head}::${groupsText(bytes, offset, bestStart + bestLength, GROUPS)}`;
}

function groupsText(bytes: Buffer, offset: number, from: number, to: number): string {
  const groups: string[] = [];
  for (let group = from; group < to; group++) {
    groups.push(bytes.readUInt16BE(offset + group * 2).toString(16));
  }
  return groups.join(':');
}

function ipv4Text(bytes: Buffer, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

function isMappedIpv4(bytes: Buffer, offset: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[offset + i] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}
