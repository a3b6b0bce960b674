/** Commands with wrong data or without their effect. */
import { standardInquiry } from '../../wire/scsi/inquiry.js';
import { ScsiStatus } from '../../wire/scsi/status.js';
import type { CommandCall } from '../units/command-table.js';
import { editing, named } from './command-shapes.js';
import { swapBytes } from './deviations.js';
import type { Mutant } from './mutant.js';

const standard = (call: CommandCall): boolean => call.command.name === 'INQUIRY' && call.fields.evpd === 0n;
const page = (call: CommandCall): boolean => call.command.name === 'INQUIRY' && call.fields.evpd === 1n;

/** Fields of standard INQUIRY data, each with a value that no disk has there. */
const INQUIRY_VALUES: Readonly<Record<string, number>> = {
  peripheral: 0x1f,
  removable: 0x80,
  version: 0x02,
  format: 0x01,
  additional_length: 0x05,
  flags5: 0x01,
  flags7: 0x00,
};

const INQUIRY_MUTANTS: readonly Mutant[] = Object.entries(INQUIRY_VALUES).map(([name, value]) => {
  const { offset } = standardInquiry.fields[name as keyof typeof standardInquiry.fields];
  return editing(
    `inquiry.${name.replace('_', '-')}.wrong`,
    `Byte ${offset} of standard INQUIRY data (${name}) is ${value.toString(16).padStart(2, '0')}h.`,
    standard,
    (bytes) => {
      if (offset < bytes.length) bytes[offset] = value;
    },
  );
});

/** Adds to a big-endian number in place. */
function add(bytes: Uint8Array, offset: number, delta: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (offset + 4 <= bytes.length) view.setUint32(offset, view.getUint32(offset) + delta);
}

/** Offset of the low half of RETURNED LOGICAL BLOCK ADDRESS, and of the block length. */
const CAPACITIES = [
  ['READ CAPACITY(10)', 0, 4],
  ['READ CAPACITY(16)', 4, 8],
] as const;

const CAPACITY_MUTANTS: readonly Mutant[] = CAPACITIES.flatMap(([name, lba, length]) => {
  const slug = name.toLowerCase().replace('read ', '').replace('(', '-').replace(')', '');
  const isOne = (call: CommandCall) => named(call, name);
  return [
    editing(`${slug}.count`, `${name} returns the number of blocks instead of the last one.`, isOne, (b) =>
      add(b, lba, 1),
    ),
    editing(`${slug}.one-less`, `${name} returns the last block but one.`, isOne, (b) => add(b, lba, -1)),
    editing(`${slug}.block-length-doubled`, `${name} doubles the block length.`, isOne, (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (length + 4 <= bytes.length) view.setUint32(length, 2 * view.getUint32(length));
    }),
    editing(`${slug}.swapped`, `${name} returns its address with the bytes reversed.`, isOne, (bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (lba + 4 <= bytes.length) view.setUint32(lba, swapBytes(view.getUint32(lba), 4));
    }),
  ];
});

/** Commands whose effect can be left out. */
const EFFECTS = [
  'WRITE(6)',
  'WRITE(10)',
  'WRITE(12)',
  'WRITE(16)',
  'WRITE AND VERIFY(10)',
  'WRITE AND VERIFY(12)',
  'WRITE AND VERIFY(16)',
  'WRITE SAME(10)',
  'WRITE SAME(16)',
  'COMPARE AND WRITE',
  'UNMAP',
  'MODE SELECT(6)',
  'MODE SELECT(10)',
  'START STOP UNIT',
  'VERIFY(10)',
  'VERIFY(12)',
  'VERIFY(16)',
  'ORWRITE(16)',
  'WRITE ATOMIC(16)',
  'SANITIZE / OVERWRITE',
  'SANITIZE / BLOCK ERASE',
  'SANITIZE / CRYPTOGRAPHIC ERASE',
] as const;

const EFFECT_MUTANTS: readonly Mutant[] = EFFECTS.map((name) => ({
  id: `effect.${name
    .toLowerCase()
    .replaceAll(/ \/ |[ (]/g, '-')
    .replace(')', '')}.none`,
  sentence: `${name} is answered GOOD, and nothing is done or looked at.`,
  source: 'layout',
  apply: (behaviours) => {
    behaviours.perform = (call, run) =>
      call.command.name === name ? { status: ScsiStatus.GOOD, taken: call.task.dataOutLength } : run();
  },
}));

