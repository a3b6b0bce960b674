/** Deviations that prove cases about single commands: lengths, sense data, addresses and fields of a CDB. */
import { SenseKey } from '../../wire/scsi/sense.js';
import { ScsiStatus } from '../../wire/scsi/status.js';
import type { Behaviours } from '../behaviours.js';
import { type CommandResult, goodWith } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import { Sense } from '../units/sense.js';
import { cdb, edited, ending, good, named, refusing } from './command-shapes.js';
import type { Mutant } from './mutant.js';

const ALLOCATING = ['INQUIRY', 'REPORT LUNS', 'REQUEST SENSE', 'READ CAPACITY(16)', 'MODE SENSE(6)'];
const RESERVED_OPCODES: ReadonlySet<number> = new Set([0x60, 0x61, 0x6f, 0x7c, 0x7d]);
/** Opcodes of CD and DVD drives. */
const MMC_OPCODES: ReadonlySet<number> = new Set([0x43, 0x46, 0x51, 0xbd, 0xbe]);
const NACA = 0x04;

const control = (bytes: Uint8Array, length: number): number => bytes[length - 1] ?? 0;

const LENGTHS: readonly Mutant[] = [
  ending('allocation.padded', 'Data are filled up with zeros to the allocation length.', (result, call) => {
    const length = Number(call.fields.allocation_length ?? 0n);
    if (!good(result) || result.data === undefined || length <= result.data.length) return result;
    const data = new Uint8Array(length);
    data.set(result.data);
    return { ...result, data };
  }),
  ending(
    'allocation.ignored-when-short',
    'An allocation length below 36 returns one byte less.',
    (result, call) =>
      named(call, ...ALLOCATING) && good(result) && (call.fields.allocation_length ?? 0n) < 36n
        ? { ...result, data: result.data?.subarray(0, -1) ?? new Uint8Array(0) }
        : result,
  ),
  ending(
    'allocation.length-field-follows',
    'ADDITIONAL LENGTH of standard INQUIRY data follows the allocation length.',
    (result, call) =>
      named(call, 'INQUIRY') && call.fields.evpd === 0n
        ? edited(result, (data) => {
            if (data.length > 4)
              data[4] = Math.max(31, Number(call.fields.allocation_length ?? 0n) - 5) & 0xff;
          })
        : result,
  ),
  refusing(
    'allocation.zero-refused',
    'An allocation length of zero is refused.',
    (call) => named(call, ...ALLOCATING) && call.fields.allocation_length === 0n,
  ),
  ending(
    'allocation.data-shifted',
    'Data of commands with an allocation length begin with their second byte.',
    (result, call) =>
      named(call, ...ALLOCATING) && good(result) && result.data && result.data.length > 1
        ? { ...result, data: Uint8Array.of(...result.data.subarray(1), 0) }
        : result,
  ),
];

const IDENTITY: readonly Mutant[] = [
  {
    id: 'inquiry.every-third-differs',
    sentence: 'Every third standard INQUIRY data has another revision.',
    source: 'layout',
    apply: (behaviours) => {
      let count = 0;
      behaviours.result = (result, call) =>
        named(call, 'INQUIRY') && call.fields.evpd === 0n && ++count % 3 === 0
          ? edited(result, (data) => {
              if (data.length > 32) data[32] = (data[32] ?? 0) ^ 1;
            })
          : result;
    },
  },
  cdb('inquiry.reserved-bits-select', 'Any bit of byte 1 of INQUIRY means EVPD.', (bytes) => {
    if (bytes[0] === 0x12 && bytes[1] !== 0) bytes[1] = 0x01;
  }),
  ending('vpd.serial-not-printable', 'The unit serial number ends in a zero byte.', (result, call) =>
    named(call, 'INQUIRY') && call.fields.evpd === 1n && call.fields.page === 0x80n
      ? edited(result, (data) => data.fill(0, data.length - 1))
      : result,
  ),
  ending('vpd.designator-too-long', 'The first designator is longer than its page.', (result, call) =>
    named(call, 'INQUIRY') && call.fields.evpd === 1n && call.fields.page === 0x83n
      ? edited(result, (data) => {
          if (data.length > 7) data[7] = 0xff;
        })
      : result,
  ),
  ending('vpd.same-designators', 'Every unit has the same designators.', (result, call) =>
    named(call, 'INQUIRY') && call.fields.evpd === 1n && call.fields.page === 0x83n
      ? edited(result, (data) => data.fill(0x20, 8))
      : result,
  ),
  ending('vpd.provisioning-type-reserved', 'PROVISIONING TYPE is 7.', (result, call) =>
    named(call, 'INQUIRY') && call.fields.evpd === 1n && call.fields.page === 0xb2n
      ? edited(result, (data) => {
          if (data.length > 6) data[6] = 7;
        })
      : result,
  ),
  ending('capacity-16.lbpme-clear', 'LBPME is clear on a thin unit.', (result, call) =>
    named(call, 'READ CAPACITY(16)')
      ? edited(result, (data) => {
          if (data.length > 14) data[14] = (data[14] ?? 0) & 0x7f;
        })
      : result,
  ),
  ending(
    'capacity-16.reserved-filled',
    'The reserved bytes of READ CAPACITY(16) data are ones.',
    (result, call) =>
      named(call, 'READ CAPACITY(16)') ? edited(result, (data) => data.fill(0xff, 16)) : result,
  ),
  ending(
    'capacity-10.obsolete-fields-evaluated',
    'READ CAPACITY(10) with PMI or an address returns the address.',
    (result, call) =>
      named(call, 'READ CAPACITY(10)') && (call.cdb[8] !== 0 || call.cdb[5] !== 0)
        ? edited(result, (data) => data.fill(0, 0, 4))
        : result,
  ),
];

