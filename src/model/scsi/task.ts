/** A command in the device, from its chain to its completion. */
import type { ByteOrder } from '../../wire/layout.js';
import { requestHeaderSize, responseHeaderSize, virtioScsiReqHead } from '../../wire/virtio-scsi.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import { MissingUnit } from '../units/missing-unit.js';
import type { Chain } from '../virtio/chain.js';
import type { Virtqueue } from '../virtio/queue.js';
import type { Ring } from '../virtio/ring.js';
import type { Destination } from './topology.js';

/** What was in force when a request was taken; a later change does not move it. */
export interface TaskLayout {
  readonly cdbSize: number;
  readonly senseSize: number;
  readonly order: ByteOrder;
}

/** Where a request came from, and where its completion goes. */
export interface TaskOrigin {
  readonly queue: Virtqueue;
  readonly ring: Ring;
  readonly chain: Chain;
}

export class Task {
  readonly origin: TaskOrigin;
  readonly destination: Destination;
  /** The unit that answers; for a missing one a stand-in. */
  readonly unit: LogicalUnit;
  readonly lun: Uint8Array;
  /** The `id` field, 64 bits. */
  readonly tag: bigint;
  readonly attribute: number;
  readonly cdb: Uint8Array;
  readonly senseSize: number;
  readonly order: ByteOrder;
  /** Bytes of data-out and data-in that the buffers hold. */
  readonly dataOutLength: number;
  readonly dataInLength: number;
  readonly #dataOutAt: number;

  constructor(origin: TaskOrigin, layout: TaskLayout, resolve: (lun: Uint8Array) => Destination) {
    const { cdbSize, senseSize, order } = layout;
    const { chain } = origin;
    this.origin = origin;
    const head = virtioScsiReqHead.read(chain.read(0, virtioScsiReqHead.size), 0, order);
    this.lun = head.lun;
    this.tag = head.id;
    this.attribute = head.task_attr;
    this.cdb = chain.read(virtioScsiReqHead.size, cdbSize);
    this.senseSize = senseSize;
    this.order = order;
    this.#dataOutAt = requestHeaderSize(cdbSize);
    this.dataOutLength = chain.readableLength - this.#dataOutAt;
    this.dataInLength = chain.writableLength - responseHeaderSize(senseSize);
    this.destination = resolve(this.lun);
    const { target, unit, number } = this.destination;
    this.unit = unit ?? new MissingUnit(target, number);
  }

  /** The first bytes of data-out. */
  dataOut(length: number): Uint8Array {
    return this.origin.chain.read(this.#dataOutAt, length);
  }
}
