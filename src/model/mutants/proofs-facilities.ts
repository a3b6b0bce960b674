/** Deviations of the basic facilities that only a look at just these registers shows: status, features, configuration. */
import { DeviceStatus, featureSet } from '../../wire/virtio.js';
import type { Ring } from '../virtio/ring.js';
import type { Mutant } from './mutant.js';

const { DRIVER_OK, FEATURES_OK, DRIVER } = DeviceStatus;

/** Changes the byte at an offset from the beginning of a piece of memory, which may lie behind its end. */
function flip(piece: Uint8Array, offset: number): void {
  const memory = new Uint8Array(piece.buffer);
  const at = piece.byteOffset + offset;
  if (at < memory.length) memory[at] = (memory[at] ?? 0) ^ 0xff;
}

export const PROOF_FACILITY_MUTANTS: readonly Mutant[] = [
  {
    id: 'config.every-field-writable',
    sentence: 'Every field of the device configuration reads as the driver last wrote it.',
    requirement: 'scsi.config.layout',
    source: 'generic',
    apply: (behaviours) => {
      const written = new Map<string, number>();
      const { configWrite, configField } = behaviours;
      behaviours.resets = () => {
        written.clear();
        return true;
      };
      behaviours.configWrite = (name, value, previous, wanted) => {
        written.set(name, wanted);
        return configWrite(name, value, previous, wanted);
      };
      behaviours.configField = (name, value) =>
        name === 'sense_size' || name === 'cdb_size'
          ? configField(name, value)
          : (written.get(name) ?? value);
    },
  },
  {
    id: 'config.zero-before-features-ok',
    sentence:
      'The limits in the device configuration (max_sectors, max_target, …) read zero until FEATURES_OK.',
    requirement: 'virtio.config.readable-before-features-ok',
    source: 'generic',
    apply: (behaviours) => {
      let status: number = FEATURES_OK;
      behaviours.statusWritten = (next) => {
        status = next;
        return next;
      };
      behaviours.configField = (name, value) =>
        status & FEATURES_OK || !name.startsWith('max_') ? value : 0;
    },
  },
  {
    id: 'config.generation-counts-reads',
    sentence: 'The configuration generation changes with every read of it.',
    requirement: 'virtio.config.generation',
    source: 'generic',
    apply: (behaviours) => {
      let reads = 0;
      behaviours.commonField = (name, value) =>
        name === 'config_generation' && typeof value === 'number' ? (value + ++reads) & 0xff : value;
    },
  },
  {
    id: 'mmio.config-generation.constant',
    sentence: 'ConfigGeneration never moves.',
    requirement: 'virtio.mmio.generation-changes',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.mmioRegister = (name, value) => (name === 'ConfigGeneration' ? 0 : value);
    },
  },
  {
    id: 'config.reads-wear-out',
    sentence: 'max_sectors is one less after a dozen reads of it in one initialisation.',
    requirement: 'virtio.config.tail-growth',
    source: 'generic',
    apply: (behaviours) => {
      let reads = 0;
      behaviours.statusWritten = (next) => {
        reads = 0;
        return next;
      };
      behaviours.configField = (name, value) => (name === 'max_sectors' && ++reads > 12 ? value - 1 : value);
    },
  },
  {
    id: 'features.windows-beyond-not-empty',
    sentence: 'Feature windows that hold nothing read 1.',
    requirement: 'virtio.features.bit-ranges',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.commonField = (name, value) => (name === 'device_feature' && value === 0 ? 1 : value);
    },
  },
  {
    id: 'features.window-sticks',
    sentence: 'Once the second feature window was read the first shows its bits too, until a reset.',
    requirement: 'virtio.pci.device-feature-window',
    source: 'generic',
    apply: (behaviours) => {
      let shown: (number | bigint)[] = [];
      behaviours.resets = () => {
        shown = [];
        return true;
      };
      behaviours.commonField = (name, value) => {
        if (name !== 'device_feature') return value;
        if (!shown.includes(value)) shown.push(value);
        return shown.at(-1) ?? value;
      };
    },
  },
  {
    id: 'features.reserved-bit-offered',
    sentence: 'Bit 50, which means nothing to a SCSI host, is offered.',
    requirement: 'virtio.features.no-unsupported-offered',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.offeredFeatures = (offered) => offered | (1n << 50n);
    },
  },
  {
    id: 'features.version-1-hidden-later',
    sentence: 'VERSION_1 is not shown when the second feature window is read without the first.',
    requirement: 'virtio.features.offer-version-1',
    source: 'generic',
    apply: (behaviours) => {
      let first = false;
      behaviours.resets = () => {
        first = false;
        return true;
      };
      behaviours.commonField = (name, value) => {
        if (name !== 'device_feature' || typeof value !== 'number') return value;
        const hidden = first ? value : value & ~1;
        first = true;
        return hidden;
      };
    },
  },
  {
    id: 'status.driver-bit-not-shown',
    sentence: 'The status bit DRIVER is taken but does not read back.',
    requirement: 'virtio.status.bit-values',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.commonField = (name, value) =>
        name === 'device_status' && typeof value === 'number' ? value & ~DRIVER : value;
    },
  },
  {
    id: 'status.first-reset-before-driver-ok-ignored',
    sentence: 'The first reset of a device that has FEATURES_OK but not DRIVER_OK is ignored.',
    requirement: 'virtio.reset.status-zero',
    source: 'generic',
    apply: (behaviours) => {
      let status = 0;
      let tries = 0;
      let ignored = false;
      behaviours.statusWritten = (next) => {
        status = next;
        return next;
      };
      behaviours.resets = (part) => {
        if (part === 'status') {
          const halfWay = (status & FEATURES_OK) !== 0 && (status & DRIVER_OK) === 0;
          ignored = halfWay && ++tries === 1;
          if (!ignored) {
            status = 0;
            tries = 0;
          }
        }
        return !ignored;
      };
    },
  },
  {
    id: 'status.power-on-acknowledged',
    sentence: 'After power-on the status reads ACKNOWLEDGE before any driver has written it.',
    requirement: 'virtio.status.initial-zero',
    source: 'generic',
    apply: (behaviours) => {
      let written = 0;
      behaviours.statusWritten = (next) => {
        written = next;
        return next;
      };
      behaviours.resets = (part) => {
        if (part === 'status') written = 0;
        return true;
      };
      // A status that reads 0 although no driver wrote 0 is that of a device which has lost its power since.
      behaviours.commonField = (name, value) =>
        name === 'device_status' && value === 0 && written !== 0 ? DeviceStatus.ACKNOWLEDGE : value;
    },
  },
  {
    id: 'reset.kick-reaches-old-ring',
    sentence: 'A kick after a reset makes the device work on the ring that the queue had before.',
    requirement: 'virtio.reset.no-queue-access-after',
    source: 'museum QVS-04-reset-leaves-io',
    apply: (behaviours) => {
      const rings = new Map<number, Ring>();
      behaviours.kickedRing = (ring, queue) => {
        if (ring) rings.set(queue, ring);
        return rings.get(queue);
      };
      behaviours.mayComplete = () => true;
    },
  },
  {
    id: 'memory.byte-behind-cut-buffer',
    sentence: 'Behind the last of several writable descriptors one byte more is changed.',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.returning = ({ writable }) => {
        const last = writable.at(-1);
        if (writable.length > 2 && last && last.length > 0) flip(last, last.length);
      };
    },
  },
  {
    id: 'memory.readable-changed',
    sentence: 'The last byte of a readable part of several descriptors is changed.',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.returning = ({ readable }) => {
        const last = readable.at(-1);
        if (readable.length > 3 && last && last.length > 0) flip(last, last.length - 1);
      };
    },
  },
  {
    id: 'memory.descriptor-changed',
    sentence:
      'The last descriptor of the table is changed when a buffer of several readable ones is returned.',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.returning = ({ readable, descriptors }) => {
        if (readable.length > 3) flip(descriptors, descriptors.length - 1);
      };
    },
  },
  {
    id: 'event.unprovoked-no-event',
    sentence: 'A driver that declined hot-plug events is told of a loss of events that never was.',
    requirement: 'scsi.event.no-unprovoked',
    source: 'generic',
    apply: (behaviours) => {
      let bare = false;
      behaviours.featuresAccepted = (accepted, features) => {
        bare = (features & featureSet('VIRTIO_SCSI_F_HOTPLUG')) === 0n;
        return accepted;
      };
      behaviours.lossToTell = (lost) => {
        const told = lost || bare;
        bare = false;
        return told;
      };
    },
  },
];
