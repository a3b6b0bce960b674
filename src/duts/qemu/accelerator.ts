/** Which of QEMU's accelerators to use. No guest code is run, so none of them makes anything faster. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * In order of preference. `tcg` is in nearly every build, needs nothing of the machine, and leaves QEMU's timers on the
 * clocks of production; under `qtest` the virtual clock stands still, `kvm` needs a device node.
 */
const PREFERENCE = ['tcg', 'qtest', 'kvm'] as const;
const LIMIT_MS = 10_000;

const detected = new Map<string, Promise<string>>();

/** The accelerator to use with `binary`. It is asked once. */
export function detectAccelerator(binary: string): Promise<string> {
  const known = detected.get(binary);
  if (known !== undefined) return known;
  const found = ask(binary);
  detected.set(binary, found);
  found.catch(() => detected.delete(binary));
  return found;
}

async function ask(binary: string): Promise<string> {
  const { stdout } = await promisify(execFile)(binary, ['-accel', 'help'], { timeout: LIMIT_MS });
  const offered = new Set(stdout.split('\n').map((line) => line.trim()));
  const chosen = PREFERENCE.find((name) => offered.has(name));
  if (chosen === undefined) {
    throw new Error(`${binary} offers none of the accelerators ${PREFERENCE.join(', ')}`);
  }
  return chosen;
}
