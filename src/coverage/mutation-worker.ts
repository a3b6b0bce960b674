/** A worker thread of the mutation pool: one model after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { Beacon } from '../run/beacon.js';
import { Outbox } from '../run/outbox.js';
import { type CaseReaction, runOnModel } from './model-run.js';
import type { MutationMessage, MutationTask, MutationWorkerData } from './mutation-messages.js';

const { files, beacon: shared } = workerData as MutationWorkerData;
const beacon = new Beacon(shared);
const post = (message: MutationMessage): void => parentPort?.postMessage(message);

/** For so long a result may wait for others. */
const TOGETHER_MS = 50;

parentPort?.on('message', async ({ mutant, without, careful }: MutationTask) => {
  const done = new Set(without);
  const outbox = new Outbox<CaseReaction>(
    (results) => post({ type: 'cases', results }),
    careful ? 0 : TOGETHER_MS,
  );
  const run = await runOnModel({
    files,
    beacon,
    wanted: ({ id }) => !done.has(id),
    ...(mutant !== undefined && { mutant }),
    onEnter: ({ id, baseId }) => {
      if (careful) post({ type: 'entered', id, baseId });
    },
    onCase: (result) => outbox.add(result),
  });
  outbox.flush();
  post({ type: 'done', run });
});
