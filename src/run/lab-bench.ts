/** The program in the lab that measures a device there: its figures go to standard output, behind signs of life. */
import { readFileSync, writeSync } from 'node:fs';
import { deserialize } from 'node:v8';
import type { CaseFile } from '../cases/types.js';
import { DutSetupError } from '../duts/dut.js';
import { ADAPTERS, type DutOptions } from '../duts/registry.js';
import { type BenchExtent, benchDevice, type DeviceFigures } from './bench-device.js';
import { JOB_FILE, type LabFailure } from './lab-job.js';

/** What is to be measured. */
export interface LabBenchJob {
  readonly kind: string;
  readonly device: DutOptions;
  readonly files: readonly CaseFile[];
  readonly extent: BenchExtent;
}

/** What is printed, as JSON. */
export type LabBenchAnswer = { readonly figures: DeviceFigures } | { readonly failure: LabFailure };

/** White space before the JSON. */
const SIGN_OF_LIFE = '\n';
const SIGN_INTERVAL_MS = 5000;

let lastSign = 0;
/** The console of the lab is slow: one sign now and then is enough. */
function alive(): void {
  const now = performance.now();
  if (now - lastSign < SIGN_INTERVAL_MS) return;
  lastSign = now;
  // At once, as nothing else gets a turn while something is measured.
  writeSync(1, SIGN_OF_LIFE);
}

async function measure({ kind, device, files, extent }: LabBenchJob): Promise<LabBenchAnswer> {
  const adapter = ADAPTERS[kind]?.(device);
  if (adapter === undefined) throw new Error(`no device kind ${kind}`);
  try {
    return { figures: await benchDevice(adapter, files, extent, alive) };
  } catch (error) {
    if (!(error instanceof DutSetupError)) throw error;
    const { message, remedy } = error;
    return { failure: { message, ...(remedy !== undefined && { remedy }) } };
  }
}

const answer = await measure(deserialize(readFileSync(JOB_FILE)) as LabBenchJob);
process.stdout.write(JSON.stringify(answer));