const LISTS: readonly Mutant[] = [
  ending(
    'report-luns.select-ignored',
    'REPORT LUNS lists one ordinary unit whatever is selected.',
    (result, call) =>
      named(call, 'REPORT LUNS') && good(result)
        ? {
            ...result,
            data: Uint8Array.of(0, 0, 0, 8, ...new Uint8Array(12)).subarray(0, result.data?.length ?? 0),
          }
        : result,
  ),
  ending(
    'report-luns.well-known-always',
    'REPORT LUNS lists the well-known unit first whatever is selected.',
    (result, call) =>
      named(call, 'REPORT LUNS')
        ? edited(result, (data) => {
            if (data.length > 15) data.set([0xc1, 0x01], 8);
          })
        : result,
  ),
  ending(
    'report-luns.short-garbled',
    'REPORT LUNS with an allocation length below 16 returns ones.',
    (result, call) =>
      named(call, 'REPORT LUNS') && (call.fields.allocation_length ?? 0n) < 16n
        ? {
            status: ScsiStatus.GOOD,
            data: new Uint8Array(Number(call.fields.allocation_length ?? 0n)).fill(0xff),
          }
        : result,
  ),
  refusing(
    'report-luns.short-other-code',
    'REPORT LUNS with an allocation length below 16 is refused as an unknown opcode.',
    (call) => named(call, 'REPORT LUNS') && (call.fields.allocation_length ?? 0n) < 16n,
    Sense.INVALID_OPCODE,
  ),
];

const SENSE: readonly Mutant[] = [
  ending('request-sense.deferred', 'REQUEST SENSE returns a deferred error.', (result, call) =>
    named(call, 'REQUEST SENSE')
      ? edited(result, (data) => {
          data[0] = (data[0] ?? 0) | 0x01;
        })
      : result,
  ),
  ending(
    'request-sense.recovered-error',
    'REQUEST SENSE returns RECOVERED ERROR where there is nothing.',
    (result, call) =>
      named(call, 'REQUEST SENSE')
        ? edited(result, (data) => {
            const at = data[0] === 0x72 ? 1 : 2;
            if (data.length > at) data[at] = SenseKey['RECOVERED ERROR'];
          })
        : result,
  ),
  {
    id: 'request-sense.keeps-earlier-error',
    sentence: 'REQUEST SENSE returns the key of the error before it.',
    source: 'layout',
    apply: (behaviours) => {
      let key = 0;
      behaviours.result = (result, call) => {
        if (result.sense) key = result.sense.key;
        return named(call, 'REQUEST SENSE')
          ? edited(result, (data) => {
              if (data.length > 2) data[2] = key === SenseKey['UNIT ATTENTION'] ? 0 : key;
            })
          : result;
      };
    },
  },
  {
    id: 'sense.additional-length-lies',
    sentence: 'ADDITIONAL SENSE LENGTH says two bytes more than there are.',
    source: 'museum VBX-02-asc-at-wrong-offset',
    apply: (behaviours) => {
      behaviours.answer = (answer) => {
        const sense = answer.sense.slice();
        if (sense.length > 7) sense[7] = (sense[7] ?? 0) + 2;
        return { ...answer, sense };
      };
    },
  },
  {
    id: 'sense.pointer-outside',
    sentence: 'The field pointer of INVALID FIELD IN CDB points behind the CDB.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.result = (result) =>
        result.sense?.pointer
          ? { ...result, sense: { ...result.sense, pointer: { inCdb: true, byte: 99 } } }
          : result;
    },
  },
  {
    id: 'sense.kept-for-next',
    sentence: 'A command after a failing one gets its sense data, with status GOOD.',
    source: 'layout',
    apply: (behaviours) => {
      let last = new Uint8Array(0);
      behaviours.answer = (answer) => {
        const before = last;
        last = answer.sense.slice();
        return answer.sense.length > 0 || before.length === 0
          ? answer
          : { ...answer, sense: before, fields: { ...answer.fields, sense_len: before.length } };
      };
    },
  },
];

