/**
 * The words of the language that are not derived from anything else, and those derived from the tables of `wire`.
 * Schema, loader and messages all take them from here.
 */

import { STANDING_CHECKS as HARNESS_CHECKS } from '../harness/violation.js';
import { CONTROL_CAPABILITIES } from '../port/controls.js';
import { TRANSPORT_NAMES } from '../port/transport-name.js';
import { PciCommand, PciStatus, pciHeader } from '../wire/pci.js';
import { COMMANDS } from '../wire/scsi/commands.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { DescFlag } from '../wire/split-ring.js';
import { DeviceStatus, Feature } from '../wire/virtio.js';
import { mmioLegacyRegisters, mmioRegisters } from '../wire/virtio-mmio.js';
import { VirtioIsr, virtioPciCommonCfg } from '../wire/virtio-pci.js';
import {
  ControlResponse,
  ResetReason,
  Response,
  ScsiEvent,
  TaskAttr,
  Tmf,
  virtioScsiConfig,
} from '../wire/virtio-scsi.js';

/** Kinds of steps, in the order in which they are explained. */
export const STEP_KINDS = [
  'command',
  'tmf',
  'an',
  'chain',
  'publish',
  'kick',
  'wait',
  'quiet',
  'read',
  'write',
  'setup',
  'reset',
  'control',
  'check',
  'repeat',
] as const;
export type StepKind = (typeof STEP_KINDS)[number];

const SENDER = ['as', 'queue', 'staged', 'notify', 'driver', 'retry', 'within', 'expect'] as const;
const JUDGEMENT = ['level', 'ruling', 'covers', 'because'] as const;

/** Qualifiers that each kind takes, besides `when` and `note`. */
export const QUALIFIERS: Readonly<Record<StepKind, readonly string[]>> = {
  command: [...SENDER, 'layout', ...JUDGEMENT],
  tmf: [...SENDER, 'layout', ...JUDGEMENT],
  an: [...SENDER, 'layout', ...JUDGEMENT],
  chain: [...SENDER, ...JUDGEMENT],
  publish: ['notify', 'again'],
  kick: [],
  wait: ['as', 'within', 'order', 'expect', ...JUDGEMENT],
  quiet: [...JUDGEMENT],
  read: ['as', 'within', 'expect', ...JUDGEMENT],
  write: [],
  setup: ['driver'],
  reset: ['driver', 'within'],
  control: [],
  check: [...JUDGEMENT],
  repeat: ['steps'],
};

/** Transport and interface of a run. */
export const LAYERS = ['pci', 'mmio', 'vhost', 'modern', 'legacy', 'msix', 'intx'] as const;

/** Names for units and addresses that a profile may bind. */
export const ROLES = [
  'disk',
  'disk2',
  'cdrom',
  'tape',
  'thin-disk',
  'disk-4k',
  'disk-pi',
  'disk-pi2',
  'disk-pi3',
  'disk-over-2tb',
  'disk-read-only',
  'disk-removable',
  'units-512',
  'free-target',
  'free-unit',
] as const;

/** What an adapter may be able to do; the words of `needs`. */
export const CAPABILITIES = [
  ...CONTROL_CAPABILITIES,
  'second-nexus',
  'dma-contained',
  'iommu',
  'irq-line',
] as const;

/** What a unit that a case plugs can be. */
export const UNIT_KINDS = ['disk', 'cdrom'] as const;

/** Checks that the harness makes on every exchange; a case can turn one off. */
export const STANDING_CHECKS: readonly string[] = Object.keys(HARNESS_CHECKS);

/** State that outlives a device reset and that the runner restores. */
export const CHANGES = [
  'data',
  'mode-pages',
  'log-pages',
  'reservations',
  'prevent',
  'provisioning',
  'medium',
  'power-condition',
  'timestamp',
] as const;

export const TAGS = ['slow', 'destructive', 'host-risk'] as const;
export const TRANSPORTS = TRANSPORT_NAMES;
export const DOCUMENTS = [
  'virtio-1.4',
  'virtio-1.3',
  'virtio-1.2',
  'virtio-1.1',
  'virtio-1.0',
  'SAM-6',
  'SPC-5',
  'SPC-6',
  'SBC-4',
  'SBC-5',
  'MMC-6',
  'SSC-5',
  'ZBC-2',
  'PCI-3.0',
] as const;

