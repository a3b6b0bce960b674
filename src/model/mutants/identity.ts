/** Deviations in what a unit says that it is: INQUIRY and its pages, capacity, keys. */
import type { CommandCall } from '../units/command-table.js';
import { byte, edited, ending, good, named } from './command-shapes.js';
import type { Mutant } from './mutant.js';

const standard = (call: CommandCall): boolean => named(call, 'INQUIRY') && call.fields.evpd === 0n;
export const vital = (call: CommandCall, code: bigint): boolean =>
  named(call, 'INQUIRY') && call.fields.evpd === 1n && call.fields.page === code;

export const IDENTITY_MUTANTS: readonly Mutant[] = [
  byte('inquiry.response-format-1', 'RESPONSE DATA FORMAT is 1.', standard, 3, (old) => (old & 0xf0) | 1),
  byte('inquiry.version-unassigned', 'VERSION is 7Fh.', standard, 2, () => 0x7f),
  byte('inquiry.aerc', 'AERC is set.', standard, 3, (old) => old | 0x80),
  byte('inquiry.versions-gap', 'The second version descriptor is empty.', standard, 61, () => 0),
  ending('inquiry.versions-of-tapes', 'Version descriptors name SSC and nothing else.', (result, call) =>
    standard(call)
      ? edited(result, (data) => {
          if (data.length < 74) return;
          data.fill(0, 58);
          data.set([0x02, 0x00], 58);
        })
      : result,
  ),
  {
    id: 'inquiry.low-length-byte',
    sentence: 'Of the allocation length of INQUIRY only the low byte counts from 256 on.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.result = (result, call) => {
        const length = Number(call.fields.allocation_length ?? 0n);
        return named(call, 'INQUIRY') && length > 255 && length < 600 && good(result)
          ? { ...result, data: result.data?.subarray(0, length & 0xff) ?? new Uint8Array(0) }
          : result;
      };
    },
  },
  ending(
    'vpd.one-byte-short',
    'A page that fits just into the allocation length lacks its last byte.',
    (result, call) =>
      named(call, 'INQUIRY') &&
      call.fields.evpd === 1n &&
      good(result) &&
      result.data?.length === Number(call.fields.allocation_length) &&
      result.data.length > 8
        ? { ...result, data: result.data.subarray(0, -1) }
        : result,
  ),
  ending(
    'vpd.naa-of-nine',
    'The NAA designator is one byte longer, and the page with it.',
    (result, call) => {
      const { data } = result;
      if (!vital(call, 0x83n) || !good(result) || data === undefined || data.length < 12) return result;
      // It is the second designator.
      const at = 4 + 4 + (data[7] ?? 0);
      const end = at + 4 + (data[at + 3] ?? 0);
      if (end > data.length) return result;
      const out = Uint8Array.of(...data.subarray(0, end), 0, ...data.subarray(end));
      out[3] = (out[3] ?? 0) + 1;
      out[at + 3] = (out[at + 3] ?? 0) + 1;
      return { ...result, data: out };
    },
  ),
  ending('vpd.naa-of-all', 'All units have the same NAA designator.', (result, call) =>
    vital(call, 0x83n)
      ? edited(result, (data) => {
          // It is the second designator.
          const at = 8 + (data[7] ?? 0);
          data.subarray(at + 4, at + 4 + (data[at + 3] ?? 0)).fill(0x33);
        })
      : result,
  ),
  byte(
    'vpd.vendor-binary',
    'The T10 vendor designator is binary.',
    (call) => vital(call, 0x83n),
    4,
    () => 1,
  ),
  ending('vpd.ports-only', 'All designators are of target ports.', (result, call) => {
    if (!vital(call, 0x83n)) return result;
    return edited(result, (data) => {
      for (let at = 4; at + 3 < data.length; at += 4 + (data[at + 3] ?? 0))
        data[at + 1] = (data[at + 1] ?? 0) | 0x10;
    });
  }),
  byte(
    'vpd.extended-short',
    'Extended INQUIRY Data say that they have 3Bh bytes.',
    (call) => vital(call, 0x86n),
    3,
    () => 0x3b,
  ),
  byte(
    'vpd.rotation-reserved',
    'MEDIUM ROTATION RATE is 2.',
    (call) => vital(call, 0xb1n),
    5,
    () => 2,
  ),
  byte(
    'vpd.form-factor-reserved',
    'NOMINAL FORM FACTOR is 0Fh.',
    (call) => vital(call, 0xb1n),
    7,
    () => 0x0f,
  ),
  ending('vpd.unmap-without-limit', 'MAXIMUM UNMAP LBA COUNT is 0 beside LBPU.', (result, call) =>
    vital(call, 0xb0n) ? edited(result, (data) => data.fill(0, 20, 24)) : result,
  ),
  ending(
    'vpd.best-beyond-most',
    'OPTIMAL TRANSFER LENGTH is above MAXIMUM TRANSFER LENGTH.',
    (result, call) => (vital(call, 0xb0n) ? edited(result, (data) => data.fill(0xff, 12, 16)) : result),
  ),
  byte(
    'capacity-16.protected-unannounced',
    'PROT_EN is set on every unit.',
    (call) => named(call, 'READ CAPACITY(16)'),
    12,
    (old) => old | 1,
  ),
  byte(
    'request-sense.key-kept',
    'REQUEST SENSE returns ABORTED COMMAND when nothing is wrong.',
    (call) => named(call, 'REQUEST SENSE'),
    2,
    (old) => old | 0x0b,
  ),
  byte(
    'persistent-in.generation-high',
    'The generation of READ KEYS depends on the allocation length.',
    (call) => named(call, 'PERSISTENT RESERVE IN / READ KEYS') && call.fields.allocation_length !== 4096n,
    0,
    () => 1,
  ),
  byte(
    'persistent-in.capabilities-long',
    'REPORT CAPABILITIES says that it has nine bytes.',
    (call) => named(call, 'PERSISTENT RESERVE IN / REPORT CAPABILITIES'),
    1,
    () => 9,
  ),
];
