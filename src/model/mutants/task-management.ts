/** Task management gone wrong: functions that do too much, too little, too late, or say so wrongly. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { ControlResponse, ControlType, QueueIndex, Response, Tmf } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { ControlAnswer, ControlContext, ControlRequest } from '../scsi/control-answer.js';
import type { Task } from '../scsi/task.js';
import type { ManagementCall } from '../scsi/task-management.js';
import { Disk } from '../units/disk.js';
import { Sense } from '../units/sense.js';
import type { Mutant } from './mutant.js';

type FunctionName = keyof typeof Tmf;
const wordsOf = (name: FunctionName): string =>
  name === 'I_T_NEXUS_RESET' ? 'I_T NEXUS RESET' : name.replaceAll('_', ' ');
const slugOf = (name: FunctionName): string => name.toLowerCase().replaceAll('_', '-');

/** Functions that end commands, with the requirement that says so, and the code that their commands get. */
const ENDING: readonly (readonly [name: FunctionName, requirement: string, code: number])[] = [
  ['ABORT_TASK', 'scsi.tmf.abort-task-completes', Response.ABORTED],
  ['ABORT_TASK_SET', 'scsi.tmf.abort-task-set-completes', Response.ABORTED],
  ['CLEAR_TASK_SET', 'scsi.tmf.clear-task-set', Response.ABORTED],
  ['LOGICAL_UNIT_RESET', 'scsi.tmf.lun-reset-completes-all', Response.RESET],
  ['I_T_NEXUS_RESET', 'scsi.tmf.nexus-reset-completes-all', Response.RESET],
];
/** Functions that look for commands. */
const QUERIES: readonly (readonly [name: FunctionName, requirement: string])[] = [
  ['QUERY_TASK', 'scsi.tmf.query-task-present'],
  ['QUERY_TASK_SET', 'scsi.tmf.query-task-set-present'],
];
const LATE_MS = 200;

interface Described {
  readonly acts?: true;
  readonly id: string;
  readonly sentence: string;
  readonly requirement: string;
  readonly source?: Mutant['source'];
}

/** A mutant that is right about other functions. */
function selecting(
  { source = 'generic', ...described }: Described,
  subtype: number,
  selected: (selected: boolean, task: Task, call: ManagementCall) => boolean,
): Mutant {
  return {
    ...described,
    source,
    apply: (behaviours: Behaviours) => {
      behaviours.selected = (right, task, call) =>
        call.subtype === subtype ? selected(right, task, call) : right;
    },
  };
}

function answering(
  { source = 'generic', ...described }: Described,
  change: (answer: ControlAnswer, context: ControlContext) => ControlAnswer,
): Mutant {
  return {
    ...described,
    source,
    apply: (behaviours: Behaviours) => {
      behaviours.controlAnswer = (answer, context) =>
        context.request?.type === ControlType.TMF ? change(answer, context) : answer;
    },
  };
}

function understanding(
  { source = 'generic', ...described }: Described,
  change: (request: ControlRequest) => Partial<ControlRequest>,
): Mutant {
  return {
    ...described,
    source,
    apply: (behaviours: Behaviours) => {
      behaviours.controlRequest = (request) => ({ ...request, ...change(request) });
    },
  };
}

/** A mutant that does something more, or takes something back, once a function is done. */
function managing(
  { source = 'generic', ...described }: Described,
  after: (call: ManagementCall, response: number) => number,
): Mutant {
  return {
    ...described,
    source,
    apply: (behaviours: Behaviours) => {
      behaviours.manage = (run, call) => after(call, run());
    },
  };
}