/** Facts of a unit: `<role>.<fact>`. */
export const UNIT_FACTS = [
  'target',
  'unit',
  'blocks',
  'block_size',
  'device_type',
  'pq_pdt',
  'version',
  'vpd_pages',
  'mode_pages',
  'max_transfer',
  'max_prefetch',
  'max_write_same',
  'max_unmap_lba',
  'max_unmap_descriptors',
  'protection_type',
  'unmap_granularity',
  'unmap_alignment',
  'max_compare',
  'max_atomic',
  'atomic_alignment',
  'atomic_granularity',
  'atomic_boundaries',
  'wsnz',
  'lbpu',
  'lbpws',
  'lbpws10',
  'lbprz',
  'anc_sup',
  'thin',
  'removable',
  'medium',
  'read_only',
  'protection_exponent',
  'physical_exponent',
  'naa',
  'serial',
  'vendor',
  'product',
  'revision',
] as const;

/** Facts of the device and the run. */
export const DEVICE_FACTS = [
  'dev.queues',
  'dev.request_queues',
  'dev.queue_size',
  'dev.max_queue_size',
  'dev.optional_features',
  'dev.features',
  'dev.max_chain',
  'dev.config_size',
  'dev.seg_max',
  'dev.max_sectors',
  'dev.cmd_per_lun',
  'dev.event_info_size',
  'dev.max_target',
  'dev.max_lun',
  'dev.units',
  'pci.virtio_caps',
  'pci.structures',
  'pci.vendor_caps',
  'pci.cfg_types',
  'pci.sr_iov',
  'msix.vectors',
  'irq.watched',
  'plug.cdrom',
  'run.seed',
] as const;

/** Facts of the virtio capabilities of a PCI device: `cap.<structure>.<fact>`. */
export const CAPABILITY_STRUCTURES = ['common', 'notify', 'isr', 'device', 'pci'] as const;
export const CAPABILITY_FACTS = [
  'type',
  'cap_len',
  'bar',
  'offset',
  'length',
  'position',
  'id',
  'multiplier',
] as const;

const { device_status: _status, config_generation: _generation, ...common } = virtioPciCommonCfg.fields;
/** Registers of either transport, by their PCI names: `dev.<name>`. */
export const DEVICE_REGISTERS: readonly string[] = ['status', 'generation', 'isr', ...Object.keys(common)];
export const CONFIG_FIELDS: readonly string[] = Object.keys(virtioScsiConfig.fields);
export const PCI_REGISTERS: readonly string[] = Object.keys(pciHeader.fields);
/** Registers of the legacy PCI interface; the last two are there while MSI-X is enabled. */
export const LEGACY_REGISTERS = [
  'device_features',
  'driver_features',
  'queue_pfn',
  'queue_size',
  'queue_select',
  'queue_notify',
  'device_status',
  'isr_status',
  'config_vector',
  'queue_vector',
] as const;
/** Registers of virtio over MMIO, of both versions. */
export const MMIO_REGISTERS: readonly string[] = Object.keys({ ...mmioRegisters, ...mmioLegacyRegisters });
/** MSI-X: `msix.enable`, …; of a vector `msix.<n>.masked` or `msix.vector[expression].masked`, …. */
export const MSIX_REGISTERS = ['enable', 'function_mask', 'table_size', 'table', 'pba'] as const;
export const MSIX_VECTOR_REGISTERS = ['address', 'data', 'masked', 'pending'] as const;
export const REGIONS = ['pci', 'common', 'notify', 'isr', 'device', 'config', 'legacy', 'mmio'] as const;