const OPCODES: readonly Mutant[] = [
  ...(
    [
      ['good', 'answered GOOD', { status: ScsiStatus.GOOD }],
      [
        'invalid-field',
        'an invalid field',
        { status: ScsiStatus['CHECK CONDITION'], sense: Sense.INVALID_FIELD_IN_CDB },
      ],
    ] as const
  ).flatMap(([slug, words, answer]) =>
    (
      [
        ['reserved', 'A reserved operation code', RESERVED_OPCODES],
        ['other-device-type', 'An operation code of CD drives', MMC_OPCODES],
      ] as const
    ).map(
      ([which, subject, opcodes]): Mutant => ({
        id: `opcode.${which}-${slug}`,
        sentence: `${subject} is ${words}.`,
        source: 'museum OBV-01-unknown-opcode-unanswered',
        apply: (behaviours) => {
          behaviours.perform = (call, run) => (opcodes.has(call.cdb[0] ?? 0) ? answer : run());
        },
      }),
    ),
  ),
  cdb('control.naca-ignored', 'NACA in the CONTROL byte is not looked at.', (bytes, { command }) => {
    if (command.length > 0) bytes[command.length - 1] = control(bytes, command.length) & ~NACA;
  }),
  {
    id: 'test-unit-ready.every-fifth-refused',
    sentence: 'TEST UNIT READY is refused every fifth time.',
    source: 'layout',
    apply: (behaviours) => {
      let count = 0;
      behaviours.perform = (call, run) =>
        named(call, 'TEST UNIT READY') && ++count % 5 === 0
          ? { status: ScsiStatus['CHECK CONDITION'], sense: Sense.INVALID_FIELD_IN_CDB }
          : run();
    },
  },
  ending(
    'test-unit-ready.reserved-bits-reported',
    'Reserved bits of TEST UNIT READY are reported as a range error.',
    (result, call) =>
      named(call, 'TEST UNIT READY') && result.sense?.asc === Sense.INVALID_FIELD_IN_CDB.asc
        ? { ...result, sense: Sense.LBA_OUT_OF_RANGE }
        : result,
  ),
  ending('service-action.unknown-good', 'An unknown service action is answered GOOD.', (result, call) =>
    [0x9e, 0xa3, 0x5e].includes(call.cdb[0] ?? 0) && result.sense?.key === SenseKey['ILLEGAL REQUEST']
      ? goodWith(new Uint8Array(0))
      : result,
  ),
];

