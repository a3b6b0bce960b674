/** Mutants of the legacy interface of a transitional PCI function. On the other interfaces they behave. */
import type { Behaviours, OrderedPart } from '../behaviours.js';
import type { Mutant } from './mutant.js';

const ANY_LAYOUT = 1 << 27;
const NOTIFY_ON_EMPTY = 1 << 24;
const UNUSED_BIT = 1n << 30n;
const DRIVER_OK = 4;
const FAILURE = 9;
/** Bytes of a request header with the usual CDB size. */
const REQUEST_HEADER = 51;

/** Follows whether the driver writes legacy PCI registers, and the device takes it for a legacy one. */
function watchDriver(behaviours: Behaviours): () => boolean {
  let legacy = false;
  let byPci = false;
  const { legacyDriver, legacyWrite } = behaviours;
  behaviours.legacyWrite = (name, value) => {
    byPci = true;
    return legacyWrite(name, value);
  };
  behaviours.legacyDriver = (is) => {
    legacy = is;
    return legacyDriver(is);
  };
  return () => legacy && byPci;
}

/** A register that always reads one value. */
const stuck = (register: string, value: number, requirement: string): Mutant => ({
  id: `legacy.${register.replaceAll('_', '-')}.reads-${value}`,
  sentence: `The legacy register ${register} always reads ${value}.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    behaviours.legacyRegister = (name, read) => (name === register ? value : read);
  },
});

/** A register that reads whatever was written last, also what is not taken, until a reset. */
const echoing = (register: string, requirement: string): Mutant => ({
  id: `legacy.${register.replaceAll('_', '-')}.echoes`,
  sentence: `The legacy register ${register} reads what was written last, taken or not.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    let last: number | undefined;
    behaviours.legacyWrite = (name, value) => {
      if (name === register) last = value;
      if (name === 'device_status' && value === 0) last = undefined;
      return value;
    };
    behaviours.legacyRegister = (name, value) => (name === register ? (last ?? value) : value);
  },
});

