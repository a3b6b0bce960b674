/**
 * What an adapter for one kind of device under test provides. It has two halves: the adapter proper runs in the main
 * thread, starts the device and watches it; `openPort` runs in the worker thread that holds the harness.
 */
import type { LabMachine } from '../lab/lab.js';
import type { Control, ControlCapability } from '../port/controls.js';
import type { Port } from '../port/port.js';
import type { TransportName } from '../port/transport-name.js';

/** A logical unit that the device is known to have. */
export interface UnitProfile {
  readonly target: number;
  readonly unit: number;
  /** Peripheral device type, by its role word. */
  readonly kind: 'disk' | 'cdrom' | 'tape';
  /** Lent to the suite for writing; the unit is recognised by this serial number (VPD page 80h) before any write. */
  readonly scratchSerial?: string;
}

/** Facts that are declared about a device, as opposed to those that the suite probes. */
export interface DutProfile {
  readonly units: readonly UnitProfile[];
  /** Nobody has declared the units: those are meant that are found. */
  readonly scan?: boolean;
  /** Address on which no target answers, if known. */
  readonly freeTarget?: number;
  /** A unit number that is missing on an existing target, if known. */
  readonly freeUnit?: { readonly target: number; readonly unit: number };
  /** DMA to addresses outside the lent memory cannot harm anything: hostile addresses may be used. */
  readonly dmaContained: boolean;
  /** Milliseconds after which a device that was given nothing new is taken to be at rest. 0 on the model. */
  readonly settleMs: number;
}

/** Name and version of what was tested, for reports and lists of known deviations. */
export interface DutIdentity {
  /** Family of the device, e.g. `qemu`: the name of its list of known deviations. */
  readonly name: string;
  /** Version as the device itself states it, e.g. `7.2.22`. */
  readonly version: string;
  /** What else describes it: binary, accelerator, machine, command line. */
  readonly details: Readonly<Record<string, string>>;
}

/** How a device ended. */
export interface DutExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last bytes (at most 64 KiB) that it wrote to standard error. */
  readonly stderr: string;
}

/** A started device. */
export interface RunningDut {
  readonly identity: DutIdentity;
  readonly profile: DutProfile;
  /** What `openPort` of the same kind needs; crosses the thread boundary by structured clone. */
  readonly attach: unknown;
  /** Resolves when the device has ended, for whatever reason. Never for a device that lives in the worker. */
  readonly exited: Promise<DutExit>;
  /** Process id, where the device is a process. */
  readonly pid?: number;
  /** Descriptor of the file that gathers its standard error. Any thread may read it, by position. */
  readonly log?: number;
  /** What `control` can do; a device that lives in the worker has controls of its own there. */
  readonly controls: readonly ControlCapability[];
  /** Carries out a control on behalf of the worker. */
  control(control: Control): Promise<void>;
  /** Ends the device at once; also the way to unblock a worker that waits for it. */
  kill(): void;
  /** Ends the device and releases everything that belonged to it. */
  stop(): Promise<void>;
}

/** What hinders a device kind from running here; empty when nothing does. */
export interface Obstacle {
  readonly what: string;
  readonly remedy: string;
  /** Nothing is amiss with this machine: the user has to say more, and the remedy is how. */
  readonly choice?: true;
}

/** How a device that a kernel offers can be had in the lab, whose kernel and machine are known. */
export interface LabNeeds {
  /** Modules that make the device, with their arguments. */
  readonly modules: readonly string[];
  /** Family of the device there, as the list of its known deviations is called; left out for the adapter's. */
  readonly family?: string;
  /** Prepares the machine of one boot; left out where the kernel alone makes the device. Throws `DutSetupError`. */
  machine?(): Promise<PreparedMachine>;
}

/** A machine that has the device. */
export interface PreparedMachine extends LabMachine {
  /** Options of the device kind that hold there, by the kind's key in `DutOptions`. */
  readonly device: Readonly<Record<string, unknown>>;
  /** Closes what the machine has inherited by then. */
  close(): void;
}

/** The main-thread half of a device kind. */
export interface DutAdapter {
  readonly name: string;
  /** What is missing on this machine. */
  obstacles(): Promise<readonly Obstacle[]>;
  /** The ways in which the device can be reached, the usual one first. */
  readonly transports: readonly TransportName[];
  /** Places of such devices that this machine is known to have, as `--dut KIND:PLACE` names them. */
  places?(): readonly string[];
  /** There is one of it, which several starts cannot share. */
  readonly single?: boolean;
  /**
   * Each start makes all that it uses, in processes of its own and of nothing that is the user's: two at the same time
   * take half as long, and do not disturb each other.
   */
  readonly selfContained?: boolean;
  /** Where this machine has no such device, the lab may have it. */
  readonly lab?: LabNeeds;
  /** Starts a fresh device to be driven by one of `transports`, the first if left out; throws `DutSetupError`. */
  start(transport?: TransportName): Promise<RunningDut>;
}

/** The worker's line to the main thread, for controls. Blocks until the control has been carried out. */
export interface ControlLink {
  readonly offered: ReadonlySet<ControlCapability>;
  call(control: Control): void;
}

/** A line at whose other end nobody is. */
export const NO_CONTROLS: ControlLink = { offered: new Set(), call: () => {} };

/** The worker-thread half of a device kind. */
export type OpenPort<A> = (attach: A, link: ControlLink) => Port;

/** A device could not be started. Exit code 3. */
export class DutSetupError extends Error {
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DutSetupError';
    this.remedy = remedy;
  }
}
