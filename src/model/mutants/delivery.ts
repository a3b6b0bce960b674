/** Devices that deliver commands wrongly: failures by another name, several queues, both directions, well-known units. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { QueueIndex, Response, type ResponseName } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { Answer } from '../scsi/answer.js';
import type { Task } from '../scsi/task.js';
import type { Destination } from '../scsi/topology.js';
import type { CommandCall } from '../units/command-table.js';
import type { Mutant } from './mutant.js';
import { watchInFlight } from './watching.js';

const READ_10 = 0x28;
/** cmd_per_lun of the model. */
const COMMANDS_PER_UNIT = 256;
const DISABLE_WRITE = 0x04;
/** What a mutant puts where no data belong: a device may clear such bytes, so it is no zero. */
const NO_DATA = 0xe7;

const answered = (answer: Answer, response: number): Answer => ({
  ...answer,
  fields: { ...answer.fields, response },
  dataIn: new Uint8Array(0),
});
const bothWays = (task: Task): boolean => task.dataInLength > 0 && task.dataOutLength > 0;

/** A mutant that calls one failure by the name of another. */
function misnamed(response: ResponseName, requirement: string): Mutant {
  return {
    id: `fault.${response.toLowerCase().replaceAll('_', '-')}-as-failure`,
    sentence: `What is to be answered ${response} is answered FAILURE.`,
    requirement,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.answer = (answer) =>
        answer.fields.response === Response[response] ? answered(answer, Response.FAILURE) : answer;
    },
  };
}

/** A mutant that hides errors of the medium from one kind of access. */
function hidden(access: 'read' | 'written', affected: (call: CommandCall) => boolean): Mutant {
  return {
    id: `fault.medium-error-hidden.${access}`,
    sentence: `A medium that cannot be ${access} is not told of: the command ends GOOD.`,
    requirement: 'scsi.req.response-ok',
    source: 'generic',
    apply: (behaviours: Behaviours) => {
      const MEDIUM_ERROR = 3;
      behaviours.result = (result, call) =>
        result.sense?.key === MEDIUM_ERROR && affected(call) ? { status: ScsiStatus.GOOD } : result;
    },
  };
}

/** A mutant that changes answers to commands in both directions. */
function inBothDirections(
  id: string,
  sentence: string,
  requirement: string,
  change: (answer: Answer, task: Task) => Answer,
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.answer = (answer, task) => (bothWays(task) ? change(answer, task) : answer);
    },
  };
}

/** A mutant that leads some lun fields elsewhere. */
function leading(
  id: string,
  sentence: string,
  requirement: string,
  lead: (lun: Uint8Array, destination: Destination, resolve: (lun: Uint8Array) => Destination) => Destination,
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.destination = (destination, lun, resolve) => lead(lun, destination, resolve);
    },
  };
}

const QUEUE_MUTANTS: readonly Mutant[] = [
  {
    id: 'queue.all-or-nothing',
    sentence: 'Request queues are served once the driver has set up every queue.',
    requirement: 'scsi.config.drv.one-queue',
    source: 'generic',
    apply: (behaviours) => {
      const enabled = new Set<number>();
      let selected = 0;
      behaviours.resets = () => {
        enabled.clear();
        return true;
      };
      behaviours.commonWrite = (name, value) => {
        if (name === 'queue_select') selected = Number(value);
        if (name === 'queue_enable') enabled.add(selected);
        return value;
      };
      behaviours.kickedRing = (ring, queue) =>
        queue < QueueIndex.REQUEST || enabled.size > QueueIndex.REQUEST + 1 ? ring : undefined;
    },
  },
  {
    id: 'queue.overtaking-fails',
    sentence: 'A command that ends before an older one of another unit fails.',
    requirement: 'scsi.req.same-queue-completion',
    source: 'generic',
    apply: (behaviours) => {
      let waiting: Task[] = [];
      behaviours.resets = () => {
        waiting = [];
        return true;
      };
      behaviours.overrun = (short, task) => {
        waiting.push(task);
        return short;
      };
      behaviours.answer = (answer, task) => {
        const older = waiting.slice(0, Math.max(0, waiting.indexOf(task)));
        waiting = waiting.filter((other) => other !== task);
        return older.some(({ unit }) => unit !== task.unit) ? answered(answer, Response.FAILURE) : answer;
      };
    },
  },
  {
    id: 'queue.tags-shared-by-units',
    sentence:
      'A command with the tag of the one before it, for another unit, is taken for a duplicate and fails.',
    requirement: 'scsi.req.id-any-value',
    source: 'generic',
    apply: (behaviours) => {
      let before: Task | undefined;
      behaviours.answer = (answer, task) => {
        const duplicate = before !== undefined && before.tag === task.tag && before.unit !== task.unit;
        before = task;
        return duplicate ? answered(answer, Response.FAILURE) : answer;
      };
    },
  },
  {
    id: 'queue.tags-bound-to-queue',
    sentence: 'A tag that was used on one queue fails on another.',
    requirement: 'scsi.req.id-any-value',
    source: 'generic',
    apply: (behaviours) => {
      const home = new Map<bigint, number>();
      behaviours.resets = () => {
        home.clear();
        return true;
      };
      behaviours.answer = (answer, task) => {
        const queue = task.origin.queue.index;
        const known = home.get(task.tag) ?? queue;
        home.set(task.tag, known);
        return known === queue ? answer : answered(answer, Response.FAILURE);
      };
    },
  },
  {
    id: 'queue.hundred-in-flight',
    sentence: 'A unit takes a hundred commands at once, and those above end with OVERRUN.',
    requirement: 'scsi.config.cmd-per-lun',
    source: 'generic',
    apply: (behaviours) => {
      const { count, hooks } = watchInFlight();
      Object.assign(behaviours, hooks, {
        overrun: (short: boolean, task: Task) => hooks.overrun(short, task) || count() > 100,
      });
    },
  },
  {
    id: 'queue.above-limit-for-good',
    sentence: 'As many READs in a row as one above cmd_per_lun are answered TARGET_FAILURE from there on.',
    requirement: 'scsi.config.drv.cmd-per-lun-limit',
    source: 'generic',
    apply: (behaviours) => {
      let row = 0;
      behaviours.answer = (answer, task) => {
        row = task.cdb[0] === READ_10 ? row + 1 : 0;
        return row > COMMANDS_PER_UNIT ? answered(answer, Response.TARGET_FAILURE) : answer;
      };
    },
  },
];

