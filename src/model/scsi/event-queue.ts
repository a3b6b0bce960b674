/** Reporting of events ("Device Operation: eventq"). */
import { QueueIndex, ScsiEvent, virtioScsiEvent } from '../../wire/virtio-scsi.js';
import type { VirtioDevice } from '../virtio/device.js';
import type { EventRecord } from './event-record.js';

const NO_LUN = new Uint8Array(8);

/** Puts events into the driver's buffers, and remembers that some were lost when there was none. */
export class EventQueue {
  readonly #device: () => VirtioDevice;
  #lost = false;

  constructor(device: () => VirtioDevice) {
    this.#device = device;
  }

  /** The driver posted buffers: a loss is reported at once, by NO_EVENT. */
  kicked(): void {
    this.#device().guard(() => {
      this.#ring()?.rearm();
      if (this.#device().behaviours.lossToTell(this.#lost))
        this.#send({ event: ScsiEvent.NO_EVENT, lun: NO_LUN, reason: 0 });
    });
  }

  /**
   * Reports an event; it is lost when no buffer is ready, or none may be taken. A device that is neither live nor
   * suspended has nobody to tell.
   */
  report(record: EventRecord): void {
    const device = this.#device();
    if (!device.live && !device.suspended) return;
    device.guard(() => this.#send(record));
  }

  forgetLoss(): void {
    this.#lost = false;
  }

  #ring() {
    const queue = this.#device().queues[QueueIndex.EVENT];
    return queue && this.#device().ring(queue);
  }

  #send(record: EventRecord): void {
    const device = this.#device();
    const queue = device.queues[QueueIndex.EVENT];
    const ring = this.#ring();
    if (!queue || !ring || device.suspending) {
      this.#lost = true;
      return;
    }
    for (;;) {
      const chain = ring.take();
      if (chain === undefined) {
        this.#lost = true;
        return;
      }
      // A buffer that is too short for an event goes back with as much of NO_EVENT as it holds.
      const short = chain.writableLength < virtioScsiEvent.size;
      const { event, lun, reason } = short ? { event: ScsiEvent.NO_EVENT, lun: NO_LUN, reason: 0 } : record;
      const missed = this.#lost ? ScsiEvent.EVENTS_MISSED : 0;
      const told = device.behaviours.event({ event: (event | missed) >>> 0, lun, reason });
      const bytes = told ? virtioScsiEvent.encode(told, device.order('event')) : new Uint8Array(0);
      if (told) device.complete(queue, ring, chain, () => chain.write(0, bytes));
      if (chain.writableLength >= 4) this.#lost = false;
      if (!short) return;
    }
  }
}