/** Blocks that are not where they belong; reading and writing differ, so that it shows. */
const MEDIUM: readonly (readonly [string, string, (lba: bigint, access: 'read' | 'write') => bigint])[] = [
  [
    'medium.read-shifted',
    'Reads begin one block late.',
    (lba, access) => (access === 'read' ? lba + 1n : lba),
  ],
  [
    'medium.write-shifted',
    'Writes begin one block late.',
    (lba, access) => (access === 'write' ? lba + 1n : lba),
  ],
  ['medium.address-cut', 'Block addresses are cut to 16 bits.', (lba) => lba & 0xffffn],
  [
    'medium.write-address-swapped',
    'Writes take the low 16 bits of the address with their bytes reversed.',
    (lba, access) => (access === 'write' ? BigInt(swapBytes(Number(lba & 0xffffn), 2)) : lba),
  ],
];

export const COMMAND_MUTANTS: readonly Mutant[] = [
  ...INQUIRY_MUTANTS,
  ...CAPACITY_MUTANTS,
  ...EFFECT_MUTANTS,
  ...MEDIUM.map(
    ([id, sentence, change]): Mutant => ({
      id,
      sentence,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.mediumBlock = change;
      },
    }),
  ),
  editing(
    'inquiry.nul-padding',
    'Texts of standard INQUIRY data are filled up with zeros instead of spaces.',
    standard,
    (bytes) => {
      for (let at = 8; at < Math.min(36, bytes.length); at++) if (bytes[at] === 0x20) bytes[at] = 0;
    },
    'museum QSD-27-inquiry-nul-padding',
  ),
  editing(
    'vpd.page-code-wiped',
    'The page code of vital product data is always 0.',
    page,
    (bytes) => {
      if (bytes.length > 1) bytes[1] = 0;
    },
    'museum SPS-08-vpd-page-code-wiped',
  ),
  editing(
    'vpd.page-length-plus-one',
    'The length of vital product data pages is one too large.',
    page,
    (bytes) => {
      if (bytes.length > 3) bytes[3] = ((bytes[3] ?? 0) + 1) & 0xff;
    },
  ),
  editing(
    'vpd.unit-serial-of-another',
    'The unit serial number ends in another character.',
    (call) => page(call) && call.fields.page === 0x80n,
    (bytes) => {
      const last = bytes.length - 1;
      bytes[last] = (bytes[last] ?? 0) ^ 1;
    },
  ),
  editing(
    'vpd.list-unsorted',
    'Page 00h lists its pages in descending order.',
    (call) => page(call) && call.fields.page === 0n,
    (bytes) => {
      bytes.subarray(4).reverse();
    },
  ),
  editing(
    'inquiry.missing-unit-there',
    'INQUIRY of a missing unit shows a disk.',
    (call) => call.command.name === 'INQUIRY' && call.destination.unit === undefined,
    (bytes) => {
      bytes[0] = 0;
    },
    'museum QSD-32-missing-lun-inquiry',
  ),
  editing(
    'report-luns.length-of-list',
    'LUN LIST LENGTH counts entries instead of bytes.',
    (call) => named(call, 'REPORT LUNS'),
    (bytes) => {
      if (bytes.length > 3) bytes[3] = (bytes[3] ?? 0) >> 3;
    },
  ),
  editing(
    'report-luns.last-missing',
    'REPORT LUNS leaves the last unit blank.',
    (call) => named(call, 'REPORT LUNS'),
    (bytes) => {
      if (bytes.length > 16) bytes.fill(0, bytes.length - 8);
    },
  ),
  editing(
    'mode.length-includes-itself',
    'MODE DATA LENGTH counts its own bytes.',
    (call) => named(call, 'MODE SENSE(6)', 'MODE SENSE(10)'),
    (bytes, { command }) => {
      const [at, own] = command.length === 6 ? [0, 1] : [1, 2];
      bytes[at] = ((bytes[at] ?? 0) + own) & 0xff;
    },
    'museum QSD-19-mode-data-length',
  ),
  {
    id: 'mode.select-always-good',
    sentence: 'MODE SELECT answers GOOD to anything.',
    source: 'museum SPS-10-mode-select-always-good',
    apply: (behaviours) => {
      behaviours.result = (result, call) =>
        call.command.name.startsWith('MODE SELECT') && result.sense?.key === 5
          ? { status: ScsiStatus.GOOD, taken: result.taken ?? 0 }
          : result;
    },
  },
  {
    id: 'inquiry.evpd-ignored',
    sentence: 'INQUIRY returns standard data whatever EVPD says.',
    source: 'museum OBV-07-inquiry-evpd-ignored',
    apply: (behaviours) => {
      let data: Uint8Array | undefined;
      behaviours.result = (result, call) => {
        if (standard(call)) data = result.data;
        return page(call) && result.status === ScsiStatus.GOOD && data
          ? { ...result, data: data.subarray(0, Number(call.fields.allocation_length)) }
          : result;
      };
    },
  },
];
