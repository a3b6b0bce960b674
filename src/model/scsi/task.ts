/** A command in the device, from its chain to its completion. */
import type { ByteOrder } from '../../wire/layout.js';
import {
  cdbOffset,
  type PiHeader,
  piOffset,
  requestHeaderSize,
  responseHeaderSize,
  virtioScsiReqHead,
  virtioScsiReqPi,
} from '../../wire/virtio-scsi.js';
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
  /** Present where requests say how much protection information they carry (VIRTIO_SCSI_F_T10_PI). */
  readonly piHeader?: PiHeader;
}

/** Bytes of protection information, as a request counts them. */
export interface ProtectionSizes {
  readonly out: number;
  readonly in: number;
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
  /** Bytes of protection information; undefined where the request has no fields for it. */
  readonly protection: ProtectionSizes | undefined;
  /** Bytes of data-out and data-in that the buffers hold; negative where not even the protection information fits. */
  readonly dataOutLength: number;
  readonly dataInLength: number;
  readonly #piOutAt: number;
  readonly #dataOutAt: number;

  constructor(
    origin: TaskOrigin,
    layout: TaskLayout,
    resolve: (lun: Uint8Array) => Destination,
    counted: (sizes: ProtectionSizes) => ProtectionSizes,
  ) {
    const { cdbSize, senseSize, order, piHeader } = layout;
    const { chain } = origin;
    this.origin = origin;
    const head = virtioScsiReqHead.read(chain.read(0, virtioScsiReqHead.size), 0, order);
    this.lun = head.lun;
    this.tag = head.id;
    this.attribute = head.task_attr;
    this.cdb = chain.read(cdbOffset(piHeader), cdbSize);
    if (piHeader !== undefined) {
      const fields = chain.read(piOffset(cdbSize, piHeader), virtioScsiReqPi.size);
      const { pi_bytesout, pi_bytesin } = virtioScsiReqPi.read(fields, 0, order);
      this.protection = counted({ out: pi_bytesout, in: pi_bytesin });
    }
    this.senseSize = senseSize;
    this.order = order;
    this.#piOutAt = requestHeaderSize(cdbSize, piHeader);
    this.#dataOutAt = this.#piOutAt + (this.protection?.out ?? 0);
    this.dataOutLength = chain.readableLength - this.#dataOutAt;
    this.dataInLength = chain.writableLength - responseHeaderSize(senseSize) - (this.protection?.in ?? 0);
    this.destination = resolve(this.lun);
    const { target, unit, number } = this.destination;
    this.unit = unit ?? new MissingUnit(target, number);
  }

  /** The first bytes of pi_out. */
  piOut(length: number): Uint8Array {
    return this.origin.chain.read(this.#piOutAt, length);
  }

  /** The first bytes of data-out. */
  dataOut(length: number): Uint8Array {
    return this.origin.chain.read(this.#dataOutAt, length);
  }
}
