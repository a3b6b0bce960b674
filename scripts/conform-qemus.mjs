/**
 * Fetches each newer QEMU and runs the cases on it; arguments are those of `vscsi run`. Fails if one of them turns out
 * not conformant but for what is known of its version, or does not start. One that cannot be fetched is left out, and
 * said to be, unless VSCSI_NEWER_QEMUS=required.
 */
import { spawnSync } from 'node:child_process';
import { argv, env, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { GetQemuError, getQemu, NEWER_SUITES } from './get-qemu.mjs';

const VSCSI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const left = [];
const red = [];

for (const suite of NEWER_SUITES) {
  let program;
  try {
    program = await getQemu(suite, { log: (line) => console.error(line) });
  } catch (error) {
    if (!(error instanceof GetQemuError)) throw error;
    console.error(`qemu of ${suite} is left out: ${error.message}`);
    left.push(suite);
    continue;
  }
  const words = [VSCSI, 'run', '--dut', 'qemu', '--qemu', program, ...argv.slice(2)];
  const { status, error } = spawnSync(execPath, words, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) red.push(suite);
}

if (left.length > 0) console.log(`left out: ${left.join(', ')}`);
if (red.length > 0) console.log(`not conformant: ${red.join(', ')}`);
process.exitCode = red.length > 0 || (left.length > 0 && env.VSCSI_NEWER_QEMUS === 'required') ? 1 : 0;
