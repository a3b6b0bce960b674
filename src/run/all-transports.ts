/** One device by all the transports that a run needs: a process for each, one after another, one set of results. */
import type { CaseFile } from '../cases/types.js';
import { type DutIdentity, DutSetupError } from '../duts/dut.js';
import { StandingLedger } from '../harness/standing-ledger.js';
import type { TransportName } from '../port/transport-name.js';
import type { Selection } from './messages.js';
import { type ModeChoice, modesOf } from './modes.js';
import { mayBeSelected } from './select.js';
import { type Supervised, type SuperviseOptions, supervise } from './supervisor.js';

export interface AllTransportsOptions extends Omit<SuperviseOptions, 'transport' | 'onStarted'> {
  readonly transports: readonly TransportName[];
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
 * Runs the cases of every transport. What goes wrong with a later transport costs no result of those before it.
 * Throws DutSetupError when the device cannot be brought up by the first.
 */
export async function superviseAll({ transports, ...options }: AllTransportsOptions): Promise<Supervised> {
  const { onResult, onStarted, ...rest } = options;
  const runs: Supervised[] = [];
  let failure: DutSetupError | undefined;
  let before = 0;
  for (const transport of transports) {
    try {
      const run = await supervise({
        ...rest,
        transport,
        onStarted: (identity) => onStarted(identity, transport),
        onResult: (result, progress, standing) => {
          const { done, planned } = progress;
          onResult(result, { ...progress, done: before + done, planned: before + planned }, standing);
        },
      });
      runs.push(run);
      before += run.results.length;
      failure = run.failure;
    } catch (error) {
      if (!(error instanceof DutSetupError) || runs.length === 0) throw error;
      failure = error;
    }
    if (failure !== undefined || runs.at(-1)?.interrupted) break;
  }
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
