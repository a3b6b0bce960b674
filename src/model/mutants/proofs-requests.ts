/** Deviations that prove cases about the fields of a request: tag, attribute, priority, queue, lun, residual. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { QueueIndex, Response } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { Answer } from '../scsi/answer.js';
import type { Task } from '../scsi/task.js';
import type { CommandCall } from '../units/command-table.js';
import { Sense } from '../units/sense.js';
import type { Mutant } from './mutant.js';

/** Byte offsets of the request header. */
const PRIO = 17;
const CRN = 18;
const headerByte = (task: Task, offset: number): number => task.origin.chain.read(offset, 1)[0] ?? 0;

const withResponse = (answer: Answer, response: number): Answer => ({
  ...answer,
  fields: { ...answer.fields, response },
});
/** The answer of a command that was not carried out. */
const unserved = (answer: Answer, response: number): Answer => ({
  ...withResponse(answer, response),
  dataIn: new Uint8Array(0),
});
const failed = (answer: Answer): Answer => unserved(answer, Response.FAILURE);

/** A mutant under which commands with some header are answered FAILURE. */
function failing(
  id: string,
  sentence: string,
  requirement: string,
  applies: (task: Task) => boolean,
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.answer = (answer, task) => (applies(task) ? failed(answer) : answer);
    },
  };
}

const longer = (task: Task): boolean => task.dataInLength + task.dataOutLength > 0;
const isBadTarget = (task: Task): boolean =>
  task.destination.target === undefined && task.destination.unit === undefined;

const isWrite = ({ command }: CommandCall): boolean => command.name.startsWith('WRITE(');
/** Operation codes of READ(10) and READ(16). */
const READS: ReadonlySet<number> = new Set([0x28, 0x88]);
const READ_12 = 0xa8;
/** Of WRITE(12) and of WRITE AND VERIFY(10), (12) and (16). */
const OTHER_WRITES: ReadonlySet<number> = new Set([0xaa, 0x2e, 0xae, 0x8e]);
const opcodeOf = (task: Task): number => task.cdb[0] ?? 0;

/** A mutant under which data-out of some commands is taken from four bytes too far on. */
function fourLate(
  id: string,
  sentence: string,
  requirement: string,
  source: Mutant['source'],
  applies: (call: CommandCall) => boolean,
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source,
    acts: true,
    apply: (behaviours: Behaviours) => {
      behaviours.perform = (call, run) => {
        const { task } = call;
        if (!applies(call)) return run();
        const whole = task.dataOut.bind(task);
        task.dataOut = (length: number) => {
          const bytes = new Uint8Array(length);
          bytes.set(whole(length).subarray(4));
          return bytes;
        };
        return run();
      };
    },
  };
}

/** A mutant under which buffers that are too short are not noticed where something holds. */
function unnoticed(id: string, sentence: string, applies: (task: Task) => boolean): Mutant {
  return {
    id,
    sentence,
    requirement: 'scsi.req.response-overrun',
    source: 'generic',
    apply: (behaviours: Behaviours) => {
      behaviours.overrun = (short, task) => short && !applies(task);
    },
  };
}

/** A mutant that changes answers. */
function answering(
  id: string,
  sentence: string,
  requirement: string,
  change: (answer: Answer, task: Task) => Answer,
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source: 'generic',
    apply: (behaviours: Behaviours) => {
      behaviours.answer = change;
    },
  };
}

const withResidual = (answer: Answer, residual: number): Answer => ({
  ...answer,
  fields: { ...answer.fields, residual },
});
/** SENSE KEY and ADDITIONAL SENSE CODE of LOGICAL BLOCK ADDRESS OUT OF RANGE in fixed format. */
const isRangeError = ({ sense }: Answer): boolean => ((sense[2] ?? 0) & 0x0f) === 5 && sense[12] === 0x21;

