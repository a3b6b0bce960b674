/** A worker thread of the mutation pool: one model after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Mutant, mutantById } from '../model/mutants/index.js';
import { Beacon } from '../run/beacon.js';
import { Outbox } from '../run/outbox.js';
import { type CaseReaction, runOnModel } from './model-run.js';
import type { MutationMessage, MutationTask, MutationWorkerData } from './mutation-messages.js';
import { TouchRecorder } from './touching.js';

const { files, beacon: shared } = workerData as MutationWorkerData;
const beacon = new Beacon(shared);
const post = (message: MutationMessage): void => parentPort?.postMessage(message);

/** For so long a result may wait for others. */
const TOGETHER_MS = 50;

function mutantOf(id: string): Mutant {
  const mutant = mutantById(id);
  if (mutant === undefined) throw new Error(`the model has no mutant ${id}`);
  return mutant;
}

/** Spreads cases evenly over so many parts, and each always into the same one. */
const partOf = (id: string, of: number): number =>
  of === 1 ? 0 : [...id].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 65_521, 0) % of;

parentPort?.on('message', async (task: MutationTask) => {
  const { mutant, observers = [], part: [index, of] = [0, 1], only, without, enough, careful } = task;
  const done = new Set(without);
  const recorder = new TouchRecorder(observers.map(mutantOf));
  const broken = new Set<string>();
  const outbox = new Outbox<CaseReaction>(
    (results) => post({ type: 'cases', results }),
    careful ? 0 : TOGETHER_MS,
  );
  const run = await runOnModel({
    files,
    beacon,
    wanted: ({ id }) => partOf(id, of) === index && !done.has(id) && (only?.has(id) ?? true),
    change: (behaviours) => {
      if (mutant !== undefined) mutantOf(mutant).apply(behaviours);
      recorder.watch(behaviours);
    },
    onEnter: (plan) => {
      recorder.enter(plan);
      if (careful) post({ type: 'entered', id: plan.id, baseId: plan.baseId });
    },
    onCase: (result) => {
      outbox.add(result);
      if (result.reaction === 'own' || result.reaction === 'other') broken.add(result.baseId);
    },
    enough: () => enough !== undefined && broken.size > enough,
  });
  outbox.flush();
  post({ type: 'done', run, touched: recorder.touched });
});
