/** Whether the device lives, and what its time is. */

/** Time and progress of the device under test. */
export interface Clock {
  /** Milliseconds on the device's clock: virtual on the model, wall clock elsewhere. */
  now(): number;
  /**
   * Lets the device go on while the driver waits. `round` counts the calls of one wait from 0, so that real devices
   * are first polled closely and then with pauses. On the model it moves virtual time to the next event.
   */
  relax(round: number): void;
}

/** Life of the device behind an open port. Starting and stopping belong to the adapter (`duts/`). */
export interface Lifecycle {
  /** False when the device is known to be gone. */
  alive(): boolean;
  /**
   * Returns when the device has nothing left to do for what it was given before the call. The model knows; elsewhere
   * every posted register write has been answered and the profile's settle time has passed.
   */
  settle(): void;
}
