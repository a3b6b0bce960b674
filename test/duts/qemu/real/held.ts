/** The device that a test has started, with its port: both end with the test. */
import { afterEach } from 'vitest';
import type { ControlLink, RunningDut } from '../../../../src/duts/dut.js';
import type { Port } from '../../../../src/port/port.js';

let running: RunningDut | undefined;
let opened: Port | undefined;
afterEach(async () => {
  opened?.close();
  await running?.stop();
  running = undefined;
  opened = undefined;
});

/** Has a device stopped after the test. */
export function held<D extends RunningDut>(dut: D): D {
  running = dut;
  return dut;
}

/** Has a port closed after the test, before its device is stopped. */
export function heldPort(port: Port): Port {
  opened = port;
  return port;
}

export const noLink: ControlLink = {
  offered: new Set(),
  call() {
    throw new Error('this test has no second thread');
  },
};
