/** Devices that keep to the standards and are unlike the usual ones, made of the model by its configuration and its hooks. */
import { expect } from 'vitest';
import type { Behaviours } from '../../src/model/behaviours.js';
import {
  cdromConfig,
  DEFAULT_MODEL_CONFIG,
  diskConfig,
  type ModelConfig,
} from '../../src/model/model-config.js';
import type { CommandResult } from '../../src/model/units/command-result.js';
import type { CommandCall } from '../../src/model/units/command-table.js';
import { Disk } from '../../src/model/units/disk.js';
import { Sense } from '../../src/model/units/sense.js';
import { resultKey } from '../../src/run/modes.js';
import { type CaseResult, RED } from '../../src/run/results.js';
import { encodeLun, MAX_TARGET, REPORT_LUNS_WELL_KNOWN_LUN } from '../../src/wire/lun.js';
import { ScsiStatus } from '../../src/wire/scsi/status.js';
import type { FeatureName } from '../../src/wire/virtio.js';
import { ScsiEvent } from '../../src/wire/virtio-scsi.js';

import { FULL } from '../full.js';
import { runOnModel } from './in-process.js';

export interface UnusualDevice {
  readonly name: string;
  readonly config?: Partial<ModelConfig>;
  readonly change?: (behaviours: Behaviours) => void;
  /** Cases that can be carried out on it, at least: what is skipped shows nothing. */
  readonly atLeast: number;
  /** Much like one of the others: only in the full run. */
  readonly full?: true;
}

const { features } = DEFAULT_MODEL_CONFIG;
const without = (...names: FeatureName[]): Partial<ModelConfig> => ({
  features: features.filter((name) => !names.includes(name)),
});

/** Fields of the device configuration that are so much less than the model's. */
const less =
  (fields: Readonly<Record<string, number>>) =>
  (behaviours: Behaviours): void => {
    behaviours.configField = (name, value) => value - (fields[name] ?? 0);
  };

/** Limits of the model: what `less` starts from. */
const COMMANDS = DEFAULT_MODEL_CONFIG.queueSize;
const SEGMENTS = DEFAULT_MODEL_CONFIG.queueSize - 2;

const failed = (sense: CommandResult['sense']): CommandResult => ({
  status: ScsiStatus['CHECK CONDITION'],
  ...(sense && { sense }),
});
const NOT_SERVED = failed(Sense.INVALID_OPCODE);
const INVALID_FIELD = failed(Sense.INVALID_FIELD_IN_CDB);

/** A device whose commands end otherwise than the model's, where `act` says how. */
const acting =
  (act: (call: CommandCall) => CommandResult | undefined) =>
  (behaviours: Behaviours): void => {
    behaviours.perform = (call, run) => act(call) ?? run();
  };

/** A device whose data differ from the model's: `alter` changes them in place. */
const telling =
  (command: RegExp, alter: (data: Uint8Array, call: CommandCall) => void) =>
  (behaviours: Behaviours): void => {
    behaviours.result = (result, call) => {
      if (result.data === undefined || !command.test(call.command.name)) return result;
      const data = Uint8Array.from(result.data);
      alter(data, call);
      return { ...result, data };
    };
  };

const delaying =
  (milliseconds: (operationCode: number, tag: bigint) => number) =>
  (behaviours: Behaviours): void => {
    behaviours.delay = (usual, { cdb, tag }) => usual + milliseconds(cdb[0] ?? 0, tag);
  };

const big32 = (data: Uint8Array, offset: number, value: number): void => {
  if (data.length >= offset + 4) new DataView(data.buffer, data.byteOffset).setUint32(offset, value);
};

/** Puts limits into the Block Limits VPD page, by the offset of their low four bytes, and keeps to them. */
function limited(
  limits: Readonly<Record<number, number>>,
  exceeded: (call: CommandCall) => CommandResult | undefined,
): (behaviours: Behaviours) => void {
  return (behaviours) => {
    acting(exceeded)(behaviours);
    telling(/^INQUIRY$/, (data, { fields }) => {
      if (fields.evpd !== 1n || fields.page !== 0xb0n) return;
      for (const [offset, value] of Object.entries(limits)) big32(data, Number(offset), value);
    })(behaviours);
  };
}

const blocksOf = ({ fields }: CommandCall): number => Number(fields.blocks ?? 0n);
const unmapped = ({ task }: CommandCall): number => {
  const list = task.dataOut(task.dataOutLength);
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  let sum = 0;
  for (let at = 8; at + 16 <= list.length; at += 16) sum += view.getUint32(at + 8);
  return sum;
};

/** Blocks that a PRE-FETCH is about; those behind the end are for the model to refuse. */
function fetched({ fields: { lba = 0n, prefetch_length: length = 0n }, unit }: CommandCall): bigint {
  const end = unit instanceof Disk ? unit.blocks : 0n;
  return length === 0n ? end - lba : length;
}