/** What can go wrong with every function that ends commands. */
function endingMutants([name, requirement, code]: (typeof ENDING)[number]): Mutant[] {
  const [words, slug, subtype] = [wordsOf(name), slugOf(name), Tmf[name]];
  const mutants: Mutant[] = [
    {
      id: `tmf.${slug}.late`,
      sentence: `${words} is complete before the commands that it ends are returned.`,
      requirement: 'scsi.tmf.effects-before-completion',
      source: 'museum QVS-02-tmf-completes-before-victims',
      apply: (behaviours) => {
        behaviours.cancellationDelay = (delay, _task, call) => (call.subtype === subtype ? LATE_MS : delay);
      },
    },
    selecting(
      { id: `tmf.${slug}.nothing`, sentence: `${words} is complete and ends no command.`, requirement },
      subtype,
      () => false,
    ),
    selecting(
      {
        id: `tmf.${slug}.first-queue`,
        sentence: `${words} ends only commands of the first request queue.`,
        requirement,
      },
      subtype,
      (selected, task) => selected && task.origin.queue.index === QueueIndex.REQUEST,
    ),
  ];
  if (name === 'CLEAR_TASK_SET') return mutants;
  const other = code === Response.RESET ? Response.ABORTED : Response.RESET;
  mutants.push({
    id: `tmf.${slug}.other-code`,
    sentence: `Commands that ${words} ends are answered ${other}.`,
    requirement: code === Response.RESET ? 'scsi.req.response-reset' : 'scsi.req.response-aborted',
    source: 'layout',
    apply: (behaviours) => {
      let current: number | undefined;
      behaviours.manage = (run, call) => {
        current = call.subtype;
        const response = run();
        current = undefined;
        return response;
      };
      behaviours.answer = (answer) =>
        current === subtype && answer.fields.response === code
          ? { ...answer, fields: { ...answer.fields, response: other } }
          : answer;
    },
  });
  return mutants;
}

function queryMutants([name, requirement]: (typeof QUERIES)[number]): Mutant[] {
  const [words, slug, subtype] = [wordsOf(name), slugOf(name), Tmf[name]];
  return [
    selecting(
      {
        id: `tmf.${slug}.first-queue`,
        sentence: `${words} looks for commands of the first request queue alone.`,
        requirement,
      },
      subtype,
      (selected, task) => selected && task.origin.queue.index === QueueIndex.REQUEST,
    ),
    managing(
      { id: `tmf.${slug}.always`, sentence: `${words} always succeeds.`, requirement },
      (call, response) => (call.subtype === subtype ? ControlResponse.FUNCTION_SUCCEEDED : response),
    ),
    {
      id: `tmf.${slug}.aborts`,
      sentence: `${words} ends the commands that it finds.`,
      requirement,
      source: 'generic',
      apply: (behaviours) => {
        const asked = new Set<ControlRequest>();
        behaviours.controlRequest = (request) => {
          if (request.type !== ControlType.TMF || request.subtype !== subtype) return request;
          const ending = { ...request, subtype: name === 'QUERY_TASK' ? Tmf.ABORT_TASK : Tmf.ABORT_TASK_SET };
          asked.add(ending);
          return ending;
        };
        behaviours.controlAnswer = (answer, { request }) =>
          request !== undefined && asked.has(request) && answer.response === ControlResponse.FUNCTION_COMPLETE
            ? { ...answer, response: ControlResponse.FUNCTION_SUCCEEDED }
            : answer;
      },
    },
  ];
}

/** Functions that take the commands of every unit for those of theirs. */
function anyUnit(name: FunctionName, requirement: string): Mutant {
  const words = wordsOf(name);
  return selecting(
    {
      id: `tmf.${slugOf(name)}.any-unit`,
      sentence: `${words} means commands of every unit.`,
      requirement,
    },
    Tmf[name],
    (selected, task, { tag }) =>
      selected || (name === 'ABORT_TASK' || name === 'QUERY_TASK' ? task.tag === tag : true),
  );
}

const FUNCTIONS = Object.keys(Tmf) as FunctionName[];
const RESETS: ReadonlySet<number> = new Set([Tmf.LOGICAL_UNIT_RESET, Tmf.I_T_NEXUS_RESET]);
const isMissing = (response: number): boolean =>
  response === ControlResponse.BAD_TARGET || response === ControlResponse.INCORRECT_LUN;
const TMF_SIZE = 24;

