/** Which of QEMU's accelerators to use. No guest code is run, so none of them makes anything faster. */
import { askBinary } from './ask.js';

/**
 * In order of preference. `tcg` is in nearly every build, needs nothing of the machine, and leaves QEMU's timers on the
 * clocks of production; under `qtest` the virtual clock stands still, `kvm` needs a device node.
 */
const PREFERENCE = ['tcg', 'qtest', 'kvm'] as const;

/** The accelerator to use with `binary`. */
export async function detectAccelerator(binary: string): Promise<string> {
  const answer = await askBinary(binary, '-accel', 'help');
  const offered = new Set(answer.split('\n').map((line) => line.trim()));
  const chosen = PREFERENCE.find((name) => offered.has(name));
  if (chosen === undefined) {
    throw new Error(`${binary} offers none of the accelerators ${PREFERENCE.join(', ')}`);
  }
  return chosen;
}
