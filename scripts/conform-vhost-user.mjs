/**
 * Runs the cases on the model as a vhost-user back-end in another process, and behind QEMU's vhost-user-scsi-pci where
 * QEMU is installed; arguments are those of `vscsi run`. Every case that the model passes in this process has to pass
 * there, too, or be skipped for a layer, feature or control that is not there.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

const VSCSI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;
const SERVE = `${quoted(execPath)} ${quoted(VSCSI)} serve --socket {socket}`;
const REASONS = new Set(['no-layer', 'no-control', 'not-offered', 'excluded-mode', 'known-fatal']);
const folder = mkdtempSync(join(tmpdir(), 'vscsi-conform-'));

/** Runs the cases on a device, and gives the exit code and the results. */
function run(name, ...device) {
  const report = join(folder, `${name}.json`);
  const words = [VSCSI, 'run', ...device, '--report', `json=${report}`, ...argv.slice(2)];
  const { status, error } = spawnSync(execPath, words, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return { status, cases: status === 3 ? [] : JSON.parse(readFileSync(report, 'utf8')).cases };
}

/** The cases that pass in this process and have neither passed nor a reason on the other device, by their ids. */
function missing(here, there) {
  const seen = new Map(there.map((one) => [one.id, one]));
  const passed = new Set(here.filter(({ verdict }) => verdict === 'pass').map(({ id }) => id));
  return [...passed].filter((id) => {
    const other = seen.get(id);
    // What is expanded over facts of the device has other ids on another; the reason is then that of the base.
    if (other === undefined) return false;
    // A note says which of several permitted ways was seen: it may depend on who comes first.
    if (other.verdict === 'note') return false;
    return other.verdict !== 'pass' && !(other.verdict === 'skip' && REASONS.has(other.skip.kind));
  });
}

try {
  const here = run('model', '--dut', 'model');
  const there = run('vhost-user', '--dut', 'vhost-user', '--backend', SERVE);
  const lost = missing(here.cases, there.cases);
  if (lost.length > 0) console.log(`passed by the model, and not behind vhost-user: ${lost.join(', ')}`);
  const qemu = spawnSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' });
  let behind = 0;
  if (qemu.error === undefined) behind = run('qemu', '--dut', 'qemu', '--backend', SERVE).status;
  else console.log('left out: QEMU in front of the back-end, which is not installed');
  process.exitCode = here.status || there.status || behind || (lost.length > 0 ? 1 : 0);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
