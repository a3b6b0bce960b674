/**
 * What can be done to a device besides talking to it: hot-plug, media, faults, power.
 *
 * A control is a plain value with a name, so that it crosses threads and processes unchanged. Each is optional: an
 * adapter says by capabilities which it can carry out, and cases name those in `needs`.
 */

/** A logical unit by its address. */
export interface UnitAddress {
  /** 0 to 255. */
  readonly target: number;
  /** 0 to 16383. */
  readonly unit: number;
}

/** What a unit that is plugged is to be. */
export interface NewUnit {
  readonly kind: 'disk' | 'cdrom';
  readonly blocks: number;
  /** Bytes of a block. */
  readonly blockSize: number;
}

/** Which accesses to the medium a fault concerns. */
export const FAULT_ACCESSES = ['read', 'write'] as const;
/**
 * How an access fails: `medium` by CHECK CONDITION, the others by the response of that name ("Device Operation:
 * Request Queues"), `busy` also by the status BUSY or TASK SET FULL. With `deferred` a write that is cached ends well, and
 * what became of it is told with a later command.
 */
export const FAULT_ERRORS = ['medium', 'deferred', 'transport', 'target', 'nexus', 'busy'] as const;
export type FaultError = (typeof FAULT_ERRORS)[number];

/** What is in a drive: the medium that it had from the start, another of other size. */
export const MEDIA = ['usual', 'other'] as const;

/**
 * One control. Any of them has happened when it returns; what the device tells the driver about it may still be under
 * way.
 */
export type Control =
  /**
   * Commands of these units stay in flight: those that read or write the medium for certain, others perhaps. Resets
   * and task management functions work on what is held.
   */
  | { readonly name: 'hold'; readonly units: readonly UnitAddress[] }
  /** What was held goes on. */
  | { readonly name: 'release'; readonly units: readonly UnitAddress[] }
  /** A unit appears: a new one, or without `fresh` the one that was unplugged from this address. */
  | { readonly name: 'plug'; readonly at: UnitAddress; readonly fresh?: NewUnit }
  | { readonly name: 'unplug'; readonly at: UnitAddress }
  /** The medium leaves its drive, the tray stays open. */
  | { readonly name: 'eject'; readonly at: UnitAddress }
  /** A medium takes the place of what the drive has, and the tray is closed. */
  | { readonly name: 'insert'; readonly at: UnitAddress; readonly medium: (typeof MEDIA)[number] }
  /** The unit has this many blocks from now on. */
  | { readonly name: 'resize'; readonly at: UnitAddress; readonly blocks: number }
  /** Every access of this kind fails until `clear`. */
  | {
      readonly name: 'fault';
      readonly at: UnitAddress;
      readonly on: (typeof FAULT_ACCESSES)[number];
      readonly error: FaultError;
    }
  /** The unit has no fault any more. */
  | { readonly name: 'clear'; readonly at: UnitAddress }
  /** The unit is reset by other means than the driver's. */
  | { readonly name: 'reset-unit'; readonly at: UnitAddress }
  /** The device configuration changes, as a device may do by itself. */
  | { readonly name: 'config-change' }
  /** Registers, queues and units are as new. Which units there are, and how large, stays; nothing is held any more. */
  | { readonly name: 'power-cycle' };

export type ControlName = Control['name'];

/** What an adapter may be able to do; the words by which cases ask for it. */
export const CONTROL_CAPABILITIES = [
  'hold',
  'plug',
  // A unit on a target that has none.
  'plug-target',
  // A unit that is a CD-ROM drive.
  'plug-cdrom',
  'media',
  'resize',
  'fault',
  'deferred-fault',
  'transport-fault',
  'target-fault',
  'nexus-fault',
  'busy-fault',
  'reset-unit',
  'config-change',
  'power-cycle',
] as const;
export type ControlCapability = (typeof CONTROL_CAPABILITIES)[number];

/** The capability behind each kind of fault. */
export const FAULT_CAPABILITIES: Readonly<Record<FaultError, ControlCapability>> = {
  medium: 'fault',
  deferred: 'deferred-fault',
  transport: 'transport-fault',
  target: 'target-fault',
  nexus: 'nexus-fault',
  busy: 'busy-fault',
};

/** Names of controls, and the capability that each takes; whoever has any fault can clear it. */
export const CONTROL_NAMES: Readonly<Record<ControlName, ControlCapability>> = {
  hold: 'hold',
  release: 'hold',
  plug: 'plug',
  unplug: 'plug',
  eject: 'media',
  insert: 'media',
  resize: 'resize',
  fault: 'fault',
  clear: 'fault',
  'reset-unit': 'reset-unit',
  'config-change': 'config-change',
  'power-cycle': 'power-cycle',
};

/** The capability that a control takes; undefined for one that only ends what another began. */
export function capabilityFor(control: Control): ControlCapability | undefined {
  if (control.name === 'clear' || control.name === 'release') return undefined;
  return control.name === 'fault' ? FAULT_CAPABILITIES[control.error] : CONTROL_NAMES[control.name];
}

/** The controls of one port. A case that needs a missing capability is skipped as `no-control`. */
export interface Controls {
  readonly offered: ReadonlySet<ControlCapability>;
  /** Carries the control out and returns when it took effect; throws `PortError` CONTROL_REFUSED or `DutGoneError`. */
  invoke(control: Control): void;
}