/** Deviations of requests in a particular state of their buffers. */
const PARTICULAR_REQUESTS: readonly Mutant[] = [
  unnoticed(
    'overrun.one-block-enough',
    'READ(10) of several blocks into a buffer of one block is carried out.',
    (task) => opcodeOf(task) === 0x28 && task.dataInLength === task.unit.blockSize,
  ),
  unnoticed(
    'overrun.none-enough',
    'A READ without any buffer is carried out, into nothing.',
    (task) => READS.has(opcodeOf(task)) && task.dataInLength === 0,
  ),
  unnoticed(
    'overrun.read-12-unchecked',
    'READ(12) into a buffer that is too short is carried out as far as that goes.',
    (task) => opcodeOf(task) === READ_12,
  ),
  unnoticed(
    'overrun.other-writes-unchecked',
    'WRITE(12) and WRITE AND VERIFY from a buffer that is too short are carried out.',
    (task) => OTHER_WRITES.has(opcodeOf(task)),
  ),
  answering(
    'residual.twelve-and-others-header-counted',
    'The residual of READ(12), WRITE(12) and WRITE AND VERIFY with longer buffers counts the header, too.',
    'scsi.req.residual',
    (answer, task) =>
      (opcodeOf(task) === READ_12 || OTHER_WRITES.has(opcodeOf(task))) && answer.fields.residual > 0
        ? withResidual(answer, answer.fields.residual + 51)
        : answer,
  ),
  unnoticed(
    'overrun.six-zero-is-none',
    'READ(6) with TRANSFER LENGTH 0 is checked as if it read nothing.',
    (task) => opcodeOf(task) === 0x08 && task.cdb[4] === 0,
  ),
  answering(
    'overrun.below-header-failed',
    'An allocation length above a buffer of less than 8 bytes is answered FAILURE.',
    'scsi.req.response-overrun',
    (answer, task) =>
      answer.fields.response === Response.OVERRUN && task.dataInLength > 0 && task.dataInLength < 8
        ? withResponse(answer, Response.FAILURE)
        : answer,
  ),
  {
    id: 'request.tag-low-half-compared',
    sentence:
      'A command with the low half of the tag of the command before it is taken for a duplicate and fails.',
    requirement: 'scsi.req.id-any-value',
    source: 'generic',
    apply: (behaviours) => {
      let before: bigint | undefined;
      behaviours.answer = (answer, task) => {
        const again =
          before !== undefined &&
          before !== task.tag &&
          (before & 0xffff_ffffn) === (task.tag & 0xffff_ffffn);
        before = task.tag;
        return again ? failed(answer) : answer;
      };
    },
  },
  fourLate(
    'request.data-out-16-four-late',
    'Data-out of a WRITE(16) of one block is taken from four bytes too far on.',
    'scsi.req.dataout-is-remainder',
    'generic',
    ({ command, fields }) => command.name === 'WRITE(16)' && fields.blocks === 1n,
  ),
  answering(
    'residual.one-is-two',
    'READ into a buffer that is one byte too long leaves a residual of 2.',
    'scsi.req.residual',
    (answer, task) =>
      READS.has(opcodeOf(task)) && answer.fields.residual === 1 ? withResidual(answer, 2) : answer,
  ),
  answering(
    'residual.inquiry-8-bits',
    'The residual of INQUIRY in a buffer above its allocation length has 8 bits only.',
    'scsi.req.residual',
    (answer, task) =>
      opcodeOf(task) === 0x12 && task.dataInLength > (((task.cdb[3] ?? 0) << 8) | (task.cdb[4] ?? 0))
        ? withResidual(answer, answer.fields.residual & 0xff)
        : answer,
  ),
  answering(
    'residual.ready-byte-written',
    'TEST UNIT READY with a data-in buffer zeroes its first byte.',
    'scsi.req.residual',
    (answer, task) =>
      opcodeOf(task) === 0 && task.dataInLength > 0 && answer.fields.response === Response.OK
        ? { ...answer, dataIn: new Uint8Array(1) }
        : answer,
  ),
  answering(
    'residual.range-error-one-moved',
    'READ out of range counts one byte as moved.',
    'scsi.req.residual',
    (answer, task) =>
      READS.has(opcodeOf(task)) && isRangeError(answer)
        ? withResidual(answer, answer.fields.residual - 1)
        : answer,
  ),
  answering(
    'residual.range-error-header-counted',
    'The residual of a WRITE out of range counts the request header, too.',
    'scsi.req.residual',
    (answer, task) =>
      task.dataOutLength > 0 && isRangeError(answer)
        ? withResidual(answer, answer.fields.residual + 51)
        : answer,
  ),
  {
    id: 'lun.tail-is-busy',
    sentence: 'A lun with its last byte set is answered BUSY.',
    requirement: 'scsi.req.lun-only-format',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.result = (result, { task }) =>
        task.lun[0] === 1 && task.lun[7] !== 0 ? { status: ScsiStatus.BUSY } : result;
    },
  },
  fourLate(
    'request.lun-apart-shifts-data',
    'Where the lun has a descriptor of its own, data-out is taken from four bytes too far on.',
    'virtio.framing.no-assumptions',
    'museum QVS-15-framing-assumed',
    (call) => isWrite(call) && call.task.origin.chain.readableCut[0] === call.task.lun.length,
  ),
  {
    id: 'test-unit-ready.second-leaves-residual',
    sentence:
      'TEST UNIT READY right after those that reported the unit attentions of a reset leaves a residual of 1.',
    requirement: 'scsi.req.residual',
    source: 'generic',
    apply: (behaviours) => {
      let only = true;
      const ready = new Set<unknown>();
      behaviours.resets = () => {
        ready.clear();
        only = true;
        return true;
      };
      behaviours.controlAnswer = (answer) => {
        only = false;
        return answer;
      };
      behaviours.answer = (answer, task) => {
        const good = opcodeOf(task) === 0 && answer.fields.response === Response.OK;
        const plain =
          task.origin.chain.readableCut.length === 1 &&
          task.origin.chain.writableCut.length === 1 &&
          !longer(task) &&
          task.attribute === 0;
        const again = only && good && plain && ready.has(task.unit) && answer.sense.length === 0;
        if (good && answer.sense.length === 0) ready.add(task.unit);
        only &&= good && !again;
        return again ? withResidual(answer, 1) : answer;
      };
    },
  },
  {
    id: 'request.inquiry-continued',
    sentence: 'INQUIRY of 4 bytes right after one of 36 goes on where that one would have got to.',
    requirement: 'virtio.split.avail-batch',
    source: 'generic',
    apply: (behaviours) => {
      let before = 0n;
      behaviours.result = (result, call) => {
        const length = call.command.name === 'INQUIRY' ? (call.fields.allocation_length ?? 0n) : 0n;
        const goesOn = before === 36n && length === 4n && result.data !== undefined;
        before = length;
        return goesOn ? { ...result, data: new Uint8Array(4).fill(0x20) } : result;
      };
    },
  },
];