export const DELIVERY_MUTANTS: readonly Mutant[] = [
  misnamed('TRANSPORT_FAILURE', 'scsi.req.response-transport-failure'),
  misnamed('TARGET_FAILURE', 'scsi.req.response-target-failure'),
  misnamed('NEXUS_FAILURE', 'scsi.req.response-nexus-failure'),
  misnamed('BUSY', 'scsi.req.response-busy'),
  hidden('read', ({ command }) => command.direction === 'in'),
  hidden('written', ({ command }) => command.direction === 'out'),
  ...QUEUE_MUTANTS,
  inBothDirections(
    'bidi.data-in-counted-alone',
    'Residual of a command in both directions counts data-in alone as moved.',
    'scsi.req.residual-bidi',
    (answer, task) => ({
      ...answer,
      fields: { ...answer.fields, residual: task.dataInLength + task.dataOutLength - answer.dataIn.length },
    }),
  ),
  inBothDirections(
    'bidi.data-in-with-error',
    'A command in both directions that was refused fills data-in.',
    'scsi.req.residual-above-datain',
    (answer, task) =>
      answer.sense.length > 0
        ? { ...answer, dataIn: new Uint8Array(task.dataInLength).fill(NO_DATA) }
        : answer,
  ),
  inBothDirections(
    'bidi.surplus-buffer-filled',
    'A WRITE that brings a data-in buffer as well fills it.',
    'scsi.feature.inout-bit',
    (answer, task) => ({
      ...answer,
      dataIn: answer.dataIn.length > 0 ? answer.dataIn : new Uint8Array(task.dataInLength).fill(NO_DATA),
    }),
  ),
  {
    id: 'bidi.data-out-dropped',
    sentence: 'XDWRITEREAD never writes.',
    requirement: 'scsi.req.residual-below-datain',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      behaviours.perform = ({ command, task }, run) => {
        if (command.direction === 'both') task.cdb[1] = (task.cdb[1] ?? 0) | DISABLE_WRITE;
        return run();
      };
    },
  },
  {
    id: 'wlun.says-it-is-a-disk',
    sentence: 'The REPORT LUNS well-known unit answers INQUIRY as a disk.',
    requirement: 'scsi.req.report-luns-wlun-format',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.result = (result, { command, destination }) =>
        command.name === 'INQUIRY' && destination.target === undefined && result.data
          ? { ...result, data: Uint8Array.of(0, ...result.data.subarray(1)) }
          : result;
    },
  },
  leading(
    'wlun.number-ignored',
    'Whatever lun begins with C0h or more leads to the REPORT LUNS well-known unit.',
    'scsi.req.report-luns-wlun-format',
    (lun, destination, resolve) =>
      (lun[0] ?? 0) >= 0xc0 ? resolve(Uint8Array.of(0xc1, 0x01, 0, 0, 0, 0, 0, 0)) : destination,
  ),
  leading(
    'wlun.unit-zero-instead',
    'A well-known unit under a target is taken for unit 0 of it.',
    'scsi.req.wlun-in-bytes-2-3',
    (lun, destination, resolve) =>
      lun[0] === 1 && lun[2] === 0xc1
        ? resolve(Uint8Array.of(1, lun[1] ?? 0, 0, 0, 0, 0, 0, 0))
        : destination,
  ),
];
