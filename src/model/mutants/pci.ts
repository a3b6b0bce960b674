/** Mutants of virtio over PCI: header, capabilities, common configuration, access window, MSI-X. */
import { pciHeader } from '../../wire/pci.js';
import { DeviceStatus, Feature } from '../../wire/virtio.js';
import { VIRTIO_MSI_NO_VECTOR, VirtioPciCapType, type virtioPciCommonCfg } from '../../wire/virtio-pci.js';
import type { Behaviours, WindowAccess } from '../behaviours.js';
import type { Mutant } from './mutant.js';

const { COMMON_CFG, NOTIFY_CFG, ISR_CFG, DEVICE_CFG, PCI_CFG, VENDOR_CFG } = VirtioPciCapType;
const { DRIVER_OK, FEATURES_OK, FAILED, DEVICE_NEEDS_RESET } = DeviceStatus;
const COMPLIANCE = 'virtio.pci.pci-compliance';

type CommonName = keyof typeof virtioPciCommonCfg.fields;
type CommonValue = number | bigint;

const slug = (name: string): string => name.replaceAll('_', '-');

// ---------------------------------------------------------------- configuration header

type HeaderName = keyof typeof pciHeader.fields;

/** A register of the header reads wrongly. */
const header = (
  name: HeaderName,
  id: string,
  change: (value: number) => number,
  requirement: string,
): Mutant => {
  const { offset, size } = pciHeader.fields[name];
  return {
    id: `pci.header.${slug(name)}.${id}`,
    sentence: `The PCI register ${name} is wrong: ${id}.`,
    requirement,
    source: 'layout',
    apply: (behaviours) => {
      behaviours.pciConfigRead = (at, width, value) =>
        at === offset && width === size ? change(value) >>> 0 : value;
    },
  };
};

/** A register of the header keeps what the driver writes, until it is read back twice. */
const headerWritable = (name: HeaderName): Mutant => {
  const { offset, size } = pciHeader.fields[name];
  return {
    id: `pci.header.${slug(name)}.writable`,
    sentence: `The PCI register ${name} reads what was written to it.`,
    requirement: COMPLIANCE,
    source: 'layout',
    apply: (behaviours) => {
      let kept: number | undefined;
      behaviours.pciConfigWrite = (at, _width, value) => {
        if (at === offset) kept = value;
        return value;
      };
      behaviours.pciConfigRead = (at, width, value) => {
        if (at !== offset || width !== size || kept === undefined) return value;
        const shown = kept;
        kept = undefined;
        return shown;
      };
    },
  };
};

const HEADER_MUTANTS: readonly Mutant[] = [
  header('vendor_id', 'other', (value) => value + 1, 'virtio.pci.vendor-id'),
  header('device_id', 'other', (value) => value + 1, 'virtio.pci.device-id'),
  header('device_id', 'transitional', () => 0x1004, 'virtio.pci.nontransitional-device-id'),
  header('header_type', 'bridge', () => 1, COMPLIANCE),
  header('status', 'no-list', (value) => value & ~0x10, COMPLIANCE),
  header('capabilities', 'into-header', () => 0x20, COMPLIANCE),
  header('interrupt_pin', 'beyond-d', () => 5, COMPLIANCE),
  // The register of a BAR that is being sized reads ones from the size up.
  header('bar4', 'size-with-hole', (value) => (value > 0xffff_0000 ? value & ~0x40_0000 : value), COMPLIANCE),
  headerWritable('vendor_id'),
  headerWritable('subsystem_id'),
  {
    id: 'pci.command.memory-ignored',
    sentence: 'The function answers memory accesses while the command register forbids it.',
    requirement: COMPLIANCE,
    source: 'generic',
    apply: (behaviours) => {
      behaviours.pciCommand = (command) => command | 2;
    },
  },
  {
    id: 'pci.command.master-ignored',
    sentence: 'The function reaches memory while the command register forbids it.',
    requirement: COMPLIANCE,
    source: 'museum QVC-24-region-not-bus-master',
    apply: (behaviours) => {
      behaviours.pciCommand = (command) => command | 4;
    },
  },
];

