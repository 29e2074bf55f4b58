// HOT PATH. The step before the fields of any frame are read: finds out whether the meta uses the
// dynamic table and where its plain TLVs are.
// Invariant: after openMeta answered ok, the TLVs of the range are sound and none is DEFINE or REF.

import type { DynamicTable } from './dynamic-table.ts';
import type { MmtpFrame } from './frame.ts';
import { Field, MetaStatus } from './types.ts';
import type { TlvReader } from './tlv.ts';
import { TlvStep } from './tlv.ts';

/**
 * Sets `reader` to the plain TLVs of `frame`.
 *
 * @returns the buffer they are in: `bytes`, or the table's expanded meta; null when malformed
 */
export function openMeta(
  bytes: Buffer,
  frame: MmtpFrame,
  table: DynamicTable,
  reader: TlvReader,
): Buffer | null {
  frame.wrongField = 0;
  reader.open(frame.metaOffset, frame.metaEnd);
  let usesTable = false;
  let step: TlvStep;
  while ((step = reader.next(bytes)) === TlvStep.tlv) {
    if (reader.type === Field.define || reader.type === Field.ref) usesTable = true;
  }
  if (step === TlvStep.malformed) return null;
  if (!usesTable) {
    reader.open(frame.metaOffset, frame.metaEnd);
    return bytes;
  }
  if (!table.tryExpand(bytes, frame.metaOffset, frame.metaEnd)) return null;
  reader.open(0, table.expandedBytes);
  return table.expanded;
}

/** Notes the first wrong field of a frame. */
export function noteWrong(frame: MmtpFrame, field: number): void {
  if (frame.wrongField === 0) frame.wrongField = field;
}

/** What a frame whose TLVs are sound amounts to. */
export function statusOf(frame: MmtpFrame): MetaStatus {
  return frame.wrongField === 0 ? MetaStatus.ok : MetaStatus.fieldWrong;
}