/** Ring fields without an index; `desc`, `avail.ring` and `used.ring` take one. */
export const RING_FIELDS = [
  'avail.flags',
  'avail.idx',
  'used.flags',
  'used.idx',
  'used_event',
  'avail_event',
  'driver_event.off',
  'driver_event.wrap',
  'driver_event.flags',
  'device_event.off',
  'device_event.wrap',
  'device_event.flags',
  'next_slot',
  'next_wrap',
  'desc_area',
  'driver_area',
  'device_area',
] as const;
/** The areas of a virtqueue ("Virtqueues"). */
export const RING_AREAS = ['desc', 'driver', 'device'] as const;
export type RingArea = (typeof RING_AREAS)[number];
export const RING_ARRAYS: Readonly<Record<string, readonly string[]>> = {
  'avail.ring': [],
  'used.ring': ['id', 'len'],
  desc: ['addr', 'len', 'flags', 'next', 'id'],
};

/** Named values of places that hold flags or codes. */
export type NamedValues = Readonly<Record<string, number>>;
/** Flags of descriptors, those of packed rings among them. */
export const DESCRIPTOR_FLAGS: NamedValues = { ...DescFlag, AVAIL: 1 << 7, USED: 1 << 15 };
export const STATUS_FLAGS: NamedValues = DeviceStatus;
const EVENT_FLAGS: NamedValues = { ENABLE: 0, DISABLE: 1, DESC: 2 };
const NO_VECTOR: NamedValues = { NO_VECTOR: 0xffff };

/** Named values that a location takes. */
export function namesOfLocation(text: string): NamedValues {
  if (text === 'dev.status' || text === 'legacy.device_status' || text === 'mmio.Status') return STATUS_FLAGS;
  if (text === 'dev.isr' || text === 'legacy.isr_status' || text === 'mmio.InterruptStatus') return VirtioIsr;
  if (text === 'pci.command') return PciCommand;
  if (text === 'pci.status') return PciStatus;
  if (/vector$/.test(text)) return NO_VECTOR;
  if (/\.desc\[.*\]\.flags$/.test(text)) return DESCRIPTOR_FLAGS;
  if (/_event\.flags$/.test(text)) return EVENT_FLAGS;
  return {};
}

/** Responses of the request and the control queue. FUNCTION_COMPLETE and OK are both 0. */
export const RESPONSES: NamedValues = { ...Response, ...ControlResponse };
export const STATUSES: NamedValues = ScsiStatus;
export const TASK_ATTRIBUTES: NamedValues = TaskAttr;
/** Task management functions as SAM writes them. */
export const TMF_FUNCTIONS: NamedValues = Object.fromEntries(
  Object.entries(Tmf).map(([name, value]) => [
    name === 'I_T_NEXUS_RESET' ? 'I_T NEXUS RESET' : name.replaceAll('_', ' '),
    value,
  ]),
);
export const EVENTS: NamedValues = {
  NO_EVENT: ScsiEvent.NO_EVENT,
  TRANSPORT_RESET: ScsiEvent.TRANSPORT_RESET,
  ASYNC_NOTIFY: ScsiEvent.ASYNC_NOTIFY,
  PARAM_CHANGE: ScsiEvent.PARAM_CHANGE,
};
export const EVENT_REASONS: NamedValues = {
  HARD: ResetReason.RESET_HARD,
  RESCAN: ResetReason.RESET_RESCAN,
  REMOVED: ResetReason.RESET_REMOVED,
};

export const FEATURES: readonly string[] = Object.keys(Feature);
export const COMMAND_NAMES: readonly string[] = COMMANDS.map(({ name }) => name);

/**
 * Names under which `op` is written. Where a service action selects the command its name may be split:
 * `{op: PERSISTENT RESERVE OUT, action: REGISTER}` is the command `PERSISTENT RESERVE OUT / REGISTER`.
 */
export const SPLIT_COMMANDS: ReadonlyMap<string, readonly string[]> = (() => {
  const out = new Map<string, string[]>();
  for (const name of COMMAND_NAMES) {
    const [op, action] = name.split(' / ');
    if (op !== undefined && action !== undefined) out.set(op, [...(out.get(op) ?? []), action]);
  }
  return out;
})();
export const OPS: readonly string[] = [...COMMAND_NAMES, ...SPLIT_COMMANDS.keys()];

/** A role as it is written in expressions. */
export const roleName = (role: string): string => role.replaceAll('-', '_');