// ---------------------------------------------------------------- capabilities

const STRUCTURES = {
  common: COMMON_CFG,
  notify: NOTIFY_CFG,
  isr: ISR_CFG,
  device: DEVICE_CFG,
  pci: PCI_CFG,
  vendor: VENDOR_CFG,
} as const;
type Structure = keyof typeof STRUCTURES;

/** A field of a virtio capability reads wrongly. */
const capability = (
  structure: Structure,
  field: string,
  id: string,
  change: (value: number) => number,
  requirement: string,
): Mutant => ({
  id: `pci.cap.${structure}.${slug(field)}.${id}`,
  sentence: `The field ${field} of the capability for ${structure} is wrong: ${id}.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    behaviours.pciCapability = (type, name, value) =>
      type === STRUCTURES[structure] && name === field ? change(value) : value;
  },
});

/** The same mistake for several structures. */
const each = (
  structures: readonly Structure[],
  field: string,
  id: string,
  change: (value: number) => number,
  requirement: string | ((structure: Structure) => string),
): Mutant[] =>
  structures.map((structure) =>
    capability(
      structure,
      field,
      id,
      change,
      typeof requirement === 'string' ? requirement : requirement(structure),
    ),
  );

const LOCATED = ['common', 'notify', 'isr', 'device'] as const;
const VIRTIO = [...LOCATED, 'pci'] as const;
const PRESENT: Readonly<Record<Structure, string>> = {
  common: 'virtio.pci.common-present',
  notify: 'virtio.pci.notify-present',
  isr: 'virtio.pci.isr-present',
  device: 'virtio.pci.device-cfg-present',
  pci: 'virtio.pci.cfg-access-present',
  vendor: 'virtio.pci.vendor-cap-layout',
};

const CAPABILITY_MUTANTS: readonly Mutant[] = [
  ...each(
    [...VIRTIO, 'vendor'],
    'cfg_type',
    'reserved',
    () => 7,
    (structure) => PRESENT[structure],
  ),
  ...each(VIRTIO, 'cap_vndr', 'other', () => 5, 'virtio.pci.cap-layout'),
  ...each(VIRTIO, 'cap_len', 'short', (value) => value - 4, 'virtio.pci.cap-len-covers-extra'),
  ...each(VIRTIO, 'cap_len', 'into-next', (value) => value + 16, 'virtio.pci.cap-len-covers-extra'),
  ...each(LOCATED, 'bar', 'reserved', () => 6, 'virtio.pci.cap-bar'),
  ...each(LOCATED, 'bar', 'missing', () => 3, 'virtio.pci.cap-bar'),
  ...each(LOCATED, 'length', 'beyond-bar', () => 0x1000_0000, 'virtio.pci.cap-bar'),
  ...each(['common', 'isr', 'device'], 'length', 'short', (value) => value >> 2, 'virtio.pci.length-padding'),
  capability('common', 'offset', 'not-aligned', (value) => value + 2, 'virtio.pci.common-offset-aligned'),
  capability('device', 'offset', 'not-aligned', (value) => value + 2, 'virtio.pci.device-cfg-aligned'),
  capability(
    'notify',
    'offset',
    'not-aligned',
    (value) => value + 2,
    'virtio.pci.notify-data-offset-aligned-4',
  ),
  capability('notify', 'notify_off_multiplier', 'odd', () => 3, 'virtio.pci.notify-data-multiplier'),
  capability('notify', 'length', 'empty', () => 0, 'virtio.pci.notify-data-length-min'),
  capability('common', 'cap_next', 'loop', () => 0x40, COMPLIANCE),
  capability('device', 'cap_next', 'into-header', () => 0x20, COMPLIANCE),
  capability('vendor', 'vendor_id', 'virtio', () => 0x1af4, 'virtio.pci.vendor-cap-not-1af4'),
  capability('vendor', 'cap_len', 'odd', () => 7, 'virtio.pci.vendor-cap-size'),
  {
    id: 'pci.cap.vendor.counts-reads',
    sentence: 'The vendor data change with every read of them.',
    requirement: 'virtio.pci.vendor-cap-no-side-effects',
    source: 'generic',
    apply: (behaviours) => {
      let reads = 0;
      behaviours.pciCapability = (type, name, value) =>
        type === VENDOR_CFG && name === 'data' ? (value + reads++) & 0xffff : value;
    },
  },
  {
    id: 'pci.cap.bar.writable',
    sentence: 'The bar of the common configuration capability can be overwritten.',
    requirement: 'virtio.pci.cap-layout',
    source: 'generic',
    apply: (behaviours) => {
      // The first capability lies right behind the header.
      const { size } = pciHeader;
      let kept: number | undefined;
      behaviours.pciConfigWrite = (at, width, value) => {
        if (at <= size + 4 && at + width > size + 4) kept = (value >>> (8 * (size + 4 - at))) & 0xff;
        return value;
      };
      behaviours.pciCapability = (type, name, value) =>
        type === COMMON_CFG && name === 'bar' ? (kept ?? value) : value;
    },
  },
];

// ---------------------------------------------------------------- common configuration

/** A register of the common configuration reads wrongly. */
const register = (
  name: CommonName,
  id: string,
  change: (value: CommonValue) => CommonValue,
  requirement: string,
): Mutant => ({
  id: `pci.common.${slug(name)}.${id}`,
  sentence: `The register ${name} reads wrongly: ${id}.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    behaviours.commonField = (field, value) => (field === name ? change(value) : value);
  },
});

