/** Events gone wrong: what is reported, to whom, into which buffers, and what units say besides. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { hasFeature } from '../../wire/virtio.js';
import { QueueIndex, ResetReason, Response, ScsiEvent, virtioScsiEvent } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { EventRecord } from '../scsi/event-record.js';
import type { Destination } from '../scsi/topology.js';
import type { CommandResult } from '../units/command-result.js';
import { Sense } from '../units/sense.js';
import type { Mutant } from './mutant.js';

/** Asynchronous events by all their bits. */
const ALL_ASYNC = 0x7e;
/** A code that no event has. */
const UNKNOWN_EVENT = 4;
/** The most events of a device that stops reporting. */
const FEW = 7;

/** Which events a mutant is about. */
type Which = (record: EventRecord) => boolean;

const kindOf = ({ event }: EventRecord) => event & ~ScsiEvent.EVENTS_MISSED;
const isReset =
  (reason: number): Which =>
  (record) =>
    kindOf(record) === ScsiEvent.TRANSPORT_RESET && record.reason === reason;
const isRescan = isReset(ResetReason.RESET_RESCAN);
const isRemoved = isReset(ResetReason.RESET_REMOVED);
const isHard = isReset(ResetReason.RESET_HARD);
const isKind =
  (kind: number): Which =>
  (record) =>
    kindOf(record) === kind;
const isChange = isKind(ScsiEvent.PARAM_CHANGE);
const isAsync = isKind(ScsiEvent.ASYNC_NOTIFY);

function withLun(record: EventRecord, change: (lun: Uint8Array) => void): EventRecord {
  const lun = record.lun.slice();
  change(lun);
  return { ...record, lun };
}

/** Another kind of event; EVENTS_MISSED stays. */
function withKind(record: EventRecord, kind: number): EventRecord {
  return { ...record, event: ((record.event & ScsiEvent.EVENTS_MISSED) | kind) >>> 0 };
}

type Row<T> = readonly [id: string, sentence: string, requirement: string, which: Which, change: T];

/** Fields of one kind of event that are stored wrongly. */
const FIELDS: readonly Row<(record: EventRecord) => EventRecord>[] = [
  [
    'event.rescan.as-hard',
    'A unit that appears is reported as reset.',
    'scsi.event.reason-rescan',
    isRescan,
    (record) => ({ ...record, reason: ResetReason.RESET_HARD }),
  ],
  [
    'event.removed.as-rescan',
    'A unit that goes is reported as one that appears.',
    'scsi.event.reason-removed',
    isRemoved,
    (record) => ({ ...record, reason: ResetReason.RESET_RESCAN }),
  ],
  [
    'event.hard.as-removed',
    'A unit that was reset is reported as removed.',
    'scsi.event.reason-hard',
    isHard,
    (record) => ({ ...record, reason: ResetReason.RESET_REMOVED }),
  ],
  [
    'event.reset.unknown-code',
    'Transport resets have a code that no event has.',
    'scsi.event.codes',
    isKind(ScsiEvent.TRANSPORT_RESET),
    (record) => withKind(record, UNKNOWN_EVENT),
  ],
  [
    'event.lun.low-byte',
    'The lun of an event has the low byte of the unit number only.',
    'scsi.event.lun-encoding',
    () => true,
    (record) =>
      withLun(record, (lun) => {
        lun[2] = 0;
      }),
  ],
  [
    'event.change.lun-of-neighbour',
    'PARAM_CHANGE names the next unit.',
    'scsi.event.param-change-fields',
    isChange,
    (record) =>
      withLun(record, (lun) => {
        lun[3] = (lun[3] ?? 0) + 1;
      }),
  ],
  [
    'event.change.no-qualifier',
    'The reason of PARAM_CHANGE lacks the additional sense code qualifier.',
    'scsi.event.param-change-reason',
    isChange,
    (record) => ({ ...record, reason: record.reason & 0xff }),
  ],
  [
    'event.async.every-bit',
    'ASYNC_NOTIFY names every event that there is.',
    'scsi.event.async-notify-subset',
    isAsync,
    (record) => ({ ...record, reason: ALL_ASYNC }),
  ],
  [
    'event.async.lun-zero',
    'ASYNC_NOTIFY names no unit.',
    'scsi.event.async-notify',
    isAsync,
    (record) => withLun(record, (lun) => lun.fill(0)),
  ],
  [
    'event.loss-unmarked',
    'NO_EVENT after a loss comes without EVENTS_MISSED.',
    'scsi.event.no-event-after-drop-flagged',
    isKind(ScsiEvent.NO_EVENT),
    (record) => ({ ...record, event: ScsiEvent.NO_EVENT }),
  ],
];

