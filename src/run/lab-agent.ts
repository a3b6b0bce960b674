/** The program in the lab: runs cases on a device that is there, and tells the run outside what it finds. */
import { createReadStream, openSync, readFileSync, writeSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { DutSetupError } from '../duts/dut.js';
import { ADAPTERS } from '../duts/registry.js';
import { frame } from '../sys/frames.js';
import { superviseAll } from './all-transports.js';
import { heldBack } from './known.js';
import {
  AGENT_PORT,
  ALIVE_MS,
  BEACON_PORT,
  JOB_FILE,
  type LabFailure,
  type LabJob,
  type LabMessage,
} from './lab-job.js';
import { WorkerPool } from './worker-pool.js';

const line = openSync(AGENT_PORT, 'r+');

function say(message: LabMessage): void {
  const bytes = frame(message);
  for (let done = 0; done < bytes.length; ) done += writeSync(line, bytes, done);
}

function failureOf({ message, remedy }: DutSetupError): LabFailure {
  return { message, ...(remedy !== undefined && { remedy }) };
}

async function main(): Promise<void> {
  const job = deserialize(readFileSync(JOB_FILE)) as LabJob;
  const adapter = ADAPTERS[job.kind]?.(job.device);
  if (adapter === undefined) throw new Error(`no device kind ${job.kind}`);
  const interrupt = new AbortController();
  // Whatever comes from outside means the end.
  createReadStream('', { fd: line, autoClose: false }).on('data', () => interrupt.abort());
  setInterval(() => say({ type: 'alive' }), ALIVE_MS).unref();
  const workers = new WorkerPool(job.files);
  const { known } = job;
  try {
    const {
      results: _,
      standing: __,
      failure,
      ...run
    } = await superviseAll({
      ...job.options,
      beaconFile: BEACON_PORT,
      adapter,
      workers,
      interrupt: interrupt.signal,
      ...(known && { heldBack: ({ version }) => heldBack(known, version) }),
      onStarted: (identity, transport) => say({ type: 'started', identity, transport }),
      onPlan: (cases) => say({ type: 'plan', cases }),
      onResult: (result, progress, standing) => say({ type: 'result', result, progress, standing }),
      onStuck: () => say({ type: 'stuck' }),
      onNoTrace: (message) => say({ type: 'no-trace', message }),
    });
    say({ type: 'done', run, ...(failure && { failure: failureOf(failure) }) });
  } catch (error) {
    if (!(error instanceof DutSetupError)) throw error;
    say({ type: 'failed', failure: failureOf(error) });
  }
}

// Who hears the last word ends the lab. This process could not: a thread of it waits for a word from outside.
main().catch((error: unknown) => {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say({ type: 'failed', failure: { message: `the suite in the lab failed: ${message}` } });
});