/** Writes to a register have no effect. */
const deaf = (name: CommonName, requirement: string): Mutant => ({
  id: `pci.common.${slug(name)}.write-ignored`,
  sentence: `Writes to the register ${name} have no effect.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    behaviours.commonWrite = (field, value) => (field === name ? undefined : value);
  },
});

/** A register reads what was written to it last, whatever it is, until a reset. */
const echoing = (name: CommonName, requirement: string): Mutant => ({
  id: `pci.common.${slug(name)}.echoes`,
  sentence: `The register ${name} reads what was written to it last, taken or not.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    let last: CommonValue | undefined;
    behaviours.commonWrite = (field, value) => {
      if (field === name) last = value;
      if (field === 'queue_select' || (field === 'device_status' && value === 0)) last = undefined;
      return value;
    };
    behaviours.commonField = (field, value) => (field === name ? (last ?? value) : value);
  },
});

/** A write to the low half of a 64-bit register clears the high one. */
const coupled = (name: CommonName): Mutant => ({
  id: `pci.common.${slug(name)}.low-clears-high`,
  sentence: `A write to the low half of ${name} clears the high half.`,
  requirement: 'virtio.pci.halves-independent',
  source: 'layout',
  apply: (behaviours) => {
    const LOW = 0xffff_ffffn;
    let before = 0n;
    behaviours.commonWrite = (field, value) => {
      if (field !== name) return value;
      const written = BigInt(value);
      before = (written ^ before) & LOW ? written & LOW : written;
      return before;
    };
  },
});

/** A register that each queue ought to have is one for all of them, as far as it reads. */
const shared = (name: CommonName): Mutant => ({
  id: `pci.common.${slug(name)}.shared`,
  sentence: `${name} shows what was written last, whichever queue that was for.`,
  requirement: 'virtio.pci.queue-select-scope',
  source: 'layout',
  apply: (behaviours) => {
    let last: CommonValue | undefined;
    behaviours.commonWrite = (field, value) => {
      if (field === name) last = value;
      if (field === 'device_status' && value === 0) last = undefined;
      return value;
    };
    behaviours.commonField = (field, value) => (field === name ? (last ?? value) : value);
  },
});

/** Something that a driver may not write has an effect: the status shows a bit from then on, until a reset. */
const upset = (
  id: string,
  bit: number,
  sentence: string,
  requirement: string,
  when: (name: string, value: CommonValue) => boolean,
): Mutant => ({
  id,
  sentence,
  requirement,
  source: 'generic',
  apply: (behaviours) => {
    let wrong = 0;
    behaviours.commonWrite = (name, value) => {
      if (when(name, value)) wrong = bit;
      if (name === 'device_status' && value === 0) wrong = 0;
      return value;
    };
    behaviours.commonField = (name, value) =>
      name === 'device_status' && value !== 0 ? Number(value) ^ wrong : value;
  },
});