/** A field of the header that is not what a transitional function has. */
const identity = (field: string, right: number, wrong: number, requirement: string): Mutant => ({
  id: `legacy.${field.replaceAll('_', '-')}`,
  sentence: `A transitional function has ${field} 0x${wrong.toString(16)}.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    behaviours.pciHeader = (name, value) => (name === field && value === right ? wrong : value);
  },
});

/** A structure in the order that is not the guest's. */
const swapped = (part: OrderedPart, requirement: string): Mutant => ({
  id: `legacy.order.${part}`,
  sentence: `A legacy driver finds the ${part} in the other byte order.`,
  requirement,
  source: 'generic',
  apply: (behaviours) => {
    const legacy = watchDriver(behaviours);
    behaviours.byteOrder = (order, which) =>
      which === part && legacy() ? (order === 'little' ? 'big' : 'little') : order;
  },
});

export const LEGACY_PCI_MUTANTS: readonly Mutant[] = [
  identity('device_id', 0x1004, 0x1005, 'virtio.legacy.pci-device-id'),
  identity('revision_id', 0, 1, 'virtio.legacy.pci-revision-0'),
  identity('subsystem_id', 8, 0x40, 'virtio.legacy.pci-subsystem-id'),
  stuck('driver_features', 0, 'virtio.legacy.pci-common-layout'),
  stuck('queue_select', 0, 'virtio.legacy.pci-common-layout'),
  stuck('queue_address', 0, 'virtio.legacy.pci-queue-pfn'),
  stuck('isr_status', 0, 'virtio.legacy.pci-common-layout'),
  stuck('isr_status', 1, 'virtio.legacy.pci-common-layout'),
  stuck('config_msix_vector', 0, 'virtio.legacy.pci-msix-shift'),
  stuck('queue_msix_vector', 0xffff, 'virtio.legacy.pci-msix-shift'),
  echoing('queue_size', 'virtio.legacy.pci-queue-pfn'),
  echoing('config_msix_vector', 'virtio.pci.msix-map-failure'),
  echoing('queue_msix_vector', 'virtio.pci.msix-map-failure'),
  swapped('ring', 'virtio.legacy.vq-native-endian'),
  swapped('configuration', 'virtio.legacy.config-native-endian'),
  swapped('request', 'scsi.legacy.req-endian'),
  swapped('control', 'scsi.legacy.ctrl-endian'),
  swapped('event', 'scsi.legacy.event-endian'),
  {
    id: 'legacy.bar0.memory',
    sentence: 'BAR 0 says that the legacy registers are in memory space.',
    requirement: 'virtio.legacy.pci-bar0-io',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.barKind = (kind) => (kind === 'io' ? 'memory32' : kind);
    },
  },
  {
    id: 'legacy.config.stays',
    sentence: 'The device configuration stays where it is without MSI-X.',
    requirement: 'virtio.legacy.pci-msix-shift',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.legacyConfigOffset = (offset, msixEnabled) => (msixEnabled ? offset - 4 : offset);
    },
  },
  {
    id: 'legacy.config.always-behind-vectors',
    sentence: 'The device configuration leaves room for the vectors without MSI-X as well.',
    requirement: 'virtio.legacy.pci-config-offset',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.legacyConfigOffset = (offset, msixEnabled) => (msixEnabled ? offset : offset + 4);
    },
  },
  {
    id: 'legacy.config.natural-width-only',
    sentence: 'The device configuration answers accesses of four bytes only.',
    requirement: 'virtio.legacy.pci-any-width',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.configAccess = (value, { width, legacy }) => (legacy && width !== 4 ? 0 : value);
    },
  },
  {
    id: 'legacy.any-layout.missing',
    sentence: 'ANY_LAYOUT is not offered.',
    requirement: 'virtio.legacy.offer-any-layout',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.legacyFeatures = (offered) => offered & ~BigInt(ANY_LAYOUT);
    },
  },
  {
    id: 'legacy.any-layout.ignored',
    sentence: 'Only requests whose header is one descriptor are served, ANY_LAYOUT or not.',
    requirement: 'virtio.legacy.any-layout-meaning',
    source: 'generic',
    apply: (behaviours) => {
      const legacy = watchDriver(behaviours);
      behaviours.answer = (answer, { origin }) =>
        legacy() && origin.chain.readableCut[0] !== REQUEST_HEADER
          ? { ...answer, fields: { ...answer.fields, response: FAILURE } }
          : answer;
    },
  },
  {
    id: 'legacy.any-layout.demanded',
    sentence: 'A driver that did not acknowledge ANY_LAYOUT is refused every request with data-out.',
    requirement: 'virtio.legacy.any-layout-meaning',
    source: 'generic',
    apply: (behaviours) => {
      let acknowledged = true;
      behaviours.legacyWrite = (name, value) => {
        if (name === 'driver_features') acknowledged = (value & ANY_LAYOUT) !== 0;
        return value;
      };
      behaviours.answer = (answer, { dataOutLength }) =>
        acknowledged || dataOutLength === 0
          ? answer
          : { ...answer, fields: { ...answer.fields, response: FAILURE } };
    },
  },
  {
    id: 'legacy.high-features.assumed',
    sentence: 'Features that the driver cannot acknowledge are in force: its ring is read as a packed one.',
    requirement: 'virtio.legacy.pci-high-features',
    source: 'generic',
    apply: (behaviours) => {
      const legacy = watchDriver(behaviours);
      behaviours.ringFeatures = (features) => ({ ...features, packed: features.packed || legacy() });
    },
  },
  {
    id: 'legacy.driver.not-detected',
    sentence: 'A driver that did not acknowledge VERSION_1 is expected to set FEATURES_OK.',
    requirement: 'virtio.legacy.detect-driver',
    source: 'generic',
    apply: (behaviours) => {
      let byPci = false;
      behaviours.legacyWrite = (_name, value) => {
        byPci = true;
        return value;
      };
      behaviours.legacyDriver = (legacy) => legacy && !byPci;
    },
  },
  {
    id: 'legacy.bit-30.negotiated',
    sentence: 'Bit 30 is offered and taken.',
    requirement: 'virtio.legacy.bit-30-unused',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.legacyFeatures = (offered) => offered | UNUSED_BIT;
    },
  },
  {
    id: 'legacy.notify-on-empty.ignored',
    sentence: 'NOTIFY_ON_EMPTY is negotiated and has no effect.',
    requirement: 'virtio.legacy.notify-on-empty',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.ringFeatures = (features) => ({ ...features, notifyOnEmpty: false });
    },
  },
  {
    id: 'legacy.notify-on-empty.not-taken',
    sentence: 'NOTIFY_ON_EMPTY is offered and cannot be acknowledged.',
    requirement: 'virtio.legacy.may-offer-notify-on-empty',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.legacyWrite = (name, value) =>
        name === 'driver_features' ? (value & ~NOTIFY_ON_EMPTY) >>> 0 : value;
    },
  },
  {
    id: 'legacy.config.not-before-features',
    sentence: 'The driver cannot write the device configuration before it has written its features.',
    requirement: 'virtio.legacy.config-write-before-features',
    source: 'generic',
    apply: (behaviours) => {
      let negotiated = false;
      behaviours.legacyWrite = (name, value) => {
        if (name === 'driver_features') negotiated = true;
        if (name === 'device_status' && value === 0) negotiated = false;
        return value;
      };
      const legacy = watchDriver(behaviours);
      behaviours.configWrite = (_name, value, previous) => (negotiated || !legacy() ? value : previous);
    },
  },
  {
    id: 'legacy.init.waits-for-driver-ok',
    sentence: 'A legacy driver is not served before DRIVER_OK.',
    requirement: 'virtio.legacy.use-before-driver-ok',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.live = (live, status) => live && (status & DRIVER_OK) !== 0;
    },
  },
  {
    id: 'legacy.registers.read-disturbs',
    sentence: 'A read of queue_notify makes queue_select forget the queue.',
    requirement: 'virtio.legacy.pci-common-layout',
    source: 'generic',
    apply: (behaviours) => {
      let forgotten = false;
      behaviours.legacyWrite = (name, value) => {
        if (name === 'queue_select') forgotten = false;
        return value;
      };
      behaviours.legacyRegister = (name, value) => {
        if (name === 'queue_notify') forgotten = true;
        return name === 'queue_select' && forgotten ? 0 : value;
      };
    },
  },
  {
    id: 'legacy.reset.keeps-queue-address',
    sentence: 'A queue address that was written reads back after a reset.',
    requirement: 'virtio.legacy.pci-queue-pfn',
    source: 'generic',
    apply: (behaviours) => {
      let last = 0;
      behaviours.legacyWrite = (name, value) => {
        if (name === 'queue_address') last = value;
        return value;
      };
      behaviours.legacyRegister = (name, value) => (name === 'queue_address' && value === 0 ? last : value);
    },
  },
  {
    id: 'legacy.device-features.written',
    sentence: 'A feature that is not offered is from then on, once a driver has acknowledged it.',
    requirement: 'virtio.legacy.pci-common-layout',
    source: 'generic',
    apply: (behaviours) => {
      let written = 0;
      behaviours.legacyWrite = (name, value) => {
        if (name === 'driver_features') written |= value;
        return value;
      };
      behaviours.legacyRegister = (name, value) =>
        name === 'device_features' ? (value | (written & 0x40)) >>> 0 : value;
    },
  },
  {
    id: 'legacy.layout.unpadded',
    sentence: 'The used ring is looked for right behind the available ring.',
    requirement: 'virtio.legacy.vq-layout',
    source: 'layout',
    apply: (behaviours) => {
      const legacy = watchDriver(behaviours);
      behaviours.legacyLayout = (layout, size) =>
        legacy() ? { ...layout, used: layout.avail + 8 + 2 * size } : layout;
    },
  },
];