const BLOCKS: readonly Mutant[] = [
  refusing(
    'blocks.zero-refused',
    'A transfer of no blocks is out of range.',
    (call) => /^(READ|WRITE)\(1/.test(call.command.name) && call.fields.blocks === 0n,
    Sense.LBA_OUT_OF_RANGE,
  ),
  {
    id: 'blocks.zero-invalid-at-the-end',
    sentence: 'A transfer of no blocks right behind the last one is an invalid field.',
    source: 'museum QSD-13-zero-length-at-edges',
    apply: (behaviours) => {
      behaviours.result = (result, call) =>
        /^(READ|WRITE)\(1/.test(call.command.name) &&
        call.fields.blocks === 0n &&
        (call.fields.lba ?? 0n) > 0xffffn
          ? { status: ScsiStatus['CHECK CONDITION'], sense: Sense.INVALID_FIELD_IN_CDB }
          : result;
    },
  },
  cdb('blocks.six-zero-is-one', 'TRANSFER LENGTH 0 of READ(6) and WRITE(6) means one block.', (bytes) => {
    if ((bytes[0] === 0x08 || bytes[0] === 0x0a) && bytes[4] === 0) bytes[4] = 1;
  }),
  cdb(
    'blocks.address-of-32-bits',
    'READ(16) and WRITE(16) look at the low 32 bits of the address.',
    (bytes) => {
      if (bytes[0] === 0x88 || bytes[0] === 0x8a) bytes.fill(0, 2, 6);
    },
  ),
  cdb('blocks.length-of-8-bits', 'Transfer lengths are cut to 8 bits.', (bytes) => {
    if (bytes[0] === 0x28 || bytes[0] === 0x2a) bytes[7] = 0;
  }),
  cdb('blocks.six-address-of-16-bits', 'READ(6) and WRITE(6) look at 16 bits of the address.', (bytes) => {
    if (bytes[0] === 0x08 || bytes[0] === 0x0a) bytes[1] = 0;
  }),
  cdb('blocks.fua-swaps', 'FUA makes READ and WRITE go to the next block.', (bytes) => {
    const last = new Map([
      [0x28, 5],
      [0xa8, 5],
      [0x88, 9],
      [0x2a, 5],
      [0xaa, 5],
      [0x8a, 9],
    ]).get(bytes[0] ?? 0);
    if (last !== undefined && (bytes[1] ?? 0) & 0x18)
      bytes[last] = (bytes[last] ?? 0) ^ ((bytes[0] ?? 0) & 0x02);
  }),
  cdb('blocks.protection-ignored', 'RDPROTECT and WRPROTECT are not looked at.', (bytes) => {
    if ([0x28, 0xa8, 0x88, 0x2a, 0xaa, 0x8a].includes(bytes[0] ?? 0)) bytes[1] = (bytes[1] ?? 0) & 0x1f;
  }),
  cdb('blocks.group-in-address', 'GROUP NUMBER is added to the address of READ.', (bytes) => {
    const [group, last] = bytes[0] === 0x28 ? [6, 5] : bytes[0] === 0xa8 ? [10, 5] : [14, 9];
    if (bytes[0] === 0x28 || bytes[0] === 0xa8 || bytes[0] === 0x88)
      bytes[last] = (bytes[last] ?? 0) ^ ((bytes[group] ?? 0) & 0x3f);
  }),
  {
    id: 'blocks.range-error-sticks',
    sentence: 'After an address out of range the next read is out of range, too.',
    source: 'layout',
    apply: (behaviours) => {
      let sticky = false;
      behaviours.result = (result, call) => {
        const wrong = result.sense?.asc === Sense.LBA_OUT_OF_RANGE.asc;
        const again = sticky && call.command.name.startsWith('READ(');
        if (wrong || again) sticky = wrong;
        return again && !wrong
          ? { status: ScsiStatus['CHECK CONDITION'], sense: Sense.LBA_OUT_OF_RANGE }
          : result;
      };
    },
  },
  {
    id: 'blocks.crossing-write-begun',
    sentence: 'A write across the end writes what fits before it fails.',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      behaviours.result = (result, call) => {
        if (!call.command.name.startsWith('WRITE(') || result.sense?.asc !== Sense.LBA_OUT_OF_RANGE.asc)
          return result;
        const disk = call.unit as { blocks?: bigint; writeBlocks?: (lba: bigint, bytes: Uint8Array) => void };
        const lba = call.fields.lba ?? 0n;
        if (disk.blocks !== undefined && lba < disk.blocks)
          disk.writeBlocks?.(lba, call.task.dataOut(call.unit.blockSize));
        return result;
      };
    },
  },
];

/** How to reach the blocks of a unit. */
interface Medium {
  readBlocks?: (lba: bigint, blocks: number) => Uint8Array;
  writeBlocks?: (lba: bigint, bytes: Uint8Array) => void;
}
const isWrite = ({ command }: CommandCall): boolean => command.name.startsWith('WRITE(');
const firstOf = ({ fields }: CommandCall): bigint => fields.lba ?? 0n;
const endOf = (call: CommandCall): bigint => firstOf(call) + (call.fields.blocks ?? 0n);

/** A mutant that changes how a WRITE is carried out, knowing the two before it. */
function writing(
  id: string,
  sentence: string,
  change: (
    call: CommandCall,
    before: CommandCall | undefined,
    run: () => CommandResult,
    beforeThat: CommandCall | undefined,
  ) => CommandResult,
): Mutant {
  return {
    id,
    sentence,
    source: 'generic',
    acts: true,
    apply: (behaviours: Behaviours) => {
      let before: CommandCall | undefined;
      let beforeThat: CommandCall | undefined;
      behaviours.perform = (call, run) => {
        if (!isWrite(call)) return run();
        const result = change(call, before, run, beforeThat);
        beforeThat = before;
        before = call;
        return result;
      };
    },
  };
}

/** Carries out a WRITE, and then puts back some of what it replaced. */
function puttingBack(
  call: CommandCall,
  lba: bigint,
  blocks: bigint,
  run: () => CommandResult,
): CommandResult {
  const medium = call.unit as Medium;
  const old = medium.readBlocks?.(lba, Number(blocks));
  const result = run();
  if (old && result.status === ScsiStatus.GOOD) medium.writeBlocks?.(lba, old);
  return result;
}

const WRITES: readonly Mutant[] = [
  writing(
    'write.third-of-a-run-lost',
    'Of blocks that are written one by one in ascending order, those from the third on are not stored.',
    (call, before, run, second) =>
      [call, before, second].every((each) => each?.fields.blocks === 1n) &&
      before !== undefined &&
      second !== undefined &&
      endOf(before) === firstOf(call) &&
      endOf(second) === firstOf(before)
        ? puttingBack(call, firstOf(call), 1n, run)
        : run(),
  ),
  writing(
    'write.ones-taken-for-erased',
    'A write of several blocks of nothing but ones erases them to zeros.',
    (call, _before, run) => {
      const result = run();
      const bytes = call.task.dataOut(Number(call.fields.blocks ?? 0n) * call.unit.blockSize);
      if (
        (call.fields.blocks ?? 0n) > 1n &&
        good({ data: bytes, ...result }) &&
        bytes.every((b) => b === 0xff)
      )
        (call.unit as Medium).writeBlocks?.(firstOf(call), new Uint8Array(bytes.length));
      return result;
    },
  ),
  writing(
    'write.overlap-keeps-earlier',
    'Where a write begins within the one before it and goes beyond, the earlier data stay.',
    (call, before, run) =>
      before !== undefined &&
      firstOf(before) < firstOf(call) &&
      firstOf(call) < endOf(before) &&
      endOf(before) < endOf(call)
        ? puttingBack(call, firstOf(call), endOf(before) - firstOf(call), run)
        : run(),
  ),
  writing(
    'write.inside-earlier-lost',
    'A WRITE(10) that lies in the inside of the write before it is not stored.',
    (call, before, run) =>
      named(call, 'WRITE(10)') &&
      before !== undefined &&
      firstOf(before) < firstOf(call) &&
      endOf(call) < endOf(before)
        ? puttingBack(call, firstOf(call), endOf(call) - firstOf(call), run)
        : run(),
  ),
];

const CORNERS: readonly Mutant[] = [
  refusing(
    'range.last-address-refused',
    'READ(10) and READ(16) take the address FFFFFFFFh for no address.',
    (call) => named(call, 'READ(10)', 'READ(16)') && call.fields.lba === 0xffff_ffffn,
  ),
  refusing(
    'range.last-address-refused-12',
    'READ(12) takes the address FFFFFFFFh for no address.',
    (call) => named(call, 'READ(12)') && call.fields.lba === 0xffff_ffffn,
  ),
  {
    id: 'inquiry.page-ff-without-evpd-ignored',
    sentence: 'INQUIRY without EVPD does not look at PAGE CODE FFh.',
    source: 'museum OBV-07-inquiry-evpd-ignored',
    apply: (behaviours) => {
      behaviours.perform = ({ cdb: bytes }, run) => {
        if (bytes[0] === 0x12 && bytes[1] === 0 && bytes[2] === 0xff) bytes[2] = 0;
        return run();
      };
    },
  },
  ending(
    'capacity-16.cut-to-fields',
    'READ CAPACITY(16) with an allocation length of 9 to 31 ends after the address.',
    (result, call) =>
      named(call, 'READ CAPACITY(16)') && result.data && result.data.length < 32
        ? { ...result, data: result.data.subarray(0, 8) }
        : result,
  ),
  cdb('report-luns.reserved-select-is-zero', 'SELECT REPORT 13h to F7h means 0.', (bytes) => {
    const select = bytes[2] ?? 0;
    if (bytes[0] === 0xa0 && select >= 0x13 && select <= 0xf7) bytes[2] = 0;
  }),
  ending('vpd.unlisted-page-empty', 'Vital product data pages below 80h are empty.', (result, call) =>
    named(call, 'INQUIRY') &&
    call.fields.evpd === 1n &&
    (call.fields.page ?? 0n) > 0n &&
    (call.fields.page ?? 0n) < 0x80n &&
    result.sense?.asc === Sense.INVALID_FIELD_IN_CDB.asc
      ? goodWith(Uint8Array.of(0, Number(call.fields.page), 0, 0))
      : result,
  ),
];

export const PROOF_COMMAND_MUTANTS: readonly Mutant[] = [
  ...LENGTHS,
  ...IDENTITY,
  ...LISTS,
  ...SENSE,
  ...OPCODES,
  ...BLOCKS,
  ...WRITES,
  ...CORNERS,
];