/** Events that are reported although they are not due, or not although they are. */
const DUE: readonly Row<boolean>[] = [
  [
    'event.rescan.declined',
    'New units are reported also without F_HOTPLUG.',
    'scsi.event.hotplug-gated-rescan',
    isRescan,
    true,
  ],
  [
    'event.removed.declined',
    'Units that go are reported also without F_HOTPLUG.',
    'scsi.event.hotplug-gated-removed',
    isRemoved,
    true,
  ],
  [
    'event.change.always',
    'PARAM_CHANGE is sent for every unit, those of MMC included, and without F_CHANGE.',
    'scsi.event.no-param-change-mmc',
    isChange,
    true,
  ],
  [
    'event.async.unasked',
    'Asynchronous events are reported without subscription.',
    'scsi.event.async-notify-subset',
    isAsync,
    true,
  ],
  ['event.rescan.never', 'New units are not reported.', 'scsi.feature.hotplug-reporting', isRescan, false],
  [
    'event.removed.never',
    'Units that go are not reported.',
    'scsi.feature.hotplug-reporting',
    isRemoved,
    false,
  ],
  ['event.hard.never', 'Units that were reset are not reported.', 'scsi.event.reason-hard', isHard, false],
  ['event.change.never', 'PARAM_CHANGE is never sent.', 'scsi.feature.change-reporting', isChange, false],
  ['event.async.never', 'ASYNC_NOTIFY is never sent.', 'scsi.event.async-notify', isAsync, false],
  [
    'event.unit-0-only',
    'Only events of units with number 0 are reported.',
    'scsi.event.lun0-whole-target',
    ({ lun }) => lun[3] !== 0,
    false,
  ],
];

/** Unit attentions that are not reported: the command runs as if there were none. */
const ATTENTIONS: readonly (readonly [id: string, sentence: string, requirement: string, asc: number])[] = [
  [
    'attention.inventory-never',
    'That the list of units has changed is no unit attention.',
    'scsi.event.sense-rescan',
    Sense.REPORTED_LUNS_CHANGED.asc,
  ],
  [
    'attention.capacity-never',
    'A new size is no unit attention.',
    'scsi.event.param-change-unit-attention',
    Sense.CAPACITY_CHANGED.asc,
  ],
  [
    'attention.medium-never',
    'A new medium is no unit attention.',
    'spc.test-unit-ready.new-medium',
    Sense.MEDIUM_MAY_HAVE_CHANGED.asc,
  ],
];

/** Keeps a unit attention from being reported while `holds`. */
function swallowAttention(behaviours: Behaviours, asc: number, holds: () => boolean = () => true): void {
  behaviours.perform = (_call, run) => {
    const result = run();
    return result.sense?.key === Sense.POWER_ON.key && result.sense.asc === asc && holds() ? run() : result;
  };
}

/** A mutant of the length of a used event buffer. */
function usedLength(
  id: string,
  sentence: string,
  requirement: string,
  change: (len: number, buffer: { readonly readable: number; readonly writable: number }) => number,
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source: 'generic',
    apply: (behaviours) => {
      behaviours.usedElements = (elements, context) =>
        context.queue === QueueIndex.EVENT
          ? elements.map((element) => ({ ...element, len: change(element.len, context) }))
          : elements;
    },
  };
}

const keyOf = (bytes: Uint8Array) => bytes.join();

