/** One device by all the transports that a run needs: a process for each, one set of results. */
import type { CaseFile } from '../cases/types.js';
import { type DutIdentity, DutSetupError } from '../duts/dut.js';
import { StandingLedger } from '../harness/standing-ledger.js';
import type { TransportName } from '../port/transport-name.js';
import type { Selection } from './messages.js';
import { type ModeChoice, modesOf } from './modes.js';
import { mayBeSelected } from './select.js';
import { type Progress, type Supervised, type SuperviseOptions, Supervision } from './supervisor.js';

export interface AllTransportsOptions extends Omit<SuperviseOptions, 'transport' | 'onStarted'> {
  readonly transports: readonly TransportName[];
  /** How many devices run cases at the same time. */
  readonly jobs: number;
  /** How many cases of a transport have to wait for another device to be started for them; default 1. */
  readonly helpFrom?: number;
  /** Called when the device is up by a transport. */
  readonly onStarted: (identity: DutIdentity, transport: TransportName) => void;
}

/** The transports, of those that a device has, by which selected cases run; never empty. */
export function transportsNeeded(
  files: readonly CaseFile[],
  selection: Selection,
  modes: ModeChoice,
  transports: readonly TransportName[],
): readonly TransportName[] {
  const meant = mayBeSelected(selection);
  const definitions = files.flatMap(({ cases }) => cases).filter(({ id }) => meant(id));
  const needed = new Set(
    definitions.flatMap((definition) => modesOf(definition, modes, transports)).map((mode) => mode.transport),
  );
  const chosen = transports.filter((transport) => needed.has(transport));
  return chosen.length > 0 ? chosen : transports.slice(0, 1);
}

/**
 * Runs the cases of every transport, on as many devices at a time as there are jobs: each has a transport of its own as
 * long as there are any, and then helps where most is left to do. What goes wrong with a later transport costs no result
 * of the others. Throws DutSetupError when the device cannot be brought up by the first.
 */
export async function superviseAll({ transports, ...options }: AllTransportsOptions): Promise<Supervised> {
  const { onResult, onStarted, jobs, helpFrom = 1, ...rest } = options;
  const progress = new Map<TransportName, Progress>();
  const sum = (key: 'done' | 'planned') => [...progress.values()].reduce((all, each) => all + each[key], 0);
  const supervisions = transports.map(
    (transport) =>
      new Supervision({
        ...rest,
        transport,
        onStarted: (identity) => onStarted(identity, transport),
        onResult: (result, now, standing) => {
          progress.set(transport, now);
          onResult(result, { ...now, done: sum('done'), planned: sum('planned') }, standing);
        },
      }),
  );
  const finished = new Map<Supervision, Supervised>();
  let failure: DutSetupError | undefined;
  const ended = () => failure !== undefined || [...finished.values()].some(({ interrupted }) => interrupted);
  const waiting = [...supervisions];
  const lead = async (one: Supervision): Promise<void> => {
    try {
      const run = await one.lead();
      finished.set(one, run);
      failure ??= run.failure;
    } catch (error) {
      if (!(error instanceof DutSetupError)) throw error;
      failure ??= error;
    }
  };
  const member = async (): Promise<void> => {
    const next = () => (ended() ? undefined : waiting.shift());
    for (let one = next(); one !== undefined; one = next()) await lead(one);
    const neediest = () => (ended() ? undefined : mostUnclaimed(supervisions, helpFrom));
    for (let one = neediest(); one !== undefined; one = neediest()) await one.help();
  };
  const [leader] = supervisions;
  const pioneer = member();
  const members = [pioneer];
  // Whether the device can be brought up at all shows by the first.
  await Promise.race([pioneer, leader?.ready]);
  while (members.length < (rest.adapter.single ? 1 : jobs)) members.push(member());
  await Promise.all(members);
  const runs = supervisions.flatMap((one) => finished.get(one) ?? []);
  if (failure !== undefined && leader !== undefined && !finished.has(leader)) throw failure;
  const [first] = runs;
  if (first === undefined) throw new DutSetupError('the device has no transport');
  const standing = new StandingLedger();
  for (const run of runs) standing.merge(run.standing);
  return {
    identity: first.identity,
    features: first.features,
    results: runs.flatMap(({ results }) => results),
    standing: standing.rows(),
    interrupted: runs.some(({ interrupted }) => interrupted),
    available: runs.flatMap(({ available }) => available),
    remarks: [...new Set(runs.flatMap(({ remarks }) => remarks))],
    ...(failure && { failure }),
  };
}

/** Where most cases wait for somebody; undefined where that are fewer than `least`. */
function mostUnclaimed(supervisions: readonly Supervision[], least: number): Supervision | undefined {
  const [most] = [...supervisions].sort((a, b) => b.unclaimed - a.unclaimed);
  return most !== undefined && most.unclaimed >= least ? most : undefined;
}
