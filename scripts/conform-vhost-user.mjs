/**
 * Runs the cases on the model as a vhost-user back-end in another process, and behind QEMU's vhost-user-scsi-pci where
 * QEMU is installed; arguments are those of `vscsi run`. Every case that the model passes in this process has to pass
 * on the back-end, too, or be skipped because what it looks at lies above vhost: `no-layer`, and nothing else.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

const VSCSI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;
const SERVE = `${quoted(execPath)} ${quoted(VSCSI)} serve --socket {socket} --control {control}`;
const folder = mkdtempSync(join(tmpdir(), 'vscsi-conform-'));

/** Runs the cases on a device, and gives the exit code and the results. */
function run(name, ...device) {
  const report = join(folder, `${name}.json`);
  const words = [VSCSI, 'run', ...device, '--report', `json=${report}`, ...argv.slice(2)];
  const { status, error } = spawnSync(execPath, words, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return { status, cases: status === 3 ? [] : JSON.parse(readFileSync(report, 'utf8')).cases };
}

/** The id of a case without what it was expanded over: that depends on facts of the device. */
const baseOf = (id) => id.replace(/\[.*$/, '');

/** The cases that pass in this process and neither pass on the other device nor lie above it, with what became of them. */
function lost(here, there) {
  const seen = new Map(there.map((one) => [one.id, one]));
  const bases = new Map(there.map((one) => [baseOf(one.id), one]));
  return here
    .filter(({ verdict }) => verdict === 'pass')
    .flatMap(({ id }) => {
      const other = seen.get(id) ?? bases.get(baseOf(id));
      if (other === undefined) return [`${id}: not run`];
      if (other.verdict === 'pass' || other.skip?.kind === 'no-layer') return [];
      return [`${id}: ${other.verdict}${other.skip ? `, ${other.skip.kind}: ${other.skip.evidence}` : ''}`];
    });
}

try {
  const here = run('model', '--dut', 'model');
  const there = run('vhost-user', '--dut', 'vhost-user', '--backend', SERVE);
  const missing = lost(here.cases, there.cases);
  for (const one of missing) console.log(`passed by the model, and not behind vhost-user: ${one}`);
  const qemu = spawnSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' });
  let behind = 0;
  if (qemu.error === undefined) behind = run('qemu', '--dut', 'qemu', '--backend', SERVE).status;
  else console.log('left out: QEMU in front of the back-end, which is not installed');
  process.exitCode = here.status || there.status || behind || (missing.length > 0 ? 1 : 0);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
