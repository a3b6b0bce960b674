/**
 * Runs the cases on the model as a PCI function behind vfio-user, in another process, by both interfaces of PCI;
 * arguments are those of `vscsi run`. Each case has to come out as it does on the model in this process, mode by mode.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

const VSCSI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vscsi-conform-'));
const profile = join(folder, 'vfio-user.yaml');
const words = ['serve', '--vfio-user', '{socket}', '--control', '{control}', '--transport', '{transport}'];
writeFileSync(
  profile,
  JSON.stringify({
    dut: 'vfio-user',
    backend: [execPath, VSCSI, ...words],
    msix_masks: true,
    intx_status: true,
  }),
);

/** Runs the cases on a device, and gives the exit code and what became of them. */
function run(name, dut) {
  const report = join(folder, `${name}.json`);
  const asked = ['run', '--dut', dut, '--seed', '1', '--modes', 'pci*', '--report', `json=${report}`];
  const { status, error } = spawnSync(execPath, [VSCSI, ...asked, ...argv.slice(2)], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return { status, cases: status === 3 ? [] : JSON.parse(readFileSync(report, 'utf8')).cases };
}

const outcome = ({ verdict, skip }) =>
  skip === undefined ? verdict : `${verdict}, ${skip.kind}: ${skip.evidence}`;

try {
  const here = run('model', 'model');
  const there = run('vfio-user', profile);
  const seen = new Map(there.cases.map((one) => [`${one.id} in ${one.mode}`, one]));
  const other = here.cases.flatMap((one) => {
    const name = `${one.id} in ${one.mode}`;
    const found = seen.get(name);
    seen.delete(name);
    if (found !== undefined && outcome(found) === outcome(one)) return [];
    return [`${name}: ${outcome(one)} on the model, ${found ? outcome(found) : 'not run'} behind vfio-user`];
  });
  // The model has virtio-mmio too, so what needs it is left to modes that this run did not ask for; here it has none.
  for (const [name, { skip }] of seen)
    if (skip?.kind !== 'no-layer') other.push(`${name}: not run on the model, but behind vfio-user`);
  if (here.cases.every(({ verdict }) => verdict === 'skip'))
    other.push('nothing was carried out on the model');
  for (const one of other) console.log(one);
  process.exitCode = here.status || there.status || (other.length > 0 ? 1 : 0);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
