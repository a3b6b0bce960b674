/**
 * Runs the cases on the vhost-scsi of a kernel, in the lab if this machine has none; arguments are those of
 * `vscsi run`. Fails if it turns out not conformant but for what is known of its version. Where the lab's kernel cannot
 * be fetched it is left out, and said to be, unless VSCSI_LAB=required.
 */
import { spawnSync } from 'node:child_process';
import { argv, env, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

const VSCSI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

function vscsi(...words) {
  const { status, error } = spawnSync(execPath, [VSCSI, ...words], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

let status = vscsi('lab', 'fetch');
if (status !== 0 && env.VSCSI_LAB !== 'required') {
  console.log('left out: vhost-scsi in the lab');
  status = 0;
} else if (status === 0) status = vscsi('run', '--dut', 'vhost-scsi', ...argv.slice(2));
process.exitCode = status;
