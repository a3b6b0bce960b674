/** `vscsi doctor`: which devices can be tested here, and what is missing for the others. */
import type { DutAdapter, Obstacle } from '../duts/dut.js';
import { ADAPTERS } from '../duts/registry.js';
import { hasKernel } from '../lab/kernel.js';
import { labObstacle } from '../lab/lab.js';
import { aptObstacle } from '../lab/private-apt.js';
import { Colour, paint, type TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { SUITE_VERSION } from '../run/package-info.js';
import { hasLibc } from '../sys/libc.js';
import { deviceOf } from './devices.js';

/** What doctor looks at. */
export interface DoctorSurroundings {
  /** Device kinds, in the order of the rows. */
  readonly kinds: readonly string[];
  /** The device that a name means, as `--dut` takes it. */
  adapterOf(name: string): DutAdapter;
  /** Whether there is a lab for devices that this machine lacks. */
  lab(): Facts;
  /** Whether native calls work. */
  readonly hasLibc: boolean;
}

/** Whether something can be used, and what there is to say of it. */
interface Facts {
  readonly usable: boolean;
  readonly text: string;
}

/** This machine. */
function here(options: { readonly qemu?: string }): DoctorSurroundings {
  return {
    kinds: Object.keys(ADAPTERS),
    adapterOf: (name) => deviceOf(name, { mmap: hasLibc(), ...(name === 'qemu' && options) }, 1).adapter,
    lab: labFacts,
    hasLibc: hasLibc(),
  };
}

/** Resolves to 0 if at least the model can be tested, else to the code of a device that cannot be set up. */
export async function doctorCommand(
  options: { readonly qemu?: string },
  out: TextSink,
  around: DoctorSurroundings = here(options),
): Promise<number> {
  const line = (text: string) => out.write(`${text}\n`);
  line(`vscsi ${SUITE_VERSION}, Node.js ${process.version}, ${process.platform} ${process.arch}`);
  if (!around.hasLibc) {
    line('koffi is missing: guest memory is copied instead of mapped, which is slower');
    line('  npm install koffi');
  }
  let modelUsable = false;
  const row = (name: string, { usable, text }: Facts) =>
    line(
      `${usable ? paint(out, Colour.GREEN, 'ok     ') : paint(out, Colour.RED, 'missing')} ${name}${text}`,
    );
  for (const kind of around.kinds) {
    const adapter = around.adapterOf(kind);
    const facts = await factsOf(adapter, around);
    if (kind === 'model') modelUsable = facts.usable;
    row(kind, facts);
    for (const place of adapter.places?.() ?? []) {
      const name = `${kind}:${place}`;
      row(name, placeFacts(await around.adapterOf(name).obstacles()));
    }
  }
  return modelUsable ? ExitCode.CONFORMANT : ExitCode.DUT_SETUP;
}

/** A kind of device. One that needs more than its name is taken to be usable where this machine lacks nothing. */
async function factsOf(adapter: DutAdapter, { lab }: DoctorSurroundings): Promise<Facts> {
  const obstacles = await adapter.obstacles();
  if (obstacles.length === 0) return tryOut(adapter);
  const inLab = adapter.lab === undefined ? undefined : lab();
  if (inLab?.usable) return { usable: true, text: `: ${inLab.text}` };
  const facts = placeFacts(obstacles);
  return facts.usable || inLab === undefined
    ? facts
    : { usable: false, text: `\n    ${inLab.text}${facts.text}` };
}

/** A device that is not tried out: somebody may depend on it. */
function placeFacts(obstacles: readonly Obstacle[]): Facts {
  const missing = obstacles.filter(({ choice }) => !choice);
  if (missing.length > 0)
    return {
      usable: false,
      text: missing.map(({ what, remedy }) => `\n    ${what}\n      ${remedy}`).join(''),
    };
  const [choice] = obstacles;
  return { usable: true, text: choice === undefined ? '' : `: ${choice.remedy}` };
}

/** Whether a device that this machine lacks can be had in the lab. */
function labFacts(): Facts {
  const obstacle = labObstacle() ?? (hasKernel() ? undefined : aptObstacle());
  if (obstacle)
    return { usable: false, text: `there is no lab: ${obstacle.message}\n      ${obstacle.remedy}` };
  const text = hasKernel() ? 'in the lab' : 'in the lab, whose kernel is fetched when it is first used';
  return { usable: true, text };
}

/** Starts a device and stops it again: nothing says more about whether it can be done. */
async function tryOut(adapter: DutAdapter): Promise<Facts> {
  try {
    const dut = await adapter.start();
    await dut.stop();
    const { version, details } = dut.identity;
    const shown = ['binary', 'accelerator', 'machine', 'memory'].flatMap((key) =>
      details[key] === undefined ? [] : [`${key} ${details[key]}`],
    );
    return { usable: true, text: `: ${[`version ${version}`, ...shown].join(', ')}` };
  } catch (error) {
    const { message, remedy } = error as Error & { remedy?: string };
    return { usable: false, text: `\n    ${message}${remedy === undefined ? '' : `\n      ${remedy}`}` };
  }
}