export const TASK_MANAGEMENT_MUTANTS: readonly Mutant[] = [
  ...ENDING.flatMap(endingMutants),
  ...QUERIES.flatMap(queryMutants),
  anyUnit('ABORT_TASK', 'scsi.tmf.id-matching'),
  anyUnit('ABORT_TASK_SET', 'scsi.tmf.abort-task-set-completes'),
  anyUnit('CLEAR_TASK_SET', 'scsi.tmf.clear-task-set'),
  anyUnit('LOGICAL_UNIT_RESET', 'scsi.tmf.lun-reset-completes-all'),
  anyUnit('QUERY_TASK', 'scsi.tmf.query-task-present'),
  anyUnit('QUERY_TASK_SET', 'scsi.tmf.query-task-set-present'),
  ...FUNCTIONS.map(
    (name): Mutant => ({
      id: `tmf.${slugOf(name)}.failed`,
      sentence: `${wordsOf(name)} is answered TARGET_FAILURE although it is done.`,
      requirement: 'scsi.tmf.response-codes',
      source: 'generic',
      apply: (behaviours) => {
        behaviours.manage = (run, { subtype }) => {
          const response = run();
          return subtype === Tmf[name] ? ControlResponse.TARGET_FAILURE : response;
        };
      },
    }),
  ),
  selecting(
    {
      id: 'tmf.i-t-nexus-reset.one-unit',
      sentence: 'I_T NEXUS RESET ends the commands of the addressed unit alone.',
      requirement: 'scsi.tmf.nexus-reset-completes-all',
    },
    Tmf.I_T_NEXUS_RESET,
    (selected, task, { destination }) => selected && task.unit === destination.unit,
  ),
  managing(
    {
      id: 'tmf.i-t-nexus-reset.tells-one-unit',
      sentence: 'I_T NEXUS RESET leaves a unit attention at the addressed unit alone.',
      requirement: 'scsi.tmf.nexus-reset-completes-all',
      acts: true,
    },
    ({ subtype, destination }, response) => {
      if (subtype === Tmf.I_T_NEXUS_RESET)
        for (const unit of destination.target?.units.values() ?? [])
          if (unit !== destination.unit) unit.takeAttention();
      return response;
    },
  ),
  {
    id: 'tmf.i-t-nexus-reset.needs-unit',
    sentence: 'I_T NEXUS RESET for a missing unit of an existing target is answered INCORRECT_LUN.',
    requirement: 'scsi.tmf.nexus-ignores-lun',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.manage = (run, { subtype, destination }) =>
        subtype === Tmf.I_T_NEXUS_RESET && destination.unit === undefined
          ? ControlResponse.INCORRECT_LUN
          : run();
    },
  },
  managing(
    {
      id: 'tmf.lun-reset.silent',
      sentence: 'LOGICAL UNIT RESET leaves no unit attention.',
      requirement: 'scsi.tmf.lun-reset-unit-attention',
      source: 'museum QSD-48-no-ua-after-reset',
      acts: true,
    },
    ({ subtype, destination }, response) => {
      if (subtype === Tmf.LOGICAL_UNIT_RESET) destination.unit?.takeAttention();
      return response;
    },
  ),
  {
    id: 'tmf.lun-reset.attention-stays',
    sentence: 'The unit attention of LOGICAL UNIT RESET is reported again and again.',
    requirement: 'scsi.tmf.lun-reset-unit-attention',
    source: 'generic',
    acts: true,
    apply: (behaviours) => {
      let stays: unknown;
      behaviours.manage = (run, { subtype, destination }) => {
        if (subtype === Tmf.LOGICAL_UNIT_RESET) stays = destination.unit;
        return run();
      };
      behaviours.resets = () => {
        stays = undefined;
        return true;
      };
      behaviours.result = (result, { unit }) => {
        if (unit === stays) unit.raiseAttention(Sense.BUS_DEVICE_RESET);
        return result;
      };
    },
  },
  managing(
    {
      id: 'tmf.lun-reset.tells-all-units',
      sentence: 'LOGICAL UNIT RESET leaves a unit attention at every unit of the target.',
      requirement: 'scsi.tmf.lun-reset-unit-attention',
      acts: true,
    },
    ({ subtype, destination }, response) => {
      if (subtype === Tmf.LOGICAL_UNIT_RESET)
        for (const unit of destination.target?.units.values() ?? [])
          unit.raiseAttention(Sense.BUS_DEVICE_RESET);
      return response;
    },
  ),
  managing(
    {
      id: 'tmf.all-leave-attention',
      sentence: 'Functions that reset nothing leave a unit attention, too.',
      requirement: 'scsi.tmf.lun-reset-unit-attention',
      acts: true,
    },
    ({ subtype, destination }, response) => {
      if (!RESETS.has(subtype)) destination.unit?.raiseAttention(Sense.BUS_DEVICE_RESET);
      return response;
    },
  ),
  managing(
    {
      id: 'tmf.abort-task.absent-rejected',
      sentence: 'ABORT TASK for a tag that is not outstanding is rejected.',
      requirement: 'scsi.tmf.abort-task-absent',
    },
    // The commands that it ended are gone by now, so that this is about all of them.
    ({ subtype }, response) => (subtype === Tmf.ABORT_TASK ? ControlResponse.FUNCTION_REJECTED : response),
  ),
  {
    id: 'tmf.abort-task.tag-remembered',
    sentence: 'A tag that was aborted is never served again.',
    requirement: 'scsi.tmf.id-matching',
    source: 'generic',
    apply: (behaviours) => {
      const tags = new Set<bigint>();
      behaviours.manage = (run, { subtype, tag }) => {
        const response = run();
        if (subtype === Tmf.ABORT_TASK) tags.add(tag);
        return response;
      };
      behaviours.answer = (answer, task) =>
        tags.has(task.tag) && answer.fields.response === Response.OK
          ? { ...answer, fields: { ...answer.fields, response: Response.FAILURE } }
          : answer;
    },
  },
  {
    id: 'tmf.aborted-write-late',
    acts: true,
    sentence: 'A write that a function has ended is carried out all the same, after the next one.',
    requirement: 'scsi.tmf.abort-task-completes',
    source: 'museum QVS-03-cancelled-never-started',
    apply: (behaviours) => {
      let ended: Task | undefined;
      behaviours.answer = (answer, task) => {
        const { response } = answer.fields;
        const cancelled = response === Response.ABORTED || response === Response.RESET;
        if (cancelled && task.dataOutLength > 0) ended = task;
        return answer;
      };
      behaviours.perform = (call, run) => {
        const result = run();
        const { unit, command } = call;
        const written = command.name === 'WRITE(10)' && result.status === ScsiStatus.GOOD;
        if (ended === undefined || ended.unit !== unit || !written || !(unit instanceof Disk)) return result;
        const { cdb } = ended;
        unit.writeBlocks(
          BigInt(new DataView(cdb.buffer, cdb.byteOffset).getUint32(2)),
          ended.dataOut(ended.dataOutLength),
        );
        ended = undefined;
        return result;
      };
    },
  },
  {
    id: 'tmf.nexus-reset.all-targets',
    sentence: 'I_T NEXUS RESET ends the commands of every target.',
    requirement: 'scsi.tmf.nexus-ignores-lun',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.selected = (selected, _task, { subtype }) => selected || subtype === Tmf.I_T_NEXUS_RESET;
    },
  },
  understanding(
    {
      id: 'tmf.clear-aca.ends-all',
      sentence: 'CLEAR ACA is taken for ABORT TASK SET.',
      requirement: 'scsi.tmf.clear-aca',
    },
    ({ type, subtype }) =>
      type === ControlType.TMF && subtype === Tmf.CLEAR_ACA ? { subtype: Tmf.ABORT_TASK_SET } : {},
  ),
  answering(
    {
      id: 'tmf.query-missing-found',
      sentence: 'A query for a missing unit or target finds a command.',
      requirement: 'scsi.tmf.query-task-present',
    },
    (answer, { request }) =>
      (request?.subtype === Tmf.QUERY_TASK || request?.subtype === Tmf.QUERY_TASK_SET) &&
      (answer.response === ControlResponse.INCORRECT_LUN || answer.response === ControlResponse.BAD_TARGET)
        ? { ...answer, response: ControlResponse.FUNCTION_SUCCEEDED }
        : answer,
  ),
  understanding(
    {
      id: 'tmf.subtype-truncated',
      sentence: 'Of subtype only the low byte is looked at.',
      requirement: 'scsi.tmf.unsupported-rejected',
    },
    ({ subtype }) => ({ subtype: subtype & 0xff }),
  ),
  understanding(
    {
      id: 'tmf.first-lun-byte-ignored',
      sentence: 'The first byte of lun is not looked at on the control queue.',
      requirement: 'scsi.tmf.lun-format',
    },
    ({ lun }) => ({ lun: Uint8Array.of(1, ...lun.subarray(1)) }),
  ),
  understanding(
    {
      id: 'tmf.target-ignored',
      sentence: 'Control requests go to target 0, whatever their target.',
      requirement: 'scsi.tmf.lun-format',
    },
    ({ lun }) => ({ lun: lun[0] === 1 ? Uint8Array.of(1, 0, ...lun.subarray(2)) : lun }),
  ),
  understanding(
    {
      id: 'tmf.unit-ignored',
      sentence: 'Control requests go to unit 0, whatever their unit.',
      requirement: 'scsi.tmf.lun-format',
    },
    ({ lun }) => ({ lun: lun[0] === 1 ? Uint8Array.of(1, lun[1] ?? 0, 0, 0, 0, 0, 0, 0) : lun }),
  ),
  understanding(
    {
      id: 'tmf.peripheral-form-unknown',
      sentence: 'The control queue does not know the peripheral form of lun.',
      requirement: 'scsi.tmf.lun-format',
    },
    ({ lun }) => (lun[2] === 0 ? { lun: Uint8Array.of(1, lun[1] ?? 0, 0xff, 0xff, 0, 0, 0, 0) } : {}),
  ),
  answering(
    {
      id: 'tmf.response-unwritten',
      sentence: 'The response to a function for a missing unit is not written.',
      requirement: 'scsi.tmf.response-written',
    },
    (answer) =>
      answer.response === ControlResponse.INCORRECT_LUN ? { ...answer, unwritten: [[0, 1]] } : answer,
  ),
  answering(
    {
      id: 'tmf.response-unwritten-for-tag',
      sentence: 'The response to a function with tag 4 is not written.',
      requirement: 'scsi.tmf.response-written',
    },
    (answer, { request }) => (request?.id === 4n ? { ...answer, unwritten: [[0, 1]] } : answer),
  ),
  answering(
    {
      id: 'tmf.clear-aca-succeeded',
      sentence: 'CLEAR ACA is answered FUNCTION SUCCEEDED.',
      requirement: 'scsi.tmf.clear-aca',
    },
    (answer, { request }) =>
      request?.subtype === Tmf.CLEAR_ACA && !isMissing(answer.response)
        ? { ...answer, response: ControlResponse.FUNCTION_SUCCEEDED }
        : answer,
  ),
  answering(
    {
      id: 'tmf.tag-must-be-zero',
      sentence: 'Functions that have no use for a tag fail when there is one.',
      requirement: 'scsi.tmf.irrelevant-fields',
    },
    (answer, { request }) =>
      request && request.subtype !== Tmf.ABORT_TASK && request.subtype !== Tmf.QUERY_TASK && request.id !== 0n
        ? { ...answer, response: ControlResponse.FAILURE }
        : answer,
  ),
  answering(
    {
      id: 'tmf.cut-refused',
      sentence: 'Functions fail when their readable part is cut.',
      requirement: 'scsi.tmf.layout',
      source: 'museum LVS-05-bad-target-wrong-layout',
    },
    (answer, { chain }) =>
      chain.readableCut.length > 1 ? { ...answer, response: ControlResponse.FAILURE } : answer,
  ),
  answering(
    {
      id: 'tmf.longer-refused',
      sentence: 'Functions fail when their buffer is longer than they are.',
      requirement: 'scsi.tmf.layout',
      source: 'museum BHY-01-control-response-offset',
    },
    (answer, { chain }) =>
      chain.readableLength > TMF_SIZE || chain.writableLength > 1
        ? { ...answer, response: ControlResponse.FAILURE }
        : answer,
  ),
  answering(
    {
      id: 'tmf.incorrect-lun-as-aborted',
      sentence: 'A missing unit is answered 2, which is no code of the control queue.',
      requirement: 'scsi.ctrl.response-codes',
    },
    (answer) => (answer.response === ControlResponse.INCORRECT_LUN ? { ...answer, response: 2 } : answer),
  ),
  {
    id: 'control.unknown-as-reset',
    sentence: 'Of the type of a control request only the low byte is looked at.',
    requirement: 'scsi.ctrl.type-selects',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.controlType = (type) => type & 0xff;
    },
  },
  {
    id: 'control.unknown-unanswered',
    sentence: 'Control requests that cannot be read come back with nothing written.',
    requirement: 'scsi.ctrl.type-selects',
    source: 'museum QEX-06-unknown-control-type-untouched',
    apply: (behaviours) => {
      behaviours.controlAnswer = (answer, { chain }) =>
        answer.type === 'unknown' ? { ...answer, unwritten: [[0, chain.writableLength]] } : answer;
    },
  },
];
