/** A worker thread of the mutation pool: one model after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { Beacon } from '../run/beacon.js';
import { type CaseReaction, runOnModel } from './model-run.js';
import type { MutationMessage, MutationTask, MutationWorkerData } from './mutation-messages.js';

const { files, beacon: shared } = workerData as MutationWorkerData;
const beacon = new Beacon(shared);
const post = (message: MutationMessage): void => parentPort?.postMessage(message);

/** For so long results wait for others. */
const TOGETHER_MS = 50;

parentPort?.on('message', async ({ mutant, without, careful }: MutationTask) => {
  const done = new Set(without);
  let results: CaseReaction[] = [];
  let flushedAt = performance.now();
  const flush = () => {
    if (results.length > 0) post({ type: 'cases', results });
    results = [];
    flushedAt = performance.now();
  };
  const run = await runOnModel({
    files,
    beacon,
    wanted: ({ id }) => !done.has(id),
    ...(mutant !== undefined && { mutant }),
    onEnter: ({ id, baseId }) => {
      if (careful) post({ type: 'entered', id, baseId });
    },
    onCase: (result) => {
      results.push(result);
      if (careful || performance.now() - flushedAt >= TOGETHER_MS) flush();
    },
  });
  flush();
  post({ type: 'done', run });
});
