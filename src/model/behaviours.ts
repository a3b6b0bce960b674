/**
 * The points at which the model's behaviour can be changed. Each is a function that gets what a conformant device
 * would do and returns what this device does; all are the identity by default. A mutant replaces some of them.
 */

import type { ByteOrder } from '../wire/layout.js';
import type { LegacyRingLayout } from '../wire/split-ring.js';
import type { Fault } from './errors.js';
import type { BarKind } from './pci/config-space.js';
import type { Answer } from './scsi/answer.js';
import type { ControlAnswer, ControlContext, ControlRequest } from './scsi/control-answer.js';
import type { EventRecord } from './scsi/event-record.js';
import type { ProtectionSizes, Task, TaskLayout } from './scsi/task.js';
import type { ManagementCall } from './scsi/task-management.js';
import type { Destination } from './scsi/topology.js';
import type { CommandResult } from './units/command-result.js';
import type { CommandCall } from './units/command-table.js';
import type { LogicalUnit } from './units/logical-unit.js';
import type { Chain } from './virtio/chain.js';
import type { NotificationValue } from './virtio/notification.js';
import type { Ring, RingSetup } from './virtio/ring.js';

/** A part of the state that a device reset sets back. */
export type ResetPart =
  | 'status'
  | 'features'
  | 'queues'
  | 'vectors'
  | 'interrupts'
  | 'sense_size'
  | 'cdb_size'
  | 'tasks'
  | 'units'
  | 'lost_events';

/** What "Device Suspend" asks of a device: on the way to the suspended state, in it, and on the way back. */
export type SuspendRule =
  | 'ignored-early'
  | 'suspends'
  | 'clears-driver-ok'
  | 'stops'
  | 'drains'
  | 'tells-drained'
  | 'leaves-queues'
  | 'sends-nothing'
  | 'ignores-configuration-writes'
  | 'keeps-configuration'
  | 'silent-about-configuration'
  | 'resumes'
  | 'clears-suspend'
  | 'tells-on-resume';

/** A part of the state of a queue that a queue reset sets back. */
export type QueuePart = 'requests' | 'ring' | 'size' | 'addresses' | 'enable' | 'vector';

/** One element that goes into the used ring. */
export interface UsedElement {
  readonly id: number;
  readonly len: number;
}

/** A used buffer, as `usedElements` sees it. */
export interface UsedContext {
  readonly queue: number;
  readonly queueSize: number;
  /** Bytes of the device-readable and device-writable parts. */
  readonly readable: number;
  readonly writable: number;
  /** Buffers that are returned by the same element without being named (VIRTIO_F_IN_ORDER). */
  readonly skipped: number;
}

/**
 * How one side asks for notifications. Split: `flags` of its ring, and the index in used_event or avail_event. Packed:
 * the two words of its event suppression structure.
 */
export interface EventArea {
  readonly flags: number;
  readonly event: number;
}

/** Memory that a device can reach when it returns a buffer. */
export interface MemoryReach {
  readonly queue: number;
  /** The descriptor area of the queue. */
  readonly descriptors: Uint8Array;
  /** The driver area of the queue: the available ring, or the driver's event suppression structure. */
  readonly driver: Uint8Array;
  /** Indirect tables. */
  readonly tables: readonly Uint8Array[];
  /** The pieces of the device-readable and device-writable parts. */
  readonly readable: readonly Uint8Array[];
  readonly writable: readonly Uint8Array[];
}

/** Negotiated features that shape a ring. */
export interface RingFeatures {
  readonly packed: boolean;
  readonly inOrder: boolean;
  readonly indirect: boolean;
  readonly eventIdx: boolean;
  /** A legacy feature: a notification when the available buffers run out, however they are suppressed. */
  readonly notifyOnEmpty: boolean;
}

/** What has a byte order: of the guest on the legacy interface, little-endian otherwise. */
export type OrderedPart = 'ring' | 'configuration' | 'request' | 'control' | 'event';

/** What a descriptor of either format says. */
export interface DescriptorFields {
  readonly addr: bigint;
  readonly len: number;
  readonly flags: number;
  /** Of split rings. */
  readonly next?: number;
}

/** Where a descriptor was read. */
export interface DescriptorPlace {
  readonly queue: number;
  /** In an indirect table. */
  readonly nested: boolean;
}

