/** /dev/vhost-scsi as a vhost back-end. What lies above it is a virtual machine monitor's, and stands in here. */
import { type VhostAttachment, VhostRefusedError, type VhostRing } from '../../port/vhost.js';
import { LibcError, libc } from '../../sys/libc.js';
import { virtioScsiConfig } from '../../wire/virtio-scsi.js';
import type { SharedMemory } from '../shared-memory.js';
import type { RingEvents } from '../vhost/ring-events.js';
import * as vhost from './ioctls.js';

/** Of the word of features, what vhost keeps for itself: VHOST_F_LOG_ALL. */
const OF_VHOST = 1n << 26n;
/**
 * The kernel sets memory aside for as many commands as a ring has entries, over 100 KiB for each, whenever a driver
 * starts the device.
 */
const MAX_RING_SIZE = 128;
const CONTROL_AND_EVENT_QUEUE = 2;

/** What a virtual machine monitor says of the device; the first fields of `virtio_scsi_config`. */
const CONFIG = {
  num_queues: 2,
  seg_max: MAX_RING_SIZE - 2,
  max_sectors: 0xffff,
  cmd_per_lun: MAX_RING_SIZE,
  event_info_size: 16,
  sense_size: 96,
  cdb_size: 32,
  max_channel: 0,
  max_target: 255,
  max_lun: 16383,
} as const;

export interface VhostScsiOptions {
  /** Descriptor of the device. */
  readonly fd: number;
  readonly memory: SharedMemory;
  readonly events: RingEvents;
  /** Name of the port whose targets are to be served. */
  readonly wwpn: string;
}

/** Makes the calling process the owner of the device, whose memory it is told. Throws `LibcError`. */
export function openAttachment({ fd, memory, events, wwpn }: VhostScsiOptions): VhostAttachment {
  const { ioctl } = libc();
  ioctl(fd, vhost.VHOST_SET_OWNER);
  ioctl(fd, vhost.VHOST_SET_MEM_TABLE, vhost.memoryTable(memory.regions));
  const config = virtioScsiConfig.encode(CONFIG);
  const placed = new Set<number>();
  let started = false;

  /** A request that the kernel may turn down. */
  function ask(request: number, argument: Buffer): Buffer {
    try {
      ioctl(fd, request, argument);
      return argument;
    } catch (error) {
      if (error instanceof LibcError) throw new VhostRefusedError(error.message, { cause: error });
      throw error;
    }
  }

  function addressOf(iova: bigint, what: string): bigint {
    const address = memory.userAddress(iova);
    if (address === undefined) throw new VhostRefusedError(`${what} is at 0x${iova.toString(16)}, no memory`);
    return address;
  }

  return {
    kind: 'vhost',
    queues: CONTROL_AND_EVENT_QUEUE + CONFIG.num_queues,
    maxRingSize: MAX_RING_SIZE,
    config: {
      served: false,
      size: config.length,
      read: (offset, length) => config.slice(offset, offset + length),
      write: (offset, data) => {
        if (data.some((byte, i) => byte !== config[offset + i]))
          throw new VhostRefusedError('the kernel has no way to be told of other sizes');
      },
    },
    status: undefined,
    configVector: undefined,
    features: () => ask(vhost.VHOST_GET_FEATURES, vhost.u64()).readBigUInt64LE() & ~OF_VHOST,
    setFeatures: (features) => void ask(vhost.VHOST_SET_FEATURES, vhost.u64(features)),
    setRing(queue: number, { size, base, desc, driver, device }: VhostRing) {
      const place = {
        desc: addressOf(desc, 'the Descriptor Area'),
        avail: addressOf(driver, 'the Driver Area'),
        used: addressOf(device, 'the Device Area'),
      };
      events.begin(queue);
      const { kick, call, err } = events.of(queue);
      ask(vhost.VHOST_SET_VRING_NUM, vhost.vringState(queue, size));
      ask(vhost.VHOST_SET_VRING_BASE, vhost.vringState(queue, base));
      ask(vhost.VHOST_SET_VRING_ADDR, vhost.vringAddress(queue, place));
      ask(vhost.VHOST_SET_VRING_KICK, vhost.vringState(queue, kick));
      ask(vhost.VHOST_SET_VRING_CALL, vhost.vringState(queue, call));
      ask(vhost.VHOST_SET_VRING_ERR, vhost.vringState(queue, err));
      placed.add(queue);
    },
    start() {
      ask(vhost.VHOST_SCSI_SET_ENDPOINT, vhost.scsiTarget(wwpn));
      started = true;
    },
    kick: (queue) => events.kick(queue),
    stopRing(queue) {
      ask(vhost.VHOST_SET_VRING_KICK, vhost.vringState(queue, vhost.NO_FILE));
      placed.delete(queue);
      return ask(vhost.VHOST_GET_VRING_BASE, vhost.vringState(queue)).readUInt32LE(4);
    },
    reset() {
      if (started) ask(vhost.VHOST_SCSI_CLEAR_ENDPOINT, vhost.scsiTarget(wwpn));
      started = false;
      for (const queue of placed) ask(vhost.VHOST_SET_VRING_KICK, vhost.vringState(queue, vhost.NO_FILE));
      placed.clear();
    },
    // The kernel signals an error whenever it has something to say about a request, one for a missing target included.
    faults: () => [],
  };
}
