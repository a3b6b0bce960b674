/** What can be done to a device besides talking to it: hot-plug, media, faults, power. */

/** A control that an adapter may offer. */
export type ControlName = 'power-cycle' | 'hold' | 'release' | 'config-change';

/** What a control is told. */
export interface ControlArgument {
  /** The units concerned, e.g. those whose commands are to be held. */
  readonly units: readonly { readonly target: number; readonly unit: number }[];
}

/** The controls of one port. Each is optional; a case that needs a missing one is skipped as `no-control`. */
export interface Controls {
  readonly offered: ReadonlySet<ControlName>;
  /** Carries the control out and returns when it took effect; throws `PortError` CONTROL_REFUSED or `DutGoneError`. */
  invoke(name: ControlName, argument?: ControlArgument): void;
}