export const EVENT_MUTANTS: readonly Mutant[] = [
  ...FIELDS.map(
    ([id, sentence, requirement, which, change]): Mutant => ({
      id,
      sentence,
      requirement,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.event = (record) => (which(record) ? change(record) : record);
      },
    }),
  ),
  ...DUE.map(
    ([id, sentence, requirement, which, answer]): Mutant => ({
      id,
      sentence,
      requirement,
      source: 'generic',
      apply: (behaviours) => {
        behaviours.eventDue = (due, record) => (which(record) ? answer : due);
      },
    }),
  ),
  ...ATTENTIONS.map(
    ([id, sentence, requirement, asc]): Mutant => ({
      id,
      sentence,
      requirement,
      source: 'generic',
      apply: (behaviours) => swallowAttention(behaviours, asc),
    }),
  ),
  {
    id: 'event.hard-declined-as-rescan',
    sentence: 'Without F_HOTPLUG a unit that was reset is reported, and as one that appears.',
    requirement: 'scsi.event.reason-hard',
    source: 'generic',
    apply: (behaviours) => {
      let declined = false;
      behaviours.eventDue = (due, record) => {
        declined = !due && isHard(record);
        return due || declined;
      };
      behaviours.event = (record) => {
        if (declined && isHard(record)) return { ...record, reason: ResetReason.RESET_RESCAN };
        return record;
      };
    },
  },
  {
    id: 'attention.inventory-declined',
    sentence: 'Without F_HOTPLUG a changed list of units is no unit attention.',
    requirement: 'sam.attention.report-luns-clears',
    source: 'museum QVS-22-no-ua-on-hotplug',
    apply: (behaviours) => {
      let declined = false;
      behaviours.featuresAccepted = (accepted, features) => {
        declined = !hasFeature(features, 'VIRTIO_SCSI_F_HOTPLUG');
        return accepted;
      };
      swallowAttention(behaviours, Sense.REPORTED_LUNS_CHANGED.asc, () => declined);
    },
  },
  {
    id: 'attention.report-luns-keeps',
    sentence: 'REPORT LUNS leaves a pending unit attention as it was.',
    requirement: 'sam.attention.report-luns-clears',
    source: 'generic',
    acts: true,
    apply: (behaviours) => {
      behaviours.perform = (call, run) => {
        if (call.command.name !== 'REPORT LUNS') return run();
        const pending = call.unit.takeAttention();
        const result = run();
        if (pending !== undefined) call.unit.raiseAttention(pending);
        return result;
      };
    },
  },
  {
    id: 'attention.hard-never',
    sentence: 'A reset by others is no unit attention.',
    requirement: 'scsi.event.sense-hard',
    source: 'generic',
    apply: (behaviours) => {
      let reset = false;
      behaviours.eventDue = (due, record) => {
        reset = isHard(record);
        return due;
      };
      swallowAttention(behaviours, Sense.POWER_ON.asc, () => reset);
    },
  },
  {
    id: 'attention.by-missing-unit',
    sentence:
      'A command to a missing unit reports a unit attention of another unit, which is then rid of it.',
    requirement: 'scsi.event.sense-rescan',
    source: 'generic',
    acts: true,
    apply: (behaviours) => {
      behaviours.perform = ({ destination: { target, unit } }, run) => {
        const [other] = unit ? [] : (target?.units.values() ?? []);
        const sense = other?.takeAttention();
        return sense ? { status: ScsiStatus['CHECK CONDITION'], sense } : run();
      };
    },
  },
  {
    id: 'event.unit-stays',
    sentence: 'A unit that has gone still carries out commands.',
    requirement: 'scsi.event.reason-removed',
    source: 'museum QVS-21-removed-event-before-removal',
    apply: (behaviours) => {
      const known = new Map<string, Destination>();
      behaviours.destination = (destination, lun) => {
        if (destination.unit) known.set(keyOf(lun), destination);
        return destination.unit ? destination : (known.get(keyOf(lun)) ?? destination);
      };
    },
  },
  {
    id: 'event.unit-late',
    sentence: 'A new unit is missing for the first commands after its event.',
    requirement: 'scsi.event.reason-rescan',
    source: 'museum QVS-20-rescan-event-before-lun-ready',
    apply: (behaviours) => {
      let early = 0;
      behaviours.eventDue = (due, record) => {
        if (isRescan(record)) early = 2;
        return due;
      };
      behaviours.destination = (destination) =>
        early-- > 0 ? { ...destination, unit: undefined } : destination;
    },
  },
  {
    id: 'event.unit-takes-commands-along',
    sentence: 'Commands that end with FAILURE, as those of a unit that goes, are not returned.',
    source: 'generic',
    apply: (behaviours) => {
      let failed = false;
      behaviours.answer = (answer) => {
        failed = answer.fields.response === Response.FAILURE;
        return answer;
      };
      behaviours.usedElements = (elements, { queue }) =>
        failed && queue >= QueueIndex.REQUEST ? [] : elements;
    },
  },
  {
    id: 'report-luns.stale',
    sentence: 'REPORT LUNS lists the units that there were when it was first asked.',
    requirement: 'scsi.event.rescan-recovers',
    source: 'generic',
    apply: (behaviours) => {
      const first = new Map<string, CommandResult>();
      behaviours.perform = (call, run) => {
        const result = run();
        if (call.command.name !== 'REPORT LUNS') return result;
        const key = keyOf(call.cdb);
        if (!first.has(key)) first.set(key, result);
        return first.get(key);
      };
    },
  },
  {
    id: 'event.missed-sticks',
    sentence: 'After one loss EVENTS_MISSED is set in every event.',
    requirement: 'scsi.event.missed-flag-meaning',
    source: 'generic',
    apply: (behaviours) => {
      let sticks = 0;
      behaviours.event = (record) => {
        sticks |= record.event & ScsiEvent.EVENTS_MISSED;
        return { ...record, event: (record.event | sticks) >>> 0 };
      };
    },
  },
  {
    id: 'event.loss-silent',
    sentence: 'Events that are lost leave no trace.',
    requirement: 'scsi.event.missed-flag',
    source: 'museum QVS-06-missed-events-not-reported',
    apply: (behaviours) => {
      behaviours.lossToTell = () => false;
      behaviours.event = (record) => ({ ...record, event: kindOf(record) });
    },
  },
  {
    id: 'event.loss-survives-reset',
    sentence: 'A loss of events is told after a reset, to a driver that knows nothing of it.',
    requirement: 'scsi.event.no-unprovoked',
    source: 'museum QVS-06-missed-events-not-reported',
    apply: (behaviours) => {
      behaviours.resets = (part) => part !== 'lost_events';
    },
  },
  {
    id: 'event.only-few',
    sentence: `After ${FEW} events no more are reported until there is another reset.`,
    requirement: 'scsi.event.buffer-count',
    source: 'generic',
    apply: (behaviours) => {
      let reported = 0;
      behaviours.resets = () => {
        reported = 0;
        return true;
      };
      behaviours.eventDue = (due) => due && ++reported <= FEW;
    },
  },
  usedLength(
    'event.used-12',
    'The used length of an event ends before its reason.',
    'scsi.event.layout',
    (len) => Math.min(len, virtioScsiEvent.fields.reason.offset),
  ),
  usedLength(
    'event.short.used-16',
    'A buffer that is too short for an event comes back with the length of one.',
    'scsi.event.no-event-short-buffer',
    (len, { writable }) => (writable < virtioScsiEvent.size ? virtioScsiEvent.size : len),
  ),
  usedLength(
    'event.readable.used-16',
    'A readable buffer comes back from the event queue as if it had been filled.',
    'scsi.event.drv.buffers-writable',
    (len, { readable }) => (readable > 0 ? virtioScsiEvent.size : len),
  ),
  {
    id: 'event.large.filled',
    sentence: 'What an event buffer has beyond the event is filled with zeros.',
    requirement: 'scsi.event.drv.buffers-info-size',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.returning = ({ queue, writable: [first] }) => {
        if (queue === QueueIndex.EVENT && first) first.fill(0, virtioScsiEvent.size);
      };
    },
  },
  {
    id: 'event.queue-needed',
    sentence: 'INQUIRY does not end before the event queue has been kicked.',
    requirement: 'scsi.init.drv.event-buffer',
    source: 'museum SPV-03-driver-without-eventq',
    apply: (behaviours) => {
      let kicked = false;
      behaviours.resets = () => {
        kicked = false;
        return true;
      };
      behaviours.kickedRing = (ring, queue) => {
        kicked ||= queue === QueueIndex.EVENT;
        return ring;
      };
      behaviours.perform = (call, run) => (kicked || call.command.name !== 'INQUIRY' ? run() : undefined);
    },
  },
  {
    id: 'gesn.no-event',
    acts: true,
    sentence: 'GET EVENT STATUS NOTIFICATION never has an event of the medium.',
    requirement: 'scsi.event.drv.missed-poll-async',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.perform = (call, run) => {
        const result = run();
        if (call.command.name === 'GET EVENT STATUS NOTIFICATION' && result.data) result.data[4] = 0;
        return result;
      };
    },
  },
];