/** How a descriptor chain is read. */
export interface ChainRules {
  /** Follow indirect tables. */
  readonly indirect: boolean;
  /** Entries of an indirect table are followed by `next`; otherwise as they lie. */
  readonly followNext: boolean;
  /** Flags that are reserved within an indirect table of a packed ring are ignored. */
  readonly reservedIgnored: boolean;
}

/** One access through the PCI access window. */
export interface WindowAccess {
  readonly bar: number;
  readonly offset: number;
  /** Width in bytes. */
  readonly length: number;
  readonly write: boolean;
}

export interface Behaviours {
  /** Fields of the PCI header that say what the function is, by name, as they read. */
  pciHeader(name: string, value: number): number;
  /** The kind that a base address register says it is of. */
  barKind(kind: BarKind, index: number): BarKind;
  /** Fields of the virtio capabilities that are the function's to tell, by cfg_type and name, as they read. */
  pciCapability(cfgType: number, name: string, value: number): number;
  /** `table_size`, `table` and `pba` of the MSI-X capability, as they read. */
  msixCapability(name: string, value: number): number;
  /** What a read of PCI configuration space gives. */
  pciConfigRead(offset: number, width: number, value: number): number;
  /** What is taken of a write to PCI configuration space; `undefined` drops it. */
  pciConfigWrite(offset: number, width: number, value: number): number | undefined;
  /** The PCI command register as the function obeys it. */
  pciCommand(command: number): number;
  /** What an access through the PCI access window does; `undefined` drops it. */
  windowAccess(access: WindowAccess): WindowAccess | undefined;
  /** Whether a vector counts as masked. */
  msixMasked(masked: boolean, vector: number): boolean;
  /** The vector whose message is sent for an event that is mapped to `vector`; `undefined` sends none. */
  msixVector(vector: number): number | undefined;
  /** Pending bits as they read. */
  msixPending(bits: number): number;
  /** A register of the common configuration structure as it reads. */
  commonField(name: string, value: number | bigint): number | bigint;
  /** What is taken of a driver's write to a register of the common configuration structure; `undefined` drops it. */
  commonWrite(name: string, value: number | bigint): number | bigint | undefined;
  /** Whether a queue is served, as far as its own registers decide. */
  queueEnabled(enabled: boolean, queue: { readonly index: number; readonly descriptors: bigint }): boolean;
  /** What one access to the device configuration reads; `legacy`: by a legacy interface. */
  configAccess(
    value: number,
    access: { readonly offset: number; readonly width: number; readonly legacy: boolean },
  ): number;
  /** A field of the device configuration as it reads. */
  configField(name: string, value: number): number;
  /**
   * What is stored of a driver's write to the device configuration; `previous` refuses it. `written` is what the driver
   * wrote, also to a field that it may not change.
   */
  configWrite(name: string, value: number, previous: number, written: number): number;
  /** The ISR byte as it reads. */
  isr(value: number): number;
  /** A register of the legacy PCI header as it reads; `isr_status` is before it is cleared. */
  legacyRegister(name: string, value: number): number;
  /** What is taken of a driver's write to a register of the legacy PCI header; `undefined` drops it. */
  legacyWrite(name: string, value: number): number | undefined;
  /** Where the device configuration begins behind the legacy PCI header, in bytes. */
  legacyConfigOffset(offset: number, msixEnabled: boolean): number;
  /** A virtio-mmio register as it reads. */
  mmioRegister(name: string, value: number): number;
  /** What is taken of a driver's write to a virtio-mmio register; `undefined` drops it. Nothing is of one that is only read. */
  mmioWrite(name: string, value: number): number | undefined;
  /** Whether an access below the configuration of a virtio-mmio device is answered; `known`: there is a register. */
  mmioAccess(valid: boolean, width: number, known: boolean): boolean;
  /** Whether the interrupt line is asserted. */
  line(asserted: boolean): boolean;
  /** The offered feature bits. */
  offeredFeatures(offered: bigint): bigint;
  /** The feature bits that the legacy interface offers. */
  legacyFeatures(offered: bigint): bigint;
  /** Whether the driver is taken for a legacy one. */
  legacyDriver(legacy: boolean): boolean;
  /** The byte order of a structure shared with the driver. */
  byteOrder(order: ByteOrder, part: OrderedPart): ByteOrder;
  /** Where the parts of a queue lie in its contiguous block. */
  legacyLayout(layout: LegacyRingLayout, size: number): LegacyRingLayout;
  /** Whether FEATURES_OK sticks for these driver features. */
  featuresAccepted(accepted: boolean, features: bigint): boolean;
  /** Whether a driver's write to its features counts. */
  featureWriteCounts(counts: boolean): boolean;
  /** The device status as it reads. */
  shownStatus(status: number): number;
  /** The device status after a write. */
  statusWritten(next: number, written: number, previous: number): number;
  /** Whether a device reset sets this part back. */
  resets(part: ResetPart): boolean;
  /** Whether the device keeps a rule about suspension. */
  keepsSuspendRule(rule: SuspendRule): boolean;
  /** Whether a queue reset sets this part back. */
  queueResets(part: QueuePart, queue: number): boolean;
  /** Whether the device works on its queues, given that a conformant one would or would not. */
  live(live: boolean, status: number): boolean;
  /** Whether a buffer may still be returned: not after a reset of the device or its queue. */
  mayComplete(allowed: boolean): boolean;
  /** A notification of the driver as the device understands it. */
  notification(value: NotificationValue): NotificationValue;
  /** The ring that a kick makes the device look at, if any. */
  kickedRing(ring: Ring | undefined, queue: number): Ring | undefined;
  /** Called before a buffer is returned; a conformant device writes nothing more. */
  returning(reach: MemoryReach): void;

