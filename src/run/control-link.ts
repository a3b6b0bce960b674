/** The worker's line to the main thread for controls: a call that blocks until the answer is there. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { ControlLink, RunningDut } from '../duts/dut.js';
import type { Control, ControlCapability } from '../port/controls.js';
import { PortError } from '../port/errors.js';

/** What crosses the thread boundary. */
export interface ControlChannel {
  readonly port: MessagePort;
  /** One word: how many answers have been posted. */
  readonly answers: SharedArrayBuffer;
  readonly offered: readonly ControlCapability[];
}

/** Worker side. */
export function controlLink({ port, answers, offered }: ControlChannel): ControlLink {
  const count = new Int32Array(answers);
  return {
    offered: new Set(offered),
    call(control) {
      const before = Atomics.load(count, 0);
      port.postMessage(control);
      // The main thread always answers, if only because it killed the device.
      while (Atomics.load(count, 0) === before) Atomics.wait(count, 0, before, 1000);
      const answer = receiveMessageOnPort(port)?.message as { error?: string } | undefined;
      if (answer?.error !== undefined)
        throw new PortError('CONTROL_REFUSED', `control ${control.name}: ${answer.error}`);
    },
  };
}

/** Main side: carries calls out on the device and answers them. */
export function serveControls(
  { port, answers }: Pick<ControlChannel, 'port' | 'answers'>,
  dut: RunningDut,
): void {
  const count = new Int32Array(answers);
  port.on('message', (control: Control) => {
    dut
      .control(control)
      .then(
        () => ({}),
        (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
      )
      .then((answer) => {
        port.postMessage(answer);
        Atomics.add(count, 0, 1);
        Atomics.notify(count, 0);
      });
  });
  port.unref();
}