export const PROOF_REQUEST_MUTANTS: readonly Mutant[] = [
  ...PARTICULAR_REQUESTS,
  answering(
    'request.status-of-refusal',
    'Beside a response other than OK status is the response.',
    'scsi.req.status-written',
    (answer) => ({
      ...answer,
      fields: { ...answer.fields, status: answer.fields.response || answer.fields.status },
    }),
  ),
  failing(
    'request.tag-zero-failed',
    'A command with tag 0 fails.',
    'scsi.req.id-any-value',
    (task) => task.tag === 0n,
  ),
  failing(
    'request.tag-single-bit-failed',
    'A command whose tag is one bit of the high half fails.',
    'scsi.req.id-any-value',
    ({ tag }) => tag >> 32n !== 0n && (tag & (tag - 1n)) === 0n,
  ),
  failing(
    'request.tag-one-failed',
    'A command with tag 1 fails.',
    'scsi.req.id-any-value',
    (task) => task.tag === 1n,
  ),
  failing(
    'request.attribute-failed',
    'A command with an attribute other than SIMPLE fails.',
    'scsi.req.task-attr-values',
    (task) => task.attribute >= 1 && task.attribute <= 3,
  ),
  {
    id: 'request.attribute-undefined-unserved',
    sentence: 'After a command with an undefined attribute no TEST UNIT READY is served.',
    requirement: 'scsi.req.task-attr-values',
    source: 'layout',
    apply: (behaviours) => {
      let broken = false;
      behaviours.resets = () => {
        broken = false;
        return true;
      };
      behaviours.result = (result, call) => {
        if (call.task.attribute > 2) broken = true;
        return broken && call.command.name === 'TEST UNIT READY'
          ? { status: ScsiStatus['CHECK CONDITION'], sense: Sense.INVALID_FIELD_IN_CDB }
          : result;
      };
    },
  },
  failing(
    'request.prio-failed',
    'A command with a priority fails.',
    'scsi.req.prio',
    (task) => headerByte(task, PRIO) !== 0,
  ),
  failing(
    'request.crn-failed',
    'A command with a reference number fails.',
    'scsi.req.crn',
    (task) => headerByte(task, CRN) !== 0,
  ),
  failing(
    'request.cdb-tail-failed',
    'A command with bytes behind its CDB fails.',
    'scsi.req.cdb-size-from-config',
    (task) => task.cdb.subarray(16).some((byte) => byte !== 0),
  ),
  failing(
    'request.second-queue-inquiry-failed',
    'INQUIRY on any request queue but the first fails.',
    'scsi.req.any-queue',
    (task) => task.origin.queue.index > QueueIndex.REQUEST && task.cdb[0] === 0x12,
  ),
  failing(
    'request.second-queue-write-failed',
    'WRITE(10) on any request queue but the first fails.',
    'scsi.req.any-queue',
    (task) => task.origin.queue.index > QueueIndex.REQUEST && task.cdb[0] === 0x2a,
  ),
  failing(
    'request.second-queue-read-failed',
    'READ(10) on any request queue but the first fails.',
    'scsi.req.any-queue',
    (task) => task.origin.queue.index > QueueIndex.REQUEST && task.cdb[0] === 0x28,
  ),
  {
    id: 'request.first-queue-failed',
    sentence: 'INQUIRY on the first request queue fails once the device is in use.',
    requirement: 'scsi.req.any-queue',
    source: 'layout',
    apply: (behaviours) => {
      let count = 0;
      behaviours.answer = (answer, task) =>
        task.origin.queue.index === QueueIndex.REQUEST && task.cdb[0] === 0x12 && ++count > 8
          ? failed(answer)
          : answer;
    },
  },
  fourLate(
    'request.data-out-four-late',
    'Data-out of WRITE is taken from four bytes too far on.',
    'scsi.req.dataout-is-remainder',
    'layout',
    isWrite,
  ),
  {
    id: 'residual.of-whole-transfer',
    sentence: 'A transfer of 64 blocks leaves a residual of one block, although all were moved.',
    requirement: 'scsi.req.residual',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.answer = (answer, task) =>
        task.cdb[8] === 64 && (task.cdb[0] === 0x28 || task.cdb[0] === 0x2a) && answer.fields.residual === 0
          ? { ...answer, fields: { ...answer.fields, residual: 512 } }
          : answer;
    },
  },
  {
    id: 'residual.of-sectors',
    sentence: 'The residual counts units of 512 bytes.',
    requirement: 'scsi.req.residual',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer) => ({
        ...answer,
        fields: { ...answer.fields, residual: Math.ceil(answer.fields.residual / 512) },
      });
    },
  },
  {
    id: 'residual.negative',
    sentence: 'The residual is what was moved less what there was room for.',
    requirement: 'scsi.req.residual',
    source: 'museum QEX-01-longer-buffer-over-transfers',
    apply: (behaviours) => {
      behaviours.answer = (answer) => ({
        ...answer,
        fields: { ...answer.fields, residual: -answer.fields.residual >>> 0 },
      });
    },
  },
  {
    id: 'data-in.buffer-filled',
    sentence: 'Data-in is filled up with zeros to the end of the buffer.',
    requirement: 'scsi.req.residual',
    source: 'museum QEX-01-longer-buffer-over-transfers',
    apply: (behaviours) => {
      behaviours.answer = (answer, task) => {
        const dataIn = new Uint8Array(task.dataInLength);
        dataIn.set(answer.dataIn);
        return { ...answer, dataIn };
      };
    },
  },
  {
    id: 'data-out.buffer-written',
    acts: true,
    sentence: 'WRITE writes as many blocks as the buffer holds.',
    requirement: 'scsi.req.dataout-is-remainder',
    source: 'museum QEX-01-longer-buffer-over-transfers',
    apply: (behaviours) => {
      behaviours.result = (result, call) => {
        const disk = call.unit as { writeBlocks?: (lba: bigint, bytes: Uint8Array) => void };
        const { blockSize } = call.unit;
        if (!isWrite(call) || result.status !== ScsiStatus.GOOD || blockSize === 0) return result;
        const blocks = Math.floor(call.task.dataOutLength / blockSize);
        if (blocks > 0) disk.writeBlocks?.(call.fields.lba ?? 0n, call.task.dataOut(blocks * blockSize));
        return result;
      };
    },
  },
  {
    id: 'overrun.off-by-one',
    sentence: 'A buffer that is one byte too short is not noticed.',
    requirement: 'scsi.req.response-overrun',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.overrun = (short, task) => short && (task.dataInLength + task.dataOutLength) % 2 === 0;
    },
  },
  {
    id: 'overrun.as-failure',
    sentence: 'Buffers that are too short are answered FAILURE.',
    requirement: 'scsi.req.response-overrun',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer) =>
        answer.fields.response === Response.OVERRUN ? withResponse(answer, Response.FAILURE) : answer;
    },
  },
  {
    id: 'overrun.sticks',
    sentence: 'After an overrun the next command with data is an overrun, too.',
    requirement: 'scsi.req.response-overrun',
    source: 'layout',
    apply: (behaviours) => {
      let sticky = false;
      behaviours.overrun = (short, task) => {
        const again = sticky && longer(task);
        sticky = short && !again;
        return short || again;
      };
    },
  },
  {
    id: 'both-directions.as-good',
    sentence: 'A command with both buffers is answered OK, with nothing moved.',
    requirement: 'scsi.req.inout-not-negotiated',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer, task) =>
        task.dataInLength > 0 && task.dataOutLength > 0 ? withResponse(answer, Response.OK) : answer;
    },
  },
  {
    id: 'bad-target.data-zeroed',
    sentence: 'A command to a missing target zeroes its data-in buffer.',
    requirement: 'scsi.req.response-bad-target',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer, task) =>
        isBadTarget(task) ? { ...answer, dataIn: new Uint8Array(task.dataInLength) } : answer;
    },
  },
  {
    id: 'bad-target.sticks',
    sentence: 'After a command to a missing target the next one is answered BAD_TARGET, too.',
    requirement: 'scsi.req.response-bad-target',
    source: 'layout',
    apply: (behaviours) => {
      let sticky = false;
      behaviours.answer = (answer) => {
        const again = sticky;
        sticky = answer.fields.response === Response.BAD_TARGET;
        if (!again || sticky) return answer;
        return unserved(answer, Response.BAD_TARGET);
      };
    },
  },
  {
    id: 'lun.number-ignored',
    sentence: 'Unit numbers of a target lead to its first unit where they exist.',
    requirement: 'scsi.req.lun-target-format',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.destination = (destination) => {
        const { target, unit } = destination;
        const [first] = target?.unitNumbers ?? [];
        return target && unit && first !== undefined
          ? { ...destination, unit: target.units.get(first) }
          : destination;
      };
    },
  },
  {
    id: 'lun.method-ignored',
    sentence: 'The addressing method of a lun is not looked at.',
    requirement: 'scsi.req.lun-single-level-methods',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.destination = (destination, lun, resolve) =>
        destination.unit || lun[0] !== 1
          ? destination
          : resolve(Uint8Array.of(1, lun[1] ?? 0, 0x40 | ((lun[2] ?? 0) & 0x3f), ...lun.subarray(3)));
    },
  },
  {
    id: 'attention.blocks-everything',
    sentence:
      'Once in use, INQUIRY and REPORT LUNS report a pending unit attention instead of being carried out.',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      const used = new WeakSet<object>();
      behaviours.perform = (call: CommandCall, run) => {
        const exempt = call.command.name === 'INQUIRY' || call.command.name === 'REPORT LUNS';
        const attention = exempt && used.has(call.unit) ? call.unit.takeAttention() : undefined;
        if (!exempt) used.add(call.unit);
        return attention ? { status: ScsiStatus['CHECK CONDITION'], sense: attention } : run();
      };
    },
  },
  {
    id: 'attention.cleared-by-inquiry',
    sentence: 'INQUIRY clears a pending unit attention.',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      behaviours.perform = (call, run) => {
        if (call.command.name === 'INQUIRY') call.unit.takeAttention();
        return run();
      };
    },
  },
  {
    id: 'attention.twice',
    sentence: 'A unit attention comes back after four times TEST UNIT READY in a row.',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      let good = 0;
      behaviours.perform = (call, run) => {
        const result = run();
        if (result.sense?.key === 6 || call.command.name !== 'TEST UNIT READY') good = 0;
        else if (++good === 4) call.unit.raiseAttention(Sense.POWER_ON);
        return result;
      };
    },
  },
  {
    id: 'attention.command-executed',
    sentence: 'A WRITE that is answered with a unit attention is carried out all the same.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.perform = (call, run) => {
        const result = run();
        if (result.sense?.key === 6 && isWrite(call)) run();
        return result;
      };
    },
  },
  {
    id: 'reset.clears-medium',
    acts: true,
    sentence: 'After a reset of the device block 230 is zero.',
    source: 'layout',
    apply: (behaviours) => {
      let reset = false;
      behaviours.resets = (part) => {
        if (part === 'units') reset = true;
        return true;
      };
      behaviours.perform = (call, run) => {
        const disk = call.unit as { clearBlocks?: (lba: bigint, blocks: number) => void };
        if (reset) disk.clearBlocks?.(230n, 1);
        reset = false;
        return run();
      };
    },
  },
];
