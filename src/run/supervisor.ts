/**
 * Runs the cases on one kind of device under test: starts devices and workers, gathers what they find, gives the case
 * that a device did not survive its verdict, and goes on with a fresh device.
 */
import { type DutAdapter, type DutIdentity, DutSetupError } from '../duts/dut.js';
import { StandingLedger, type StandingRow } from '../harness/standing-ledger.js';
import type { TransportName } from '../port/transport-name.js';
import { type BrokenEnding, brokenResult, describeEnding, verdictOfEnding } from './broken-result.js';
import type { HeldBack } from './known.js';
import type { PlannedCase, RunSettings, Share, WorkerMessage } from './messages.js';
import { executionOrder } from './order.js';
import { type CaseResult, RED } from './results.js';
import type { Ending, WatchOptions } from './watch.js';
import type { WorkerPool } from './worker-pool.js';

export interface SuperviseOptions extends Omit<RunSettings, 'transports' | 'heldBack'>, WatchOptions {
  /** Cases that a device is known not to survive. */
  readonly heldBack?: (identity: DutIdentity) => readonly HeldBack[];
  readonly adapter: DutAdapter;
  /** One of the adapter's. */
  readonly transport: TransportName;
  /** Of workers that have the cases to run; it stays the caller's to end. */
  readonly workers: WorkerPool;
  /** Called with every result as soon as it is there. */
  readonly onResult: (result: CaseResult, progress: Progress, standing: readonly StandingRow[]) => void;
  /** Called once, with the cases of the run. */
  readonly onPlan?: (cases: readonly PlannedCase[]) => void;
  /** Called once, when the first device is up. */
  readonly onStarted: (identity: DutIdentity) => void;
  /** Called for every case whose trace could not be written, with the reason. */
  readonly onNoTrace?: (message: string) => void;
}

/** How far a run is, with what the device said while the case ran, if the case is red. */
export interface Progress {
  readonly done: number;
  readonly planned: number;
  readonly log?: string;
}

export interface Supervised {
  readonly identity: DutIdentity;
  readonly features: readonly string[];
  /** In the order of the case files, in whatever order they ran. */
  readonly results: readonly CaseResult[];
  readonly standing: readonly StandingRow[];
  readonly interrupted: boolean;
  /** What could have been selected, where nothing was. */
  readonly available: readonly string[];
  /** What a reader should know besides. */
  readonly remarks: readonly string[];
  /** A device could not be started again: the remaining cases did not run. */
  readonly failure?: DutSetupError;
}

type Plan = Extract<WorkerMessage, { type: 'plan' }>;

const newTickets = () => new SharedArrayBuffer(4);

function withResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** The cases of one transport on the way. One device leads: it makes the plan. Others may help it. */
export class Supervision {
  readonly #options: SuperviseOptions;
  readonly #tickets = newTickets();
  readonly #helpers: Promise<void>[] = [];
  readonly #ready = withResolver();
  readonly #results: (CaseResult | undefined)[] = [];
  readonly #standing: (readonly StandingRow[])[] = [];
  readonly #remarks = new Set<string>();
  #done = 0;
  #identity: DutIdentity | undefined;
  #plan: Plan | undefined;
  #interrupted = false;
  #failure: DutSetupError | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
  }

  /** Runs all selected cases. Throws DutSetupError when the device cannot be started or brought up at all. */
  async lead(): Promise<Supervised> {
    try {
      await this.#lane({ tickets: this.#tickets });
    } finally {
      // More may come to help while those that did are waited for.
      for (const helper of this.#helpers) await helper.catch(() => {});
    }
    for (const helper of this.#helpers) await helper;
    // A worker that is ended from outside may take results with it that it had not yet told.
    for (let left = this.#left(); left.length > 0; left = this.#left()) {
      const before = this.#done;
      await this.#lane({ tickets: newTickets(), plan: { cases: this.#planned().cases, order: left } });
      if (this.#done === before && this.#left().length > 0)
        this.#failure ??= new DutSetupError(`cases do not get a result: ${left.length} are left`);
    }
    const { features, available } = this.#planned();
    if (this.#identity === undefined) throw new DutSetupError('the device did not start');
    const standing = new StandingLedger();
    for (const rows of this.#standing) if (rows !== undefined) standing.merge(rows);
    return {
      identity: this.#identity,
      features,
      results: this.#results.filter((result) => result !== undefined),
      standing: standing.rows(),
      interrupted: this.#interrupted,
      available,
      remarks: [...this.#remarks],
      ...(this.#failure && { failure: this.#failure }),
    };
  }

  /** When the first device has made the plan; never if it makes none. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** How many cases of the plan nobody has begun. */
  get unclaimed(): number {
    if (this.#plan === undefined || this.#interrupted || this.#failure !== undefined) return 0;
    return Math.max(0, this.#plan.cases.length - Atomics.load(new Int32Array(this.#tickets), 0));
  }

  /** Takes part with another device, until no case is left to begin. What goes wrong is told by `lead`. */
  async help(): Promise<void> {
    const lane = this.#lane(this.#share());
    this.#helpers.push(lane);
    await lane.catch(() => {});
  }

  #planned(): Plan {
    if (this.#plan === undefined) throw this.#failure ?? new DutSetupError('no device came up');
    return this.#plan;
  }

  /** What a device that joins does: its part of the whole plan. */
  #share(): Share {
    const { cases } = this.#planned();
    const order = executionOrder(cases.length, this.#options.order);
    return { tickets: this.#tickets, plan: { cases, order } };
  }

  /** The cases without a result that should have one, in the order of the run. */
  #left(): number[] {
    if (this.#plan === undefined || this.#interrupted || this.#failure !== undefined) return [];
    const order = executionOrder(this.#plan.cases.length, this.#options.order);
    return order.filter((index) => this.#results[index] === undefined);
  }

  /** Runs cases on one device after another until there are none left. */
  async #lane(share: Share): Promise<void> {
    let next = share;
    try {
      while ((await this.#device(next)) && this.#failure === undefined)
        next = share.plan === undefined ? this.#share() : share;
    } catch (error) {
      if (!(error instanceof DutSetupError) || this.#plan === undefined) throw error;
      // What was found so far is worth more than the rest.
      this.#failure ??= error;
    }
  }

  /** Runs cases on one device. Whether there is a reason to go on with another. */
  async #device(share: Share): Promise<boolean> {
    const { ending, planned } = await this.#start(share, (message) => {
      if (message.type === 'plan') {
        if (message.complaint !== undefined)
          this.#remarks.add(`before the first case the device wrote: ${message.complaint}`);
        if (this.#plan !== undefined) return;
        this.#plan = message;
        this.#options.onPlan?.(message.cases);
        this.#ready.resolve();
      } else if (message.type === 'cases')
        for (const { index, result, standing, log } of message.cases)
          this.#keep(index, result, standing, log);
      else if (message.type === 'no-trace') this.#options.onNoTrace?.(message.message);
    });
    if (ending.kind === 'done') return false;
    if (ending.kind === 'interrupted') {
      this.#interrupted = true;
      return false;
    }
    const name = `${this.#identity?.name} ${this.#identity?.version}`;
    if (ending.kind === 'unusable')
      throw new DutSetupError(
        `${name} started, but the driver cannot use it: ${ending.message}`,
        ending.requirement && `requirement ${ending.requirement}`,
      );
    const index = ending.at.caseIndex;
    const broken = this.#plan?.cases[index];
    if (!planned || broken === undefined)
      throw new DutSetupError(`${name} ended before the first case: ${describeEnding(ending)}`);
    await this.#keepBroken(index, broken, ending);
    return true;
  }

  /** The case that was under way gets its verdict, and a second chance to show whether it is the cause. */
  async #keepBroken(index: number, broken: PlannedCase, ending: BrokenEnding): Promise<void> {
    const { cases } = this.#planned();
    const only: Share = { tickets: newTickets(), plan: { cases, order: [index] } };
    let reproduced: boolean | undefined;
    if (!this.#options.interrupt.aborted) {
      try {
        let again: string | undefined;
        const { ending: alone } = await this.#start(
          only,
          (message) => {
            if (message.type === 'cases') again = message.cases[0]?.result.verdict;
          },
          false,
        );
        reproduced = verdictOfEnding(ending) === (isBroken(alone) ? verdictOfEnding(alone) : again);
      } catch (error) {
        if (!(error instanceof DutSetupError)) throw error;
        this.#failure ??= error;
      }
    }
    const log = ending.kind === 'crash' ? ending.exit?.stderr : undefined;
    this.#keep(index, brokenResult(broken, ending, reproduced), [], log);
  }

  #keep(index: number, found: CaseResult, standing: readonly StandingRow[], log: string | undefined): void {
    if (this.#results[index] !== undefined) return;
    const order = this.#planned().cases[index]?.order;
    const result: CaseResult = { ...found, ...(order !== undefined && { order }) };
    this.#results[index] = result;
    this.#standing[index] = standing;
    this.#done++;
    const progress: Progress = {
      done: this.#done,
      planned: this.#planned().cases.length,
      ...(RED.has(result.verdict) && log !== undefined && { log }),
    };
    this.#options.onResult(result, progress, standing);
  }

  /**
   * One worker with one fresh device. A second chance is not traced: the first time is what counts.
   * Throws DutSetupError when there is none to be had.
   */
  async #start(
    share: Share,
    onMessage: (message: WorkerMessage) => void,
    traced = true,
  ): Promise<{ readonly ending: Ending; readonly planned: boolean }> {
    const {
      adapter,
      transport,
      workers,
      modes,
      selection,
      order,
      seed,
      strict,
      trace,
      resend,
      spec,
      beaconFile,
    } = this.#options;
    const { hangMs, interrupt, startMs, onStuck } = this.#options;
    const settings: RunSettings = {
      modes,
      transports: adapter.transports,
      selection,
      order,
      seed,
      strict,
      ...(traced && trace !== undefined && { trace }),
      ...(resend && { resend }),
      ...(spec && { spec }),
      ...(beaconFile !== undefined && { beaconFile }),
    };
    const worker = workers.take();
    let planned = false;
    let reusable = false;
    try {
      const dut = await adapter.start(transport);
      try {
        if (this.#identity === undefined) {
          this.#identity = dut.identity;
          this.#options.onStarted(dut.identity);
        }
        const heldBack = this.#options.heldBack?.(dut.identity);
        const assignment = {
          dut,
          kind: adapter.name,
          settings: { ...settings, ...(heldBack && { heldBack }) },
          share,
        };
        const ending = await worker.run(
          assignment,
          { hangMs, interrupt, ...(startMs !== undefined && { startMs }), ...(onStuck && { onStuck }) },
          (message) => {
            if (message.type === 'plan') planned = true;
            onMessage(message);
          },
        );
        reusable = ending.kind === 'done';
        return { ending, planned };
      } finally {
        await dut.stop();
      }
    } finally {
      if (reusable) workers.giveBack(worker);
      else await worker.end();
    }
  }
}

function isBroken(ending: Ending): ending is BrokenEnding {
  return ending.kind === 'crash' || ending.kind === 'hang' || ending.kind === 'broken';
}
