/** What the device tells of changes of its units: events, and unit attentions beside them. */
import { encodeLun } from '../../wire/lun.js';
import { DeviceType } from '../../wire/scsi/inquiry.js';
import type { FeatureName } from '../../wire/virtio.js';
import { ResetReason, ScsiEvent } from '../../wire/virtio-scsi.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import { Sense, type SenseInfo } from '../units/sense.js';
import type { EventQueue } from './event-queue.js';
import type { Target } from './topology.js';

/** An event's lun: peripheral addressing as far as it reaches. */
function eventLun(target: number, number: number): Uint8Array {
  return encodeLun(target, number, number < 256 ? 'peripheral' : 'flat');
}

export class UnitReports {
  readonly #events: EventQueue;
  readonly #negotiated: (feature: FeatureName) => boolean;
  readonly #subscriptions = new Map<LogicalUnit, number>();

  constructor(events: EventQueue, negotiated: (feature: FeatureName) => boolean) {
    this.#events = events;
    this.#negotiated = negotiated;
  }

  /** Remembers which asynchronous events of a unit are wanted. */
  subscribe(unit: LogicalUnit, events: number): void {
    this.#subscriptions.set(unit, events);
  }

  forgetSubscriptions(): void {
    this.#subscriptions.clear();
  }

  /** A unit has appeared, and answers already. */
  appeared(target: Target, number: number): void {
    this.#inventoryChanged(target, number, ResetReason.RESET_RESCAN);
  }

  /** A unit is gone, and answers no more. */
  removed(target: Target, number: number, unit: LogicalUnit): void {
    this.#subscriptions.delete(unit);
    this.#inventoryChanged(target, number, ResetReason.RESET_REMOVED);
  }

  /** A parameter of a unit has changed: unit attention, and PARAM_CHANGE where it is wanted. */
  parametersChanged(target: Target, number: number, attention: SenseInfo): void {
    const unit = target.units.get(number);
    if (unit === undefined) return;
    unit.raiseAttention(attention);
    if (!this.#negotiated('VIRTIO_SCSI_F_CHANGE')) return;
    // MMC units tell of such things by other means.
    if ((unit.peripheral & 0x1f) === DeviceType.CDROM) return;
    this.#events.report({
      event: ScsiEvent.PARAM_CHANGE,
      lun: eventLun(target.id, number),
      reason: attention.asc | (attention.ascq << 8),
    });
  }

  /** An asynchronous event of a unit, told to the driver if it subscribed to it. */
  happened(target: Target, number: number, bit: number): void {
    const unit = target.units.get(number);
    if (unit === undefined || ((this.#subscriptions.get(unit) ?? 0) & bit) === 0) return;
    this.#events.report({ event: ScsiEvent.ASYNC_NOTIFY, lun: eventLun(target.id, number), reason: bit });
  }

  #inventoryChanged(target: Target, number: number, reason: number): void {
    for (const [other, unit] of target.units)
      if (other !== number) unit.raiseAttention(Sense.REPORTED_LUNS_CHANGED);
    if (!this.#negotiated('VIRTIO_SCSI_F_HOTPLUG')) return;
    this.#events.report({ event: ScsiEvent.TRANSPORT_RESET, lun: eventLun(target.id, number), reason });
  }
}