  /** Which ring features are followed, of those that were negotiated. */
  ringFeatures(features: RingFeatures): RingFeatures;
  chainRules(rules: ChainRules): ChainRules;
  /** Size and place of a ring that comes into use. */
  ringSetup(setup: RingSetup): RingSetup;
  /** A descriptor as it was read. */
  descriptor<T extends DescriptorFields>(descriptor: T, place: DescriptorPlace): T;
  /** `idx` of a split ring: the driver's as it was read, or the device's as it is stored. */
  ringIndex(index: number, side: 'available' | 'used', queue: number): number;
  /** Called when the driver has broken a rule; a conformant device then asks for a reset. */
  faulted(fault: Fault): void;
  /** The wrap counter of a packed ring with which the device reads or writes a descriptor. */
  wrapCounter(wrap: boolean, side: 'available' | 'used', queue: number): boolean;
  /** Flags of a used descriptor of a packed ring. */
  usedFlags(flags: number, context: UsedContext): number;
  /** How far the device moves on for a used element: ring entries of a split ring, descriptors of a packed one. */
  usedStep(step: number, context: UsedContext): number;
  /** How the driver asks for used buffer notifications, as the device reads it. */
  driverArea(area: EventArea, queue: number): EventArea;
  /** How the device asks for available buffer notifications; a split ring without EVENT_IDX has no `event`. */
  deviceArea(area: EventArea, queue: number): EventArea;
  /** What goes into the used ring for one used buffer; none swallows the completion, two return it twice. */
  usedElements(elements: readonly UsedElement[], context: UsedContext): readonly UsedElement[];
  /** Whether the driver is notified of a used buffer. */
  usedNotification(due: boolean, queue: number): boolean;
  /** Whether the driver is notified of a configuration change. */
  configNotification(due: boolean): boolean;

  /** How the device reads a request with so many device-readable bytes. */
  requestLayout(layout: TaskLayout, readable: number): TaskLayout;
  /** How much protection information a request carries, where it says so. */
  protectionSizes(sizes: ProtectionSizes): ProtectionSizes;
  /** Where a request goes. `resolve` tells where another `lun` would lead. */
  destination(
    destination: Destination,
    lun: Uint8Array,
    resolve: (lun: Uint8Array) => Destination,
  ): Destination;
  /** Whether a request may bring both buffers. */
  bothWays(allowed: boolean): boolean;
  /** Whether the buffers are too short for what the CDB asks for. */
  overrun(short: boolean, task: Task): boolean;
  /** Runs a command; not calling `run` keeps it from completing. */
  perform(call: CommandCall, run: () => CommandResult): CommandResult | undefined;
  /** Whether a command may be worked on now. `tasks`: all of its unit, itself among them, in order of arrival. */
  enabled(enabled: boolean, task: Task, tasks: readonly Task[]): boolean;
  /** Milliseconds before a command is worked on. */
  delay(milliseconds: number, task: Task): number;
  /** What a command ends in, before it is put into the response. */
  result(result: CommandResult, call: CommandCall): CommandResult;
  /** The block at which the medium is accessed. */
  mediumBlock(lba: bigint, access: 'read' | 'write'): bigint;
  /** The writable part of a request as it will be stored. */
  answer(answer: Answer, task: Task): Answer;
  /** Carries out a task management function and returns its response. */
  manage(run: () => number, call: ManagementCall): number;
  /** Whether a task management function is about a command. */
  selected(selected: boolean, task: Task, call: ManagementCall): boolean;
  /** Milliseconds by which a command that a function cancels is returned later than the function. */
  cancellationDelay(milliseconds: number, task: Task, call: ManagementCall): number;
  /** Whether a command has the tag that a task management function names. */
  tagMatches(matches: boolean, wanted: bigint, tag: bigint): boolean;
  /** The type of a control request as the device understands it. */
  controlType(type: number): number;
  /** A control request as the device understands it. */
  controlRequest(request: ControlRequest, chain: Chain): ControlRequest;
  /** What a control request is answered. */
  controlAnswer(answer: ControlAnswer, context: ControlContext): ControlAnswer;
  /** Whether an event is reported, as negotiated features, subscriptions and the type of its unit decide. */
  eventDue(due: boolean, event: EventRecord, unit: LogicalUnit): boolean;
  /** An event as it is about to be stored, EVENTS_MISSED included; `undefined` keeps it back. */
  event(record: EventRecord): EventRecord | undefined;
  /** Whether there is a loss of events to tell when the driver kicks the event queue. */
  lossToTell(lost: boolean): boolean;
}

