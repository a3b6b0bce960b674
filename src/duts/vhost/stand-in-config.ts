/** A device configuration for back-ends that have none: what a virtual machine monitor would show its guest. */
import { type VhostConfig, VhostRefusedError } from '../../port/vhost.js';
import { MAX_TARGET, MAX_UNIT } from '../../wire/lun.js';
import {
  DEFAULT_CDB_SIZE,
  DEFAULT_SENSE_SIZE,
  virtioScsiConfig,
  virtioScsiEvent,
} from '../../wire/virtio-scsi.js';

/** Data segments that every back-end takes with a request; a sector is 512 bytes. */
const SEGMENTS = 126;
const SECTORS = 0xffff;
const COMMANDS_PER_UNIT = 128;

/** The configuration of a device with so many request queues, its sizes those of a reset device. */
export function standInConfig(requestQueues: number): VhostConfig {
  const bytes = virtioScsiConfig.encode({
    num_queues: requestQueues,
    seg_max: SEGMENTS,
    max_sectors: SECTORS,
    cmd_per_lun: COMMANDS_PER_UNIT,
    event_info_size: virtioScsiEvent.size,
    sense_size: DEFAULT_SENSE_SIZE,
    cdb_size: DEFAULT_CDB_SIZE,
    max_channel: 0,
    max_target: MAX_TARGET,
    max_lun: MAX_UNIT,
  });
  return {
    served: false,
    size: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
    write: () => {
      throw new VhostRefusedError('the back-end has no device configuration');
    },
  };
}
