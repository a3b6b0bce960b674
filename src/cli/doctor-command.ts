/** `vscsi doctor`: which devices can be tested here, and what is missing for the others. */
import { ADAPTERS } from '../duts/registry.js';
import { hasKernel } from '../lab/kernel.js';
import { labObstacle } from '../lab/lab.js';
import { aptObstacle } from '../lab/private-apt.js';
import { Colour, paint, type TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { SUITE_VERSION } from '../run/package-info.js';
import { hasLibc } from '../sys/libc.js';
import { deviceOf } from './devices.js';

/** Resolves to 0 if at least the model can be tested, else to the code of a device that cannot be set up. */
export async function doctorCommand(options: { readonly qemu?: string }, out: TextSink): Promise<number> {
  const line = (text: string) => out.write(`${text}\n`);
  line(`vscsi ${SUITE_VERSION}, Node.js ${process.version}, ${process.platform} ${process.arch}`);
  if (!hasLibc()) {
    line('koffi is missing: guest memory is copied instead of mapped, which is slower');
    line('  npm install koffi');
  }
  const usable: string[] = [];
  for (const kind of Object.keys(ADAPTERS)) {
    const { adapter } = deviceOf(kind, { mmap: hasLibc(), ...(kind === 'qemu' && options) }, 1);
    const obstacles = await adapter.obstacles();
    if (obstacles.length === 0) {
      const facts = await tryOut(kind, options);
      if (facts.usable) usable.push(kind);
      line(`${mark(out, facts.usable)} ${kind}: ${facts.text}`);
      continue;
    }
    const inLab = adapter.lab === undefined ? undefined : labFacts();
    if (inLab?.usable) {
      usable.push(kind);
      line(`${mark(out, true)} ${kind}: ${inLab.text}`);
      continue;
    }
    line(`${mark(out, false)} ${kind}`);
    if (inLab) line(`    ${inLab.text}`);
    for (const { what, remedy } of obstacles) {
      line(`    ${what}`);
      line(`      ${remedy}`);
    }
  }
  return usable.includes('model') ? ExitCode.CONFORMANT : ExitCode.DUT_SETUP;
}

/** Whether a device that this machine lacks can be had in the lab. */
function labFacts(): { readonly usable: boolean; readonly text: string } {
  const obstacle = labObstacle() ?? (hasKernel() ? undefined : aptObstacle());
  if (obstacle)
    return { usable: false, text: `there is no lab: ${obstacle.message}\n      ${obstacle.remedy}` };
  const text = hasKernel() ? 'in the lab' : 'in the lab, whose kernel is fetched when it is first used';
  return { usable: true, text };
}

/** Starts a device and stops it again: nothing says more about whether it can be done. */
async function tryOut(
  kind: string,
  options: { readonly qemu?: string },
): Promise<{ readonly usable: boolean; readonly text: string }> {
  const { adapter } = deviceOf(kind, { mmap: hasLibc(), ...(kind === 'qemu' && options) }, 1);
  try {
    const dut = await adapter.start();
    await dut.stop();
    const { version, details } = dut.identity;
    const shown = ['binary', 'accelerator', 'machine', 'memory'].flatMap((key) =>
      details[key] === undefined ? [] : [`${key} ${details[key]}`],
    );
    return { usable: true, text: [`version ${version}`, ...shown].join(', ') };
  } catch (error) {
    const { message, remedy } = error as Error & { remedy?: string };
    return { usable: false, text: `${message}${remedy === undefined ? '' : `\n      ${remedy}`}` };
  }
}

function mark(out: TextSink, usable: boolean): string {
  return usable ? paint(out, Colour.GREEN, 'ok     ') : paint(out, Colour.RED, 'missing');
}