/** The behaviour of a conformant device. */
export function conformantBehaviours(): Behaviours {
  return {
    pciHeader: (_name, value) => value,
    barKind: (kind) => kind,
    pciCapability: (_cfgType, _name, value) => value,
    msixCapability: (_name, value) => value,
    pciConfigRead: (_offset, _width, value) => value,
    pciConfigWrite: (_offset, _width, value) => value,
    pciCommand: (command) => command,
    windowAccess: (access) => access,
    msixMasked: (masked) => masked,
    msixVector: (vector) => vector,
    msixPending: (bits) => bits,
    commonField: (_name, value) => value,
    commonWrite: (_name, value) => value,
    queueEnabled: (enabled) => enabled,
    configAccess: (value) => value,
    configField: (_name, value) => value,
    configWrite: (_name, value) => value,
    isr: (value) => value,
    legacyRegister: (_name, value) => value,
    legacyWrite: (_name, value) => value,
    legacyConfigOffset: (offset) => offset,
    mmioRegister: (_name, value) => value,
    mmioWrite: (_name, value) => value,
    mmioAccess: (valid) => valid,
    line: (asserted) => asserted,
    offeredFeatures: (offered) => offered,
    legacyFeatures: (offered) => offered,
    legacyDriver: (legacy) => legacy,
    byteOrder: (order) => order,
    legacyLayout: (layout) => layout,
    featuresAccepted: (accepted) => accepted,
    featureWriteCounts: (counts) => counts,
    shownStatus: (status) => status,
    statusWritten: (next) => next,
    resets: () => true,
    keepsSuspendRule: () => true,
    queueResets: () => true,
    live: (live) => live,
    mayComplete: (allowed) => allowed,
    notification: (value) => value,
    kickedRing: (ring) => ring,
    returning: () => {},
    ringFeatures: (features) => features,
    chainRules: (rules) => rules,
    ringSetup: (setup) => setup,
    descriptor: (descriptor) => descriptor,
    ringIndex: (index) => index,
    faulted: () => {},
    wrapCounter: (wrap) => wrap,
    usedFlags: (flags) => flags,
    usedStep: (step) => step,
    driverArea: (area) => area,
    deviceArea: (area) => area,
    usedElements: (elements) => elements,
    usedNotification: (due) => due,
    configNotification: (due) => due,
    requestLayout: (layout) => layout,
    protectionSizes: (sizes) => sizes,
    destination: (destination) => destination,
    bothWays: (allowed) => allowed,
    overrun: (short) => short,
    perform: (_call, run) => run(),
    enabled: (enabled) => enabled,
    delay: (milliseconds) => milliseconds,
    result: (result) => result,
    mediumBlock: (lba) => lba,
    answer: (answer) => answer,
    manage: (run) => run(),
    selected: (selected) => selected,
    cancellationDelay: (milliseconds) => milliseconds,
    tagMatches: (matches) => matches,
    controlType: (type) => type,
    controlRequest: (request) => request,
    controlAnswer: (answer) => answer,
    eventDue: (due) => due,
    event: (record) => record,
    lossToTell: (lost) => lost,
  };
}
