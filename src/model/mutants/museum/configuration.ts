/** Configuration, features and registers as devices once had them. */
import { Disk } from '../../units/disk.js';
import { Sense } from '../../units/sense.js';
import { blocksOf } from '../blocks.js';
import { refusal } from '../command-shapes.js';
import { CONFIGURATION_MUTANTS } from '../configuration.js';
import { FEATURE_MUTANTS } from '../features.js';
import type { Mutant } from '../mutant.js';
import { PCI_MUTANTS } from '../pci.js';
import { alike, exhibit } from './exhibit.js';

/** NOTIFY_ON_EMPTY, ANY_LAYOUT, and what another protocol has at bit 30. */
const LEGACY_BITS = (1n << 24n) | (1n << 27n) | (1n << 30n);
/** Largest queue of the time, whatever was announced. */
const LARGEST_QUEUE = 1024;
/** How many times too large limits are that were counted in sectors, for blocks of 4096 bytes. */
const SECTORS = 8;

export const CONFIGURATION_EXHIBITS: readonly Mutant[] = [
  alike(
    'QVS-14-config-16bit-written-as-32',
    'scsi.config.scan-hints',
    'max_target is 0, and there are targets above it.',
    CONFIGURATION_MUTANTS,
    'config.max-target.zero',
  ),
  exhibit(
    'QSD-29-block-limits-units',
    'sbc.transfer.maximum',
    'MAXIMUM TRANSFER LENGTH is eight times what READ and WRITE can move.',
    () => ({
      perform: refusal(
        (call) =>
          call.unit instanceof Disk &&
          /^(READ|WRITE)\(/.test(call.command.name) &&
          blocksOf(call) * SECTORS > call.unit.limits.transferBlocks,
        Sense.UNRECOVERED_READ_ERROR,
      ),
    }),
  ),
  exhibit(
    'QVC-15-queue-enable-any-value',
    'virtio.pci.queue-enable-values',
    'Whatever is written to queue_enable enables the queue.',
    () => ({ commonWrite: (name, value) => (name === 'queue_enable' ? 1 : value) }),
  ),
  exhibit(
    'QVC-16-feature-select-bounds',
    'virtio.features.no-unsupported-offered',
    'Features of the legacy interface are offered to a driver of the modern one.',
    () => ({ offeredFeatures: (offered) => offered | LEGACY_BITS }),
  ),
  alike(
    'QVC-17-config-generation-constant',
    'virtio.pci.generation-changes',
    'config_generation never moves.',
    FEATURE_MUTANTS,
    'pci.config-generation.constant',
  ),
  alike(
    'QVC-23-vector-change-after-driver-ok',
    'virtio.pci.msix-vector-selects',
    'A queue that is given another vector while it is live goes on with the old one.',
    PCI_MUTANTS,
    'msix.late-mapping-for-show',
  ),
  exhibit(
    'CRV-04-config-writes-ignored',
    'scsi.config.sense-size-writable',
    'Writes to the configuration have no effect.',
    () => ({ configWrite: (_name, _value, previous) => previous }),
  ),
  exhibit(
    'QEX-12-queue-size-above-maximum',
    'virtio.pci.queue-size-power-of-two',
    `Any queue size up to ${LARGEST_QUEUE} is stored, a power of two or not.`,
    () => {
      let stored: number | undefined;
      return {
        resets: () => {
          stored = undefined;
          return true;
        },
        commonWrite: (name, value) => {
          if (name === 'queue_select') stored = undefined;
          if (name === 'queue_size' && value > 0 && value <= LARGEST_QUEUE) stored = Number(value);
          return value;
        },
        commonField: (name, value) => (name === 'queue_size' ? (stored ?? value) : value),
      };
    },
  ),
];
