/** `benchDevice` on a device that only the lab has. */
import { type DutAdapter, DutSetupError } from '../duts/dut.js';
import { ensureKernel } from '../lab/kernel.js';
import { LabError } from '../lab/lab-error.js';
import { ensureNode } from '../lab/program-files.js';
import type { DeviceFigures } from './bench-device.js';
import type { LabBenchAnswer, LabBenchJob } from './lab-bench.js';
import { bootProgram, describeEnd } from './lab-boot.js';

export interface BenchInLabOptions extends Omit<LabBenchJob, 'kind'> {
  readonly adapter: DutAdapter;
  /** What is fetched, if anything, and why it takes its time. */
  readonly log: (line: string) => void;
  readonly interrupt: AbortSignal;
}

/** A lab that has said nothing for so long says nothing any more; one block of its slowest loop takes seconds. */
const SILENT_MS = 180_000;

/** Boots a lab and measures there. Throws DutSetupError where there is none, or nothing was measured. */
export async function benchInLab(options: BenchInLabOptions): Promise<DeviceFigures> {
  try {
    return await measured(options);
  } catch (error) {
    if (error instanceof LabError) throw new DutSetupError(error.message, error.remedy, { cause: error });
    throw error;
  }
}

async function measured({ adapter, log, interrupt, ...job }: BenchInLabOptions): Promise<DeviceFigures> {
  const around = {
    kernel: await ensureKernel({ log, signal: interrupt }),
    node: await ensureNode(log),
    needs: adapter.lab ?? { modules: [] },
    shares: [],
  };
  log(
    'measuring in the lab: instructions are translated there, which costs the harness more than its raw loop',
  );
  const lab = await bootProgram<LabBenchJob>('lab-bench', { kind: adapter.name, ...job }, around);
  let said = '';
  let complaints = '';
  let stopped: 'silent' | undefined;
  const watch = setTimeout(() => {
    stopped = 'silent';
    lab.kill();
  }, SILENT_MS);
  lab.out.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    watch.refresh();
  });
  lab.err.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  interrupt.addEventListener('abort', lab.kill, { once: true });
  if (interrupt.aborted) lab.kill();
  const { status, log: end } = await lab.ended;
  clearTimeout(watch);
  interrupt.removeEventListener('abort', lab.kill);
  if (interrupt.aborted) throw new DutSetupError('interrupted');
  if (stopped !== undefined || status !== 0)
    throw new DutSetupError(describeEnd({ stopped, status, log: end, complaints }));
  const answer = answerIn(said);
  if ('failure' in answer) throw new DutSetupError(answer.failure.message, answer.failure.remedy);
  return answer.figures;
}

/** Throws DutSetupError where the lab ended well and left no figures. */
function answerIn(said: string): LabBenchAnswer {
  try {
    return JSON.parse(said) as LabBenchAnswer;
  } catch (error) {
    throw new DutSetupError(
      `what the lab said is no figures: ${said.trim().slice(0, 200) || 'nothing'}`,
      undefined,
      {
        cause: error,
      },
    );
  }
}
