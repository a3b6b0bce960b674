/**
 * Runs the cases on a virtio-scsi function of QEMU in the lab, and on the same QEMU over qtest, and compares: whatever
 * both carry out must have the same verdict, and there must be something that they do. The first argument is the way to the function: `vfio`, by which the lab's
 * kernel hands it out behind an IOMMU, or `pci`, without one. The others are those of `vscsi run`. Fails if a verdict
 * differs, or one of the two is not conformant but for what is known of its version. Where the lab's kernel cannot be
 * fetched it is left out, and said to be, unless VSCSI_LAB=required.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';

const VSCSI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
/** Over qtest the controller gets what the lab's has: behind the IOMMU a feature more, without it the legacy interface. */
const SAME_CONTROLLER = {
  vfio: ['--device-prop', 'iommu_platform=on'],
  pci: ['--device-prop', 'disable-legacy=off'],
};

/** The interfaces that both have: QEMU starts no transitional function that asks for an IOMMU. */
const SAME_MODES = { vfio: ['--modes', 'pci.split,pci.packed'], pci: [] };

const [way, ...told] = argv.slice(2);
if (!Object.hasOwn(SAME_CONTROLLER, way ?? ''))
  throw new Error(`the way is ${Object.keys(SAME_CONTROLLER).join(' or ')}`);

const words = [...(told.includes('--modes') ? [] : SAME_MODES[way]), ...told];

function vscsi(...words) {
  const { status, error } = spawnSync(execPath, [VSCSI, ...words], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** The results in a file, by case and mode. */
function results(file) {
  const { cases } = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(cases.map((result) => [`${result.id} in ${result.mode}`, result]));
}

/** Prints what differs; whether anything does that both have carried out, or there is no such thing. */
function differ(one, other) {
  const skipped = new Map();
  let same = 0;
  let different = 0;
  let alone = [...other.keys()].filter((key) => !one.has(key)).length;
  for (const [key, { verdict, skip }] of one) {
    const there = other.get(key)?.verdict;
    if (there === undefined) alone++;
    else if (there === verdict) {
      if (verdict !== 'skip') same++;
    } else if (verdict === 'skip' || there === 'skip') {
      const why = skip?.evidence ?? other.get(key).skip.evidence;
      skipped.set(why, (skipped.get(why) ?? 0) + 1);
    } else {
      different++;
      console.log(`  ${key}: ${verdict} by ${way}, ${there} over qtest`);
    }
  }
  console.log(`${way} and qtest: ${same} cases with the same verdict, ${different} with another`);
  for (const [why, count] of skipped) console.log(`  carried out by one of them only: ${count}, ${why}`);
  if (alone > 0) console.log(`  planned by one of them only: ${alone}`);
  if (same + different === 0) console.log('  nothing was carried out by both');
  return different > 0 || same === 0;
}

function compare() {
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-conform-'));
  try {
    const run = (name, ...device) =>
      vscsi('run', ...device, ...words, '--report', `json=${join(folder, name)}`);
    const status = run('lab', '--dut', way) || run('qtest', '--dut', 'qemu', ...SAME_CONTROLLER[way]);
    if (status !== 0) return status;
    return differ(results(join(folder, 'lab')), results(join(folder, 'qtest'))) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let status = vscsi('lab', 'fetch');
if (status !== 0 && env.VSCSI_LAB !== 'required') {
  console.log(`left out: ${way} in the lab`);
  status = 0;
} else if (status === 0) status = compare();
process.exitCode = status;
