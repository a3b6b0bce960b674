/** A worker thread of the mutation pool: one model after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { Beacon } from '../run/beacon.js';
import { runOnModel } from './model-run.js';
import type { MutationMessage, MutationTask, MutationWorkerData } from './mutation-messages.js';

const { files, beacon: shared } = workerData as MutationWorkerData;
const beacon = new Beacon(shared);
const post = (message: MutationMessage): void => parentPort?.postMessage(message);

parentPort?.on('message', async ({ mutant, without }: MutationTask) => {
  const done = new Set(without);
  const run = await runOnModel({
    files,
    beacon,
    wanted: ({ id }) => !done.has(id),
    ...(mutant !== undefined && { mutant }),
    onEnter: ({ id, baseId }) => post({ type: 'entered', id, baseId }),
    onCase: (result) => post({ type: 'case', result }),
  });
  post({ type: 'done', run });
});
