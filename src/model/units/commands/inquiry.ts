/** INQUIRY with its vital product data pages (SPC-5, "INQUIRY command", "Vital product data parameters"). */
import { standardInquiry } from '../../../wire/scsi/inquiry.js';
import { type CommandResult, goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';

/** What INQUIRY needs to know of a unit. */
export interface Identity {
  readonly peripheral: number;
  readonly removable: boolean;
  /** The unit has protection information. */
  readonly protection?: boolean;
  /** ASCII, at most 8, 16 and 4 characters. */
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  /** Version descriptors, 8 at most; without any the data end before them. */
  readonly versions?: readonly number[];
  /** Vital product data pages by code: what follows their 4-byte header. Page 00h is made of this list. */
  readonly pages: ReadonlyMap<number, () => Uint8Array>;
}

const VERSION_SPC_4 = 0x06;
/** HISUP, and RESPONSE DATA FORMAT 2. */
const FORMAT = 0x12;
const CMDQUE = 0x02;
const RMB = 0x80;
const PROTECT = 0x01;
/** Where the 8 version descriptors lie. */
const VERSIONS_AT = 58;
const versionedSize = VERSIONS_AT + 2 * 8;

/** ASCII, filled up with spaces as SPC wants it. */
export function ascii(text: string, width: number): Uint8Array {
  return Uint8Array.from(text.padEnd(width).slice(0, width), (char) => char.charCodeAt(0));
}

/** Standard INQUIRY data: 36 bytes, or 74 with version descriptors. */
export function standardData(identity: Identity): Uint8Array {
  const { versions } = identity;
  const head = standardInquiry.encode({
    peripheral: identity.peripheral,
    removable: identity.removable ? RMB : 0,
    version: VERSION_SPC_4,
    format: FORMAT,
    additional_length: (versions ? versionedSize : standardInquiry.size) - 5,
    flags5: identity.protection ? PROTECT : 0,
    flags7: CMDQUE,
    vendor: ascii(identity.vendor, 8),
    product: ascii(identity.product, 16),
    revision: ascii(identity.revision, 4),
  });
  if (versions === undefined) return head;
  const out = new Uint8Array(versionedSize);
  out.set(head);
  const view = new DataView(out.buffer);
  for (const [at, version] of versions.entries()) view.setUint16(VERSIONS_AT + 2 * at, version);
  return out;
}

/** A vital product data page with its header. */
export function vpdPage(peripheral: number, code: number, body: Uint8Array): Uint8Array {
  return Uint8Array.of(peripheral, code, body.length >> 8, body.length & 0xff, ...body);
}

function answer(identity: Identity, call: CommandCall): CommandResult {
  const page = Number(call.fields.page);
  if (call.fields.evpd === 0n) {
    if (page !== 0) throw invalidNamed(call.command, 'page');
    return goodWith(allocated(call, standardData(identity)));
  }
  const body =
    page === 0
      ? Uint8Array.from([0, ...identity.pages.keys()].sort((a, b) => a - b))
      : identity.pages.get(page)?.();
  if (body === undefined) throw invalidNamed(call.command, 'page');
  return goodWith(allocated(call, vpdPage(identity.peripheral, page, body)));
}

export function inquiry(identity: Identity): CommandEntry {
  return {
    name: 'INQUIRY',
    accepts: ['evpd', 'page', 'allocation_length'],
    run: (call) => answer(identity, call),
  };
}