const LAYOUT = 'virtio.pci.common-layout';
const READBACK = 'virtio.pci.msix-readback';

/** A register shows what it held before a reset or power cycle, as long as the status is 0. */
const kept = (name: CommonName, requirement: string): Mutant => ({
  id: `pci.common.${slug(name)}.kept`,
  sentence: `While the status is 0 ${name} shows what was written to it last.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    let last: CommonValue | undefined;
    let zero = false;
    behaviours.commonWrite = (field, value) => {
      if (field === name) last = value;
      if (field === 'device_status') zero = value === 0;
      return value;
    };
    behaviours.commonField = (field, value) => {
      if (field === 'device_status' && value === 0) zero = true;
      return field === name && zero ? (last ?? value) : value;
    };
  },
});

/** ADMIN_VQ is offered, with its queues where they cannot be. */
const adminQueues = (id: string, index: number, count: number, requirement: string): Mutant => ({
  id: `pci.common.admin-queue.${id}`,
  sentence: `ADMIN_VQ is offered, with ${count} administration queues from index ${index} on.`,
  requirement,
  source: 'layout',
  apply: (behaviours) => {
    behaviours.offeredFeatures = (offered) => offered | (1n << BigInt(Feature.VIRTIO_F_ADMIN_VQ));
    behaviours.commonField = (name, value) => {
      if (name === 'admin_queue_index') return index;
      return name === 'admin_queue_num' ? count : value;
    };
  },
});

const COMMON_MUTANTS: readonly Mutant[] = [
  adminQueues('among-others', 1, 1, 'virtio.pci.admin-queue-index'),
  adminQueues('beyond-all', 4, 0xffff, 'virtio.pci.admin-queue-num'),
  ...(['queue_desc', 'queue_driver', 'queue_device'] as const).flatMap((name) => [
    coupled(name),
    shared(name),
    register(name, 'high-half-zero', (value) => BigInt(value) & 0xffff_ffffn, LAYOUT),
  ]),
  ...(['device_feature_select', 'driver_feature_select', 'queue_select'] as const).map((name) =>
    register(name, 'reads-zero', () => 0, LAYOUT),
  ),
  shared('queue_msix_vector'),
  kept('queue_size', 'virtio.pci.queue-size-max-on-reset'),
  kept('queue_enable', 'virtio.pci.queue-enable-zero-on-reset'),
  kept('config_msix_vector', 'virtio.pci.msix-unmapped-on-reset'),
  kept('queue_msix_vector', 'virtio.pci.msix-unmapped-on-reset'),
  deaf('queue_size', 'virtio.pci.queue-size-max-on-reset'),
  deaf('config_msix_vector', READBACK),
  deaf('queue_msix_vector', READBACK),
  ...(
    [
      'device_feature',
      'num_queues',
      'config_generation',
      'queue_notify_off',
      'queue_notif_config_data',
    ] as const
  ).map((name) => echoing(name, 'virtio.pci.drv.no-write-read-only')),
  echoing('queue_size', 'virtio.pci.queue-size-power-of-two'),
  echoing('config_msix_vector', 'virtio.pci.msix-map-failure'),
  echoing('queue_msix_vector', 'virtio.pci.msix-map-failure'),
  register(
    'queue_size',
    'no-power-of-two',
    (value) => (Number(value) > 2 ? Number(value) - 1 : value),
    'virtio.pci.queue-size-power-of-two',
  ),
  register('queue_enable', 'reads-one', () => 1, 'virtio.pci.queue-enable-zero-on-reset'),
  register('driver_feature', 'reads-zero', () => 0, 'virtio.pci.driver-feature-readback'),
  register(
    'driver_feature',
    'all-or-nothing',
    (value) => (value ? 0xffff_ffff : 0),
    'virtio.pci.driver-feature-invalid',
  ),
  register(
    'config_msix_vector',
    'zero-is-none',
    (value) => (value === VIRTIO_MSI_NO_VECTOR ? 0 : value),
    'virtio.pci.msix-unmapped-on-reset',
  ),
  register(
    'queue_msix_vector',
    'zero-is-none',
    (value) => (value === VIRTIO_MSI_NO_VECTOR ? 0 : value),
    'virtio.pci.msix-unmapped-on-reset',
  ),
  register(
    'config_msix_vector',
    'odd-refused',
    (value) => (Number(value) & 1 ? VIRTIO_MSI_NO_VECTOR : value),
    'virtio.pci.msix-map-any',
  ),
  register(
    'queue_msix_vector',
    'odd-refused',
    (value) => (Number(value) & 1 ? VIRTIO_MSI_NO_VECTOR : value),
    'virtio.pci.msix-map-any',
  ),
  upset(
    'pci.common.queue-size.upset',
    FEATURES_OK,
    'A queue size that the device does not take costs FEATURES_OK.',
    'virtio.pci.drv.queue-size-power-of-two',
    (name, value) => name === 'queue_size' && (Number(value) & (Number(value) - 1)) !== 0,
  ),
  upset(
    'pci.common.queue-size.zero-upset',
    FEATURES_OK,
    'Writing 0 to queue_size costs FEATURES_OK.',
    'virtio.pci.drv.queue-size-nonzero',
    (name, value) => name === 'queue_size' && value === 0,
  ),
  upset(
    'pci.common.queue-enable.zero-upset',
    FAILED,
    'Writing 0 to queue_enable sets FAILED.',
    'virtio.pci.drv.no-disable-write',
    (name, value) => name === 'queue_enable' && value === 0,
  ),
  {
    id: 'pci.common.num-queues.late',
    sentence: 'num_queues leaves out the control and event queues until FEATURES_OK.',
    requirement: 'virtio.pci.num-queues',
    source: 'generic',
    apply: (behaviours) => {
      let status = 0;
      behaviours.commonField = (name, value) => {
        if (name === 'device_status') status = Number(value);
        return name === 'num_queues' && (status & FEATURES_OK) === 0 ? Number(value) - 2 : value;
      };
      behaviours.statusWritten = (next) => {
        status = next;
        return next;
      };
    },
  },
  {
    id: 'pci.common.queue-order.ascending-only',
    sentence: 'A queue cannot be enabled after one with a higher index.',
    requirement: 'virtio.pci.queue-config-order',
    source: 'generic',
    apply: (behaviours) => {
      let selected = 0;
      let highest = -1;
      behaviours.commonWrite = (name, value) => {
        if (name === 'queue_select') selected = Number(value);
        if (name === 'device_status' && value === 0) highest = -1;
        if (name !== 'queue_enable') return value;
        if (selected < highest) return undefined;
        highest = selected;
        return value;
      };
    },
  },
  {
    id: 'pci.common.queue-size.small-taken-double',
    sentence: 'A queue of less than 8 entries is taken for one of twice the size.',
    requirement: 'virtio.pci.queue-size-max-on-reset',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.ringSetup = (setup) => (setup.size < 8 ? { ...setup, size: 2 * setup.size } : setup);
    },
  },
  {
    id: 'pci.common.reserved-write-deadens',
    sentence:
      'A write to a read-only register keeps all queues from being served until the second reset after it.',
    requirement: 'virtio.pci.drv.access-width',
    source: 'generic',
    apply: (behaviours) => {
      let resetsToGo = 0;
      behaviours.commonWrite = (name, value) => {
        if (name === 'admin_queue_num') resetsToGo = 2;
        if (name === 'device_status' && value === 0 && resetsToGo > 0) resetsToGo--;
        return value;
      };
      behaviours.queueEnabled = (enabled) => enabled && resetsToGo === 0;
    },
  },
  {
    id: 'pci.common.queue-enable.not-needed',
    sentence: 'A queue is served as soon as it has an address.',
    requirement: 'virtio.pci.queue-enable-values',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.queueEnabled = (enabled, { descriptors }) => enabled || descriptors !== 0n;
    },
  },
  {
    id: 'pci.common.queue-reset.forgets-address',
    sentence: 'A write to queue_reset makes queue_desc read 0, negotiated or not.',
    requirement: 'virtio.pci.queue-reset-exists',
    source: 'generic',
    apply: (behaviours) => {
      let forgotten = false;
      behaviours.commonWrite = (name, value) => {
        if (name === 'queue_reset') forgotten = true;
        if (name === 'queue_desc' || name === 'device_status') forgotten = false;
        return value;
      };
      behaviours.commonField = (name, value) => (name === 'queue_desc' && forgotten ? 0n : value);
    },
  },
  {
    id: 'pci.common.unaligned-reads-upset',
    sentence: 'Reading queue_reset makes the status show DEVICE_NEEDS_RESET.',
    requirement: 'virtio.status.needs-reset-set',
    source: 'generic',
    apply: (behaviours) => {
      let upsetBy = 0;
      behaviours.resets = () => {
        upsetBy = 0;
        return true;
      };
      behaviours.commonField = (name, value) => {
        if (name === 'queue_reset') upsetBy = DEVICE_NEEDS_RESET;
        return name === 'device_status' ? Number(value) | upsetBy : value;
      };
    },
  },
];

// ---------------------------------------------------------------- access window

/** Accesses through the window that are wide enough, carried out wrongly. */
const window = (
  id: string,
  sentence: string,
  requirement: string,
  change: (access: WindowAccess) => WindowAccess | undefined,
): Mutant => ({
  id: `pci.window.${id}`,
  sentence,
  requirement,
  source: 'generic',
  apply: (behaviours) => {
    behaviours.windowAccess = change;
  },
});

const VALID_LENGTHS: readonly number[] = [1, 2, 4];

const WINDOW_MUTANTS: readonly Mutant[] = [
  window(
    'reads-stale',
    'Reads of the window do not reach the structure.',
    'virtio.pci.cfg-access-read',
    (access) => (access.write ? access : undefined),
  ),
  window(
    'writes-dropped',
    'Writes to the window do not reach the structure.',
    'virtio.pci.cfg-access-write',
    (access) => (access.write ? undefined : access),
  ),
  window(
    'writes-double-words',
    'The window writes four bytes, whatever its length.',
    'virtio.pci.cfg-access-write',
    (access) => (access.write ? { ...access, offset: access.offset & ~3, length: 4 } : access),
  ),
  window(
    'offset-rounded',
    'The window reads from the double word that the offset is in.',
    'virtio.pci.cfg-access-read',
    (access) => (access.write ? access : { ...access, offset: access.offset & ~3 }),
  ),
  {
    id: 'pci.window.bad-length-upset',
    sentence: 'An access of a length that there is not makes the status show DEVICE_NEEDS_RESET.',
    requirement: 'virtio.pci.drv.cfg-access-in-range',
    source: 'generic',
    apply: (behaviours) => {
      let wrong = 0;
      behaviours.windowAccess = (access) => {
        if (!VALID_LENGTHS.includes(access.length)) wrong = DEVICE_NEEDS_RESET;
        return access;
      };
      behaviours.resets = () => {
        wrong = 0;
        return true;
      };
      behaviours.commonField = (name, value) => (name === 'device_status' ? Number(value) | wrong : value);
    },
  },
];

// ---------------------------------------------------------------- MSI-X and ISR

const msix = (
  id: string,
  sentence: string,
  requirement: string,
  apply: (behaviours: Behaviours) => void,
): Mutant => ({ id: `msix.${id}`, sentence, requirement, source: 'generic', apply });

/** A field of the MSI-X capability is wrong. */
const table = (field: string, id: string, change: (value: number) => number, requirement: string): Mutant =>
  msix(
    `${slug(field)}.${id}`,
    `The field ${field} of the MSI-X capability is wrong: ${id}.`,
    requirement,
    (behaviours) => {
      behaviours.msixCapability = (name, value) => (name === field ? change(value) : value);
    },
  );

const MSIX_MUTANTS: readonly Mutant[] = [
  table('table_size', 'one-vector', () => 0, 'virtio.pci.msix-count'),
  table('table', 'reserved-bar', () => 7, COMPLIANCE),
  table('table', 'behind-bar', (value) => value | 0x7fff_ff00, COMPLIANCE),
  table('pba', 'in-table', (value) => value & 7, COMPLIANCE),
  msix('mask-ignored', 'Messages are sent while their vector is masked.', COMPLIANCE, (behaviours) => {
    behaviours.msixMasked = () => false;
  }),
  msix('pending-not-shown', 'Pending bits read 0.', COMPLIANCE, (behaviours) => {
    behaviours.msixPending = () => 0;
  }),
  msix('pending-always', 'Pending bits read 1.', COMPLIANCE, (behaviours) => {
    behaviours.msixPending = () => 0xffff_ffff;
  }),
  msix(
    'late-mapping-for-show',
    'A vector that is changed on a live device reads back, and the old one goes on being used.',
    'virtio.pci.msix-vector-selects',
    (behaviours) => {
      let live = false;
      let shown: CommonValue | undefined;
      behaviours.statusWritten = (next) => {
        live = (next & DRIVER_OK) !== 0;
        return next;
      };
      behaviours.resets = () => {
        live = false;
        shown = undefined;
        return true;
      };
      behaviours.commonWrite = (name, value) => {
        if (name === 'queue_select') shown = undefined;
        if (name !== 'queue_msix_vector' || !live) return value;
        shown = value;
        return undefined;
      };
      behaviours.commonField = (name, value) => (name === 'queue_msix_vector' ? (shown ?? value) : value);
    },
  ),
  msix(
    'last-vector-lost',
    'No message is sent for the last vectors of the table.',
    'virtio.pci.msix-table-size',
    (behaviours) => {
      behaviours.msixVector = (vector) => (vector >= 6 ? undefined : vector);
    },
  ),
  msix(
    'vector-crossed',
    'Vector 5 sends the message of vector 0.',
    'virtio.pci.msix-map-any',
    (behaviours) => {
      behaviours.msixVector = (vector) => (vector === 5 ? 0 : vector);
    },
  ),
  msix(
    'unmapping-for-show',
    'An event that was unmapped goes on interrupting by vector 0.',
    'virtio.pci.msix-unmap-any',
    (behaviours) => {
      const shown = new Set<string>();
      behaviours.commonWrite = (name, value) => {
        if (name !== 'config_msix_vector' && name !== 'queue_msix_vector') return value;
        if (value !== VIRTIO_MSI_NO_VECTOR) {
          shown.delete(name);
          return value;
        }
        shown.add(name);
        return 0;
      };
      behaviours.commonField = (name, value) =>
        shown.has(name) && value === 0 ? VIRTIO_MSI_NO_VECTOR : value;
    },
  ),
];

const ISR_MUTANTS: readonly Mutant[] = [
  {
    id: 'isr.never-clears',
    sentence: 'What ISR has shown once it shows until a reset.',
    requirement: 'virtio.pci.isr-clear-on-read',
    source: 'generic',
    apply: (behaviours) => {
      let shown = 0;
      behaviours.resets = () => {
        shown = 0;
        return true;
      };
      behaviours.isr = (value) => {
        shown |= value;
        return shown;
      };
    },
  },
  {
    id: 'isr.both-bits',
    sentence: 'ISR shows a used buffer with every configuration change.',
    requirement: 'virtio.pci.isr-config-bit',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.isr = (value) => (value & 2 ? 3 : value);
    },
  },
];

export const PCI_MUTANTS: readonly Mutant[] = [
  ...HEADER_MUTANTS,
  ...CAPABILITY_MUTANTS,
  ...COMMON_MUTANTS,
  ...WINDOW_MUTANTS,
  ...MSIX_MUTANTS,
  ...ISR_MUTANTS,
];
