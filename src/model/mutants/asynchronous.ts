/** Asynchronous notification gone wrong: what is supported, what is written, and where. */
import {
  ControlResponse,
  ControlType,
  virtioScsiCtrlAn,
  virtioScsiCtrlAnResp,
} from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { ControlAnswer, ControlContext } from '../scsi/control-answer.js';
import type { Mutant } from './mutant.js';

/** A mutant that answers requests about asynchronous events otherwise. */
function answering(
  id: string,
  sentence: string,
  requirement: string,
  change: (answer: ControlAnswer, context: ControlContext) => Partial<ControlAnswer>,
  source: Mutant['source'] = 'generic',
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source,
    apply: (behaviours: Behaviours) => {
      behaviours.controlAnswer = (answer, context) =>
        answer.type === 'an' ? { ...answer, ...change(answer, context) } : answer;
    },
  };
}

const { event_actual, response } = virtioScsiCtrlAnResp.fields;
const FAILED = { response: ControlResponse.FAILURE } as const;
const isSubscription = ({ request }: ControlContext): boolean => request?.type === ControlType.AN_SUBSCRIBE;
const swapped = (value: number): number =>
  (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;

/** Parts of the answer that are left as they were, for the two types of request. */
const UNWRITTEN = [
  { part: 'event-actual', words: 'event_actual', from: event_actual.offset, to: response.offset },
  { part: 'response', words: 'response', from: response.offset, to: virtioScsiCtrlAnResp.size },
] as const;
const TYPES = [
  { name: 'query', type: ControlType.AN_QUERY },
  { name: 'subscribe', type: ControlType.AN_SUBSCRIBE },
] as const;

export const ASYNCHRONOUS_MUTANTS: readonly Mutant[] = [
  ...TYPES.flatMap(({ name, type }) =>
    UNWRITTEN.map(({ part, words, from, to }) =>
      answering(
        `an.${name}.${part}-unwritten`,
        `The answer to an asynchronous notification request of type ${name} has its ${words} not written.`,
        `scsi.an.${name}-fields-written`,
        (_answer, { request }) => (request?.type === type ? { unwritten: [[from, to]] } : {}),
        'museum BHY-04-an-query-empty',
      ),
    ),
  ),
  ...TYPES.map(({ name, type }) =>
    answering(
      `an.${name}.succeeded`,
      `Asynchronous notification requests of type ${name} are answered 10, which only functions have.`,
      `scsi.an.${name}-no-specific-codes`,
      (answer, { request }) =>
        request?.type === type && answer.response === ControlResponse.FUNCTION_COMPLETE
          ? { response: ControlResponse.FUNCTION_SUCCEEDED }
          : {},
      'museum VBX-07-an-subscribe-response',
    ),
  ),
  answering(
    'an.event-actual.swapped',
    'event_actual is in the wrong byte order.',
    'scsi.an.layout',
    ({ eventActual }) => ({ eventActual: swapped(eventActual) }),
    'layout',
  ),
  answering(
    'an.event-actual.none-for-all-ones',
    'A request that names undefined events is answered with none.',
    'scsi.an.query-answer',
    (_answer, { request }) => (((request?.eventRequested ?? 0) & ~0x7e) !== 0 ? { eventActual: 0 } : {}),
  ),
  answering(
    'an.event-actual.exact-only',
    'An event is said to be supported only where no other is asked for.',
    'scsi.an.query-answer',
    ({ eventActual }, { request }) => (eventActual === request?.eventRequested ? {} : { eventActual: 0 }),
  ),
  answering(
    'an.flat-none',
    'A unit that is addressed in flat form supports no event.',
    'scsi.an.query-answer',
    (_answer, { request }) => (((request?.lun[2] ?? 0) & 0xc0) === 0x40 ? { eventActual: 0 } : {}),
  ),
  answering(
    'an.subscribe.none',
    'A subscription is answered with no event, whatever the unit supports.',
    'scsi.an.subscribe-answer',
    (_answer, context) => (isSubscription(context) ? { eventActual: 0 } : {}),
  ),
  answering(
    'an.subscribe.zero-refused',
    'A subscription to nothing fails.',
    'scsi.an.subscribe-answer',
    (_answer, context) => (isSubscription(context) && context.request?.eventRequested === 0 ? FAILED : {}),
  ),
  {
    id: 'an.subscribe.sticks',
    sentence: 'A query tells what was subscribed to last in place of what is supported.',
    requirement: 'scsi.an.query-answer',
    source: 'generic',
    apply: (behaviours) => {
      let subscribed = 0xffff_ffff;
      behaviours.resets = () => {
        subscribed = 0xffff_ffff;
        return true;
      };
      behaviours.controlAnswer = (answer, context) => {
        if (answer.type !== 'an') return answer;
        if (isSubscription(context)) subscribed = context.request?.eventRequested ?? 0;
        return { ...answer, eventActual: answer.eventActual & subscribed };
      };
    },
  },
  {
    id: 'an.busy-during-commands',
    sentence: 'Asynchronous notification requests fail while commands are in flight.',
    requirement: 'scsi.an.query-answer',
    source: 'generic',
    apply: (behaviours) => {
      const inFlight = new Set<unknown>();
      behaviours.overrun = (short, task) => {
        if (!short) inFlight.add(task);
        return short;
      };
      behaviours.answer = (answer, task) => {
        inFlight.delete(task);
        return answer;
      };
      behaviours.controlAnswer = (answer) =>
        answer.type === 'an' && inFlight.size > 0 ? { ...answer, ...FAILED } : answer;
    },
  },
  answering(
    'an.cut-refused',
    'Asynchronous notification requests fail when their buffer is cut.',
    'scsi.an.layout',
    (_answer, { chain }) => (chain.readableCut.length + chain.writableCut.length > 2 ? FAILED : {}),
    'museum LVS-05-bad-target-wrong-layout',
  ),
  answering(
    'an.longer-refused',
    'Asynchronous notification requests fail when their buffer is longer than they are.',
    'scsi.an.layout',
    (_answer, { chain }) =>
      chain.readableLength > virtioScsiCtrlAn.size || chain.writableLength > virtioScsiCtrlAnResp.size
        ? FAILED
        : {},
    'museum BHY-01-control-response-offset',
  ),
  answering(
    'an.missing-as-aborted',
    'Asynchronous notification requests for a missing unit or target are answered 2.',
    'scsi.ctrl.response-codes',
    ({ response }) => (response === ControlResponse.FUNCTION_COMPLETE ? {} : { response: 2 }),
  ),
  {
    id: 'control.an-as-tmf',
    sentence: 'Every control request is taken for a task management function.',
    requirement: 'scsi.ctrl.type-selects',
    source: 'museum QVS-12-ctrl-type-read-from-zeroed-struct',
    apply: (behaviours) => {
      behaviours.controlType = (type) =>
        type === ControlType.AN_QUERY || type === ControlType.AN_SUBSCRIBE ? ControlType.TMF : type;
    },
  },
];
