/** What the device tells of changes of its units: events, and unit attentions beside them. */
import { encodeLun } from '../../wire/lun.js';
import { DeviceType } from '../../wire/scsi/inquiry.js';
import type { FeatureName } from '../../wire/virtio.js';
import { ResetReason, ScsiEvent } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import { Sense, type SenseInfo } from '../units/sense.js';
import type { EventQueue } from './event-queue.js';
import type { EventRecord } from './event-record.js';
import type { Target } from './topology.js';

/** An event's lun: peripheral addressing as far as it reaches. */
function eventLun(target: number, number: number): Uint8Array {
  return encodeLun(target, number, number < 256 ? 'peripheral' : 'flat');
}

function transportReset(target: Target, number: number, reason: number): EventRecord {
  return { event: ScsiEvent.TRANSPORT_RESET, lun: eventLun(target.id, number), reason };
}

export class UnitReports {
  readonly #events: EventQueue;
  readonly #negotiated: (feature: FeatureName) => boolean;
  readonly #behaviours: Behaviours;
  readonly #subscriptions = new Map<LogicalUnit, number>();

  constructor(events: EventQueue, negotiated: (feature: FeatureName) => boolean, behaviours: Behaviours) {
    this.#events = events;
    this.#negotiated = negotiated;
    this.#behaviours = behaviours;
  }

  /** Remembers which asynchronous events of a unit are wanted. */
  subscribe(unit: LogicalUnit, events: number): void {
    this.#subscriptions.set(unit, events);
  }

  forgetSubscriptions(): void {
    this.#subscriptions.clear();
  }

  /** A unit has appeared, and answers already. */
  appeared(target: Target, number: number, unit: LogicalUnit): void {
    this.#inventoryChanged(target, number, unit, ResetReason.RESET_RESCAN);
  }

  /** A unit is gone, and answers no more. */
  removed(target: Target, number: number, unit: LogicalUnit): void {
    this.#subscriptions.delete(unit);
    this.#inventoryChanged(target, number, unit, ResetReason.RESET_REMOVED);
  }

  /** A unit was reset by others than the driver. Without the feature the unit attention alone tells of it. */
  wasReset(target: Target, number: number, unit: LogicalUnit): void {
    const due = this.#negotiated('VIRTIO_SCSI_F_HOTPLUG');
    this.#report(due, unit, transportReset(target, number, ResetReason.RESET_HARD));
  }

  /** A parameter of a unit has changed: unit attention, and PARAM_CHANGE where it is wanted. */
  parametersChanged(target: Target, number: number, unit: LogicalUnit, attention: SenseInfo): void {
    unit.raiseAttention(attention);
    // MMC units tell of such things by other means.
    const due = this.#negotiated('VIRTIO_SCSI_F_CHANGE') && (unit.peripheral & 0x1f) !== DeviceType.CDROM;
    this.#report(due, unit, {
      event: ScsiEvent.PARAM_CHANGE,
      lun: eventLun(target.id, number),
      reason: attention.asc | (attention.ascq << 8),
    });
  }

  /** An asynchronous event of a unit, told to the driver if it subscribed to it. */
  happened(target: Target, number: number, unit: LogicalUnit, bit: number): void {
    const due = ((this.#subscriptions.get(unit) ?? 0) & bit) !== 0;
    this.#report(due, unit, {
      event: ScsiEvent.ASYNC_NOTIFY,
      lun: eventLun(target.id, number),
      reason: bit,
    });
  }

  #inventoryChanged(target: Target, number: number, changed: LogicalUnit, reason: number): void {
    for (const unit of target.units.values())
      if (unit !== changed) unit.raiseAttention(Sense.REPORTED_LUNS_CHANGED);
    const due = this.#negotiated('VIRTIO_SCSI_F_HOTPLUG');
    this.#report(due, changed, transportReset(target, number, reason));
  }

  #report(due: boolean, unit: LogicalUnit, record: EventRecord): void {
    if (this.#behaviours.eventDue(due, record, unit)) this.#events.report(record);
  }
}