/** What every direct access unit has to serve, and what probing asks besides. */
const MANDATORY =
  /^(INQUIRY|TEST UNIT READY|REQUEST SENSE|REPORT LUNS|READ CAPACITY\(10\)|READ\(10\)|WRITE\(10\))/;
/** Of the device-specific parameter of mode data. */
const DPOFUA = 0x10;
const IMMED = 0x01;
const SYNCHRONIZE_IMMED = 0x02;
/** Commands that move something, or go through a whole medium, before they end. */
function isLongWork([code, second = 0]: Uint8Array): boolean {
  switch (code) {
    case 0x04: // FORMAT UNIT
      return true;
    case 0x1d: // SEND DIAGNOSTIC, the default self-test
      return second === 0x04;
    case 0x35: // SYNCHRONIZE CACHE(10)
    case 0x91: // SYNCHRONIZE CACHE(16)
      return (second & SYNCHRONIZE_IMMED) === 0;
    case 0x1b: // START STOP UNIT
      return (second & IMMED) === 0;
    default:
      return false;
  }
}

const disk = (options: Parameters<typeof diskConfig>[3] = {}): Partial<ModelConfig> => ({
  units: [diskConfig(0, 0, 'VSCSI-SCRATCH-0', options)],
});

/** By their queues, features, limits and units. */
export const UNUSUAL_DEVICES: readonly UnusualDevice[] = [
  // Queues and the limits of the device configuration.
  { name: 'queues of 4 entries', config: { queueSize: 4 }, atLeast: 2580 },
  { name: 'queues of 8 entries', config: { queueSize: 8 }, atLeast: 2670, full: true },
  { name: 'queues of 16 entries', config: { queueSize: 16 }, atLeast: 2720 },
  { name: 'queues of 32 entries', config: { queueSize: 32 }, atLeast: 2730, full: true },
  { name: 'queues of 1024 entries', config: { queueSize: 1024 }, atLeast: 2750, full: true },
  { name: 'one request queue', config: { requestQueues: 1 }, atLeast: 2730 },
  { name: 'many request queues', config: { requestQueues: 16, vectors: 20 }, atLeast: 2900 },
  { name: 'one command to a unit at a time', change: less({ cmd_per_lun: COMMANDS - 1 }), atLeast: 2680 },
  {
    name: 'two commands to a unit at a time',
    change: less({ cmd_per_lun: COMMANDS - 2 }),
    atLeast: 2700,
    full: true,
  },
  {
    name: 'seven commands to a unit at a time',
    change: less({ cmd_per_lun: COMMANDS - 7 }),
    atLeast: 2740,
    full: true,
  },
  { name: 'one segment in a command', change: less({ seg_max: SEGMENTS - 1 }), atLeast: 2730 },
  { name: 'three segments in a command', change: less({ seg_max: SEGMENTS - 3 }), atLeast: 2740, full: true },
  {
    name: 'limits that say nothing',
    change: less({ cmd_per_lun: COMMANDS, seg_max: SEGMENTS }),
    atLeast: 2740,
  },
  { name: 'transfers of 8 sectors', change: less({ max_sectors: 8192 - 8 }), atLeast: 2320 },
  { name: 'no feature but VIRTIO_F_VERSION_1', config: { features: ['VIRTIO_F_VERSION_1'] }, atLeast: 2510 },
  { name: 'no vector', config: { vectors: 0 }, atLeast: 2700, full: true },
  { name: 'one vector', config: { vectors: 1 }, atLeast: 2730 },
  { name: 'two vectors', config: { vectors: 2 }, atLeast: 2740, full: true },
  {
    name: 'one notification address for all queues',
    config: { notifyMultiplier: 0 },
    atLeast: 2750,
    full: true,
  },
  {
    name: 'event information with a tail',
    change: less({ event_info_size: -16 }),
    atLeast: 2750,
    full: true,
  },
  {
    name: 'event information of 256 MiB',
    change: less({ event_info_size: 16 - 2 ** 28 }),
    atLeast: 2750,
    full: true,
  },

  {
    name: 'no word of units that come and go',
    change: (behaviours) => {
      behaviours.eventDue = (due, { event }) => due && event !== ScsiEvent.TRANSPORT_RESET;
    },
    atLeast: 2750,
  },
  {
    name: 'no well-known unit',
    change: (behaviours) => {
      behaviours.destination = (usual, lun, resolve) =>
        lun[0] === REPORT_LUNS_WELL_KNOWN_LUN[0] ? resolve(encodeLun(MAX_TARGET, 0)) : usual;
    },
    atLeast: 2750,
    full: true,
  },

  // Units.
  { name: 'a disk of 64 blocks', config: disk({ blocks: 64n }), atLeast: 1840 },
  { name: 'a disk of 1024 blocks', config: disk({ blocks: 1024n }), atLeast: 2580, full: true },
  { name: 'a disk of 3 TiB', config: disk({ blocks: 6n << 30n }), atLeast: 2370, full: true },
  { name: 'blocks of 4096 bytes', config: disk({ blockSize: 4096 }), atLeast: 2600 },
  { name: 'a disk without provisioning', config: disk({ thin: false }), atLeast: 2530 },
  { name: 'a write-protected disk', config: disk({ readOnly: true }), atLeast: 1710 },
  { name: 'a removable disk', config: disk({ removable: true }), atLeast: 2610, full: true },
  { name: 'a disk that nobody lends', config: { units: [diskConfig(0, 0, 'ELSEWHERE')] }, atLeast: 1690 },
  { name: 'a protected disk', config: disk({ protection: 1 }), atLeast: 2570, full: true },
  {
    name: 'a disk that is not unit 0',
    config: { units: [diskConfig(3, 5, 'VSCSI-SCRATCH-0')] },
    atLeast: 2600,
    full: true,
  },
  {
    name: 'a disk with a large number',
    config: { units: [diskConfig(0, 0, 'VSCSI-DISK-0'), diskConfig(255, 300, 'VSCSI-SCRATCH-0')] },
    atLeast: 2610,
  },
  { name: 'a CD-ROM drive alone', config: { units: [cdromConfig(0, 0, 'CD')] }, atLeast: 270 },
  { name: 'an empty CD-ROM drive alone', config: { units: [cdromConfig(0, 0, 'CD', 0n)] }, atLeast: 260 },
  {
    name: 'many units',
    config: {
      units: Array.from({ length: 40 }, (_, n) =>
        diskConfig(n % 5, 3 * Math.floor(n / 5), n === 0 ? 'VSCSI-SCRATCH-0' : `VSCSI-DISK-${n}`, {
          blocks: 2048n,
        }),
      ),
    },
    atLeast: 2600,
  },
];

