/** Features and status that are offered, taken or shown wrongly. */
import { DeviceStatus, Feature } from '../../wire/virtio.js';
import type { Mutant } from './mutant.js';

const bit = (number: number): bigint => 1n << BigInt(number);

/** Bits that may not be offered, and why. */
const OFFERS: readonly (readonly [id: string, number: number, sentence: string])[] = [
  ['undefined', 7, 'Bit 7 is offered, which has no meaning for this type of device.'],
  ['reserved', 50, 'Bit 50 is offered, which has no meaning for this type of device.'],
  ['legacy-marker', 30, 'Bit 30 is offered, which belongs to other protocols.'],
  ['admin-vq', Feature.VIRTIO_F_ADMIN_VQ, 'ADMIN_VQ is offered, and there is no administration virtqueue.'],
  ['sr-iov', Feature.VIRTIO_F_SR_IOV, 'SR_IOV is offered without an SR-IOV capability.'],
];

/** Registers of the common configuration that read wrongly. */
const REGISTERS: readonly (readonly [
  id: string,
  field: string,
  change: (value: number) => number,
  sentence: string,
  requirement: string,
  source: Mutant['source'],
])[] = [
  [
    'pci.queue-size.never-zero',
    'queue_size',
    (value) => value || 16,
    'A queue that does not exist has a size.',
    'virtio.pci.queue-size-zero-unavailable',
    'layout',
  ],
  [
    'pci.num-queues.plus-one',
    'num_queues',
    (value) => value + 1,
    'num_queues is one too large.',
    'virtio.pci.num-queues',
    'layout',
  ],
  [
    'pci.config-generation.constant',
    'config_generation',
    () => 0,
    'config_generation never moves.',
    'virtio.pci.generation-changes',
    'museum QVC-17-config-generation-constant',
  ],
  [
    'pci.queue-enable.reads-zero',
    'queue_enable',
    () => 0,
    'queue_enable reads 0 for an enabled queue.',
    'virtio.pci.queue-enable-values',
    'layout',
  ],
  [
    'pci.config-vector.none',
    'config_msix_vector',
    () => 0xffff,
    'config_msix_vector reads NO_VECTOR whatever was mapped.',
    'virtio.pci.msix-readback',
    'layout',
  ],
];

export const FEATURE_MUTANTS: readonly Mutant[] = [
  ...OFFERS.map(
    ([id, number, sentence]): Mutant => ({
      id: `features.offers-${id}`,
      sentence,
      requirement: 'virtio.features.no-unsupported-offered',
      source: 'layout',
      apply: (behaviours) => {
        behaviours.offeredFeatures = (offered) => offered | bit(number);
      },
    }),
  ),
  ...REGISTERS.map(
    ([id, field, change, sentence, requirement, source]): Mutant => ({
      id,
      sentence,
      requirement,
      source,
      apply: (behaviours) => {
        behaviours.commonField = (name, value) =>
          name === field && typeof value === 'number' ? change(value) : value;
      },
    }),
  ),
  {
    id: 'features.version-1-not-offered',
    sentence: 'VERSION_1 is not offered.',
    requirement: 'virtio.features.offer-version-1',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.offeredFeatures = (offered) => offered & ~bit(Feature.VIRTIO_F_VERSION_1);
      behaviours.featuresAccepted = () => true;
    },
  },
  {
    id: 'features.unoffered-accepted',
    sentence: 'FEATURES_OK sticks for bits that were never offered.',
    requirement: 'virtio.features.reject-features-ok',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.featuresAccepted = () => true;
    },
  },
  {
    id: 'features.subset-refused',
    sentence: 'FEATURES_OK sticks only if every offered feature is taken.',
    requirement: 'virtio.features.accept-valid-subset',
    source: 'layout',
    apply: (behaviours) => {
      let all = 0n;
      behaviours.offeredFeatures = (offered) => {
        all = offered;
        return offered;
      };
      behaviours.featuresAccepted = (accepted, features) => accepted && features === all;
    },
  },
  {
    id: 'status.features-ok-never',
    sentence: 'FEATURES_OK never sticks.',
    requirement: 'virtio.features.accept-valid-subset',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.featuresAccepted = () => false;
    },
  },
  {
    id: 'status.failed-not-shown',
    sentence: 'FAILED does not read back.',
    requirement: 'virtio.status.failed-accepted',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.statusWritten = (next) => next & ~DeviceStatus.FAILED;
    },
  },
  {
    id: 'isr.queue-bit-missing',
    sentence: 'ISR never shows a used buffer.',
    requirement: 'virtio.pci.isr-queue-bit',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.isr = (value) => value & ~1;
    },
  },
  {
    id: 'isr.config-bit-missing',
    sentence: 'ISR never shows a configuration change.',
    requirement: 'virtio.pci.isr-config-bit',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.isr = (value) => value & ~2;
    },
  },
  {
    id: 'pci.revision.zero',
    sentence: 'The revision of a non-transitional device is 0.',
    requirement: 'virtio.pci.nontransitional-revision',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.pciHeader = (name, value) => (name === 'revision_id' ? 0 : value);
    },
  },
  {
    id: 'pci.subsystem-id.low',
    sentence: 'The subsystem id of a non-transitional device is below 40h.',
    requirement: 'virtio.pci.nontransitional-subsystem-id',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.pciHeader = (name, value) => (name === 'subsystem_id' ? 8 : value);
    },
  },
  {
    id: 'pci.notify-length.short',
    sentence: 'The notify structure does not reach the kick address of the last queue.',
    requirement: 'virtio.pci.notify-length-covers',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.pciCapability = (type, name, value) => (type === 2 && name === 'length' ? value - 4 : value);
    },
  },
];