/** By how long commands take, which of them there are, and what they answer. */
export const UNUSUAL_UNITS: readonly UnusualDevice[] = [
  // Time and order.
  { name: 'a second for each command', change: delaying(() => 900), atLeast: 2750 },
  {
    name: 'answers in any order',
    config: without('VIRTIO_F_IN_ORDER'),
    change: delaying((_, tag) => Number((tag * 7n) % 5n)),
    atLeast: 2740,
  },
  {
    name: 'mechanics that take ten seconds',
    change: (behaviours) => {
      behaviours.delay = (usual, { cdb, unit }) =>
        usual + (isLongWork(cdb) && (!(unit instanceof Disk) || unit.blocks > 0n) ? 10_000 : 0);
    },
    atLeast: 2750,
  },
  {
    name: 'notifications that nobody asked for',
    change: (behaviours) => {
      behaviours.usedNotification = () => true;
    },
    atLeast: 2750,
  },

  // Commands.
  {
    name: 'a disk of mandatory commands',
    config: disk(),
    change: acting(({ command }) => (MANDATORY.test(command.name) ? undefined : NOT_SERVED)),
    atLeast: 1560,
  },
  {
    name: 'no REPORT SUPPORTED OPERATION CODES',
    change: acting(({ command }) => (command.name.startsWith('REPORT SUPPORTED') ? NOT_SERVED : undefined)),
    atLeast: 2680,
    full: true,
  },
  {
    name: 'a disk without commands of 16 bytes',
    config: disk(),
    change: acting(({ command, cdb }) =>
      (cdb[0] ?? 0) >> 5 === 4 || command.name.startsWith('REPORT SUPPORTED') ? NOT_SERVED : undefined,
    ),
    atLeast: 2100,
  },
  {
    name: 'IMMED is refused',
    change: acting(({ fields }) => (fields.immed === 1n ? INVALID_FIELD : undefined)),
    atLeast: 2750,
  },
  {
    name: 'FUA and DPO are not known',
    change: (behaviours) => {
      acting(({ fields }) => (fields.fua === 1n || fields.dpo === 1n ? INVALID_FIELD : undefined))(
        behaviours,
      );
      telling(/^MODE SENSE/, (data, { command }) => {
        const at = command.name === 'MODE SENSE(6)' ? 2 : 3;
        if (data.length > at) data[at] = (data[at] ?? 0) & ~DPOFUA;
      })(behaviours);
    },
    atLeast: 2750,
  },
  {
    name: 'UNMAP is advice that is not followed',
    change: (behaviours) => {
      behaviours.perform = (call, run) => {
        const { command, unit } = call;
        if (command.name !== 'UNMAP' || !(unit instanceof Disk)) return run();
        unit.clearBlocks = () => {};
        try {
          return run();
        } finally {
          // Uncovers the method of the class.
          Reflect.deleteProperty(unit, 'clearBlocks');
        }
      };
    },
    atLeast: 2750,
  },
  {
    name: 'buffers are cleared behind the data',
    change: (behaviours) => {
      behaviours.answer = (answer, task) => {
        if (answer.dataIn.length >= task.dataInLength) return answer;
        const dataIn = new Uint8Array(task.dataInLength);
        dataIn.set(answer.dataIn);
        return { ...answer, dataIn };
      };
    },
    atLeast: 2750,
  },
  {
    name: 'no VPD pages but the mandatory ones',
    change: (behaviours) => {
      acting(({ command, fields }) =>
        command.name === 'INQUIRY' && fields.evpd === 1n && ![0n, 0x80n, 0x83n].includes(fields.page ?? 0n)
          ? INVALID_FIELD
          : undefined,
      )(behaviours);
      behaviours.result = (result, { command, fields }) =>
        command.name === 'INQUIRY' && fields.evpd === 1n && fields.page === 0n && result.data
          ? {
              ...result,
              data: Uint8Array.of(result.data[0] ?? 0, 0, 0, 3, 0, 0x80, 0x83).subarray(
                0,
                result.data.length,
              ),
            }
          : result;
    },
    atLeast: 2650,
  },
  {
    name: 'INQUIRY data of 36 bytes',
    change: (behaviours) => {
      behaviours.result = (result, { command, fields }) => {
        if (command.name !== 'INQUIRY' || fields.evpd === 1n || result.data === undefined) return result;
        const data = result.data.slice(0, 36);
        if (data.length > 4) data[4] = 36 - 5;
        return { ...result, data };
      };
    },
    atLeast: 2750,
  },
  {
    name: 'units of the time of SPC-3',
    change: telling(/^INQUIRY$/, (data, { fields }) => {
      if (fields.evpd === 0n && data.length > 2) data[2] = 5;
    }),
    atLeast: 2750,
  },
  {
    name: 'units of a time to come',
    change: telling(/^INQUIRY$/, (data, { fields }) => {
      if (fields.evpd === 0n && data.length > 2) data[2] = 8;
    }),
    atLeast: 2750,
    full: true,
  },
  {
    name: 'LUNs in flat form',
    change: telling(/^REPORT LUNS$/, (data) => {
      for (let at = 8; at < data.length; at += 8) if ((data[at] ?? 0) === 0) data[at] = 0x40;
    }),
    atLeast: 2750,
  },
  {
    name: 'transfers of 8 blocks at most',
    change: limited({ 8: 8, 12: 8 }, (call) =>
      /^(READ|WRITE|VERIFY|COMPARE|ORWRITE|XDWRITEREAD)(?! CAPACITY| BUFFER| SAME| DEFECT)/.test(
        call.command.name,
      ) && blocksOf(call) > 8
        ? INVALID_FIELD
        : undefined,
    ),
    atLeast: 2320,
  },
  {
    name: 'WRITE SAME of 4 blocks at most',
    change: limited({ 40: 4 }, (call) =>
      call.command.name.startsWith('WRITE SAME') && (blocksOf(call) > 4 || blocksOf(call) === 0)
        ? INVALID_FIELD
        : undefined,
    ),
    atLeast: 2720,
  },
  {
    name: 'UNMAP of 4 blocks in one descriptor at most',
    change: limited({ 20: 4, 24: 1 }, (call) =>
      call.command.name === 'UNMAP' && (unmapped(call) > 4 || call.task.dataOutLength > 24)
        ? failed(Sense.INVALID_FIELD_IN_PARAMETER_LIST)
        : undefined,
    ),
    atLeast: 2730,
  },
  {
    name: 'PRE-FETCH of 2 blocks at most',
    change: limited({ 16: 2 }, (call) =>
      call.command.name.startsWith('PRE-FETCH') && fetched(call) > 2n ? INVALID_FIELD : undefined,
    ),
    atLeast: 2740,
  },
];

/** Those that this run takes. */
export const taken = (devices: readonly UnusualDevice[]): UnusualDevice[] =>
  devices.filter(({ full }) => FULL || full !== true);

const blame = (result: CaseResult): string =>
  `${resultKey(result)}: ${result.findings.map(({ expected, got }) => `${expected}, got ${got}`).join('; ')}`;

/** Runs all cases on a device: none is red, and enough are carried out. */
export async function expectNoBlame({ config, change, atLeast }: UnusualDevice): Promise<void> {
  const { results } = await runOnModel({
    seed: 7,
    config: { ...DEFAULT_MODEL_CONFIG, ...config },
    ...(change && { change }),
  });
  expect(results.filter(({ verdict }) => RED.has(verdict)).map(blame)).toEqual([]);
  expect(results.filter(({ verdict }) => verdict !== 'skip').length).toBeGreaterThan(atLeast);
}
