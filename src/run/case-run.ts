/** Carrying one case out on one device. */
import type { EvalContext } from '../cases/context.js';
import { CaseError } from '../cases/errors.js';
import { evaluateCondition } from '../cases/evaluate.js';
import type { Judged, Mismatch } from '../cases/expect.js';
import { LayeredMap } from '../cases/layered-map.js';
import { rounds } from '../cases/repeat.js';
import type { Judgement, Scope, ScopeValue, Step } from '../cases/types.js';
import { DriverError, type StandingListener } from '../harness/driver.js';
import { BeyondLimits } from '../harness/limits.js';
import { type ScsiRequest, scsiAnswer } from '../harness/request.js';
import type { ExchangePlace } from '../harness/standing-ledger.js';
import type { StandingCheck } from '../harness/violation.js';
import { PortError } from '../port/errors.js';
import { TransportError } from '../transport/transport.js';
import { decodeLun } from '../wire/lun.js';
import { commandOfCdb } from '../wire/scsi/commands.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';
import { addressedUnits } from './addressed-units.js';
import type { Beacon } from './beacon.js';
import { CaseControls } from './case-controls.js';
import { sessionContext } from './environment.js';
import { exchangeBytes } from './exchange-bytes.js';
import type { RunnableCase } from './expand-all.js';
import { type Flight, Flights } from './flights.js';
import { modeName } from './modes.js';
import { clearUnitAttentions, type ProbedUnit, ProbeError } from './probe.js';
import { type Resend, TraceEnded } from './resend.js';
import { type CaseResult, type Finding, verdictOf } from './results.js';
import { ruledVerdict } from './rulings.js';
import type { Session } from './session.js';
import { severityOf } from './severity.js';
import { executeStep } from './steps/index.js';
import { choicesOf } from './steps/setup.js';
import type { CaseTrace } from './trace.js';
import {
  differences,
  makeReady,
  readUnitState,
  restoreUnitState,
  rolesThatChange,
  type UnitState,
} from './unit-state.js';
import { optionalAndUnknown } from './unserved.js';

/** Ends a case early: a fail was found, and what follows would rest on it. */
class CaseEnded extends Error {}

/** Ends a case that cannot be carried out on this device, which may be as it is. */
class CaseLeftOut extends Error {}

/** A case that is being carried out. Steps act through it. */
export class CaseRun {
  readonly session: Session;
  readonly plan: RunnableCase;
  /** Facts, axes, `let` values and what was captured so far. */
  readonly scope: Scope;
  readonly context: EvalContext;
  readonly flights: Flights;
  readonly controls: CaseControls;
  readonly #beacon: Beacon;
  readonly #onStanding: StandingListener;
  /** Units whose lasting state the case may change, with the state that they had before. */
  readonly #states: { readonly role: string; readonly unit: ProbedUnit; readonly before: UnitState }[] = [];
  readonly #findings: Finding[] = [];
  /** Those that poison may have made by chance. */
  readonly #byChance = new Set<Finding>();
  readonly #seen: { step: string; is: string }[] = [];
  /** Commands that have ended GOOD in this case. */
  readonly #carriedOut: ScsiRequest[] = [];
  /** Why the case has to be left out after all. */
  #skip: CaseResult['skip'];
  /** Numbers of the step and of the rounds around it. */
  #label: string = 'set-up';
  #step: Step | undefined;

  /** Where the exchange with the device is written down, if anywhere. */
  readonly trace: CaseTrace | undefined;
  /** What is sent in place of what the case makes, if anything. */
  readonly resend: Resend | undefined;

  constructor(
    session: Session,
    plan: RunnableCase,
    beacon: Beacon,
    onStanding: StandingListener,
    { trace, resend }: { readonly trace?: CaseTrace; readonly resend?: Resend } = {},
  ) {
    this.trace = trace;
    this.resend = resend;
    this.session = session;
    this.plan = plan;
    this.scope = new LayeredMap(plan.scope);
    this.flights = new Flights();
    this.controls = new CaseControls(session);
    this.context = { ...sessionContext(session), ...this.flights.context };
    this.#beacon = beacon;
    this.#onStanding = onStanding;
  }

  /** Where the case is, for standing checks. */
  get place(): ExchangePlace {
    return { case: this.plan.id, mode: modeName(this.plan.mode), step: this.#label };
  }

  /** Whether the case has turned a standing check off. */
  waives(check: StandingCheck): boolean {
    // A case that breaks driver rules may drive the device to ask for a reset.
    if (check === 'needs-reset' && this.plan.hostile) return true;
    return this.plan.waive.has(check);
  }

  /** Whether there are findings, and another run with other poison may have none. */
  get undecided(): boolean {
    return this.#findings.length > 0 && this.#findings.every((finding) => this.#byChance.has(finding));
  }

  /** Carries the case out. Throws DutGoneError when the device is gone; everything else becomes a finding. */
  run(): CaseResult {
    const start = performance.now();
    const { id, title, skip } = this.plan;
    const mode = modeName(this.plan.mode);
    if (skip) return { id, title, mode, verdict: 'skip', durationMs: 0, skip, findings: [] };
    this.session.driver.mode = this.plan.mode;
    this.session.driver.limits = this.plan.hostile ? undefined : this.session.config;
    // What the hand-over sends is waited for with its interrupts: a late one would fall into the case.
    this.session.driver.awaitsInterrupts = true;
    try {
      this.#handOver();
      this.session.driver.awaitsInterrupts = !this.plan.waive.has('interrupt');
      this.runSteps(this.plan.steps, '');
      this.#finish();
    } catch (error) {
      this.#caught(error);
    }
    this.#undoControls();
    this.#restoreState();
    const left = this.#findings.length === 0 ? this.#skip : undefined;
    return {
      id,
      title,
      mode,
      verdict: left ? 'skip' : verdictOf(this.#findings),
      durationMs: performance.now() - start,
      ...(left && { skip: left }),
      findings: this.#findings,
      ...(this.#seen.length > 0 && { seen: this.#seen }),
    };
  }

  /** Runs steps in order. `prefix` numbers the round of the repeat around them. */
  runSteps(steps: readonly Step[], prefix: string): void {
    for (const [i, step] of steps.entries()) {
      this.#label = `${prefix}${i + 1}`;
      this.#step = step;
      this.#beacon.enterStep(Number.parseInt(this.#label, 10), step.at.line);
      this.trace?.step(this.#label, step.kind, `${this.plan.file}:${step.at.line}`);
      if (step.when && !evaluateCondition(step.when, this.scope, this.context)) continue;
      if (step.kind === 'repeat') {
        const label = this.#label;
        let round = 0;
        for (const { bind, steps } of rounds(step, this.scope, this.context)) {
          round++;
          for (const [name, value] of bind) this.scope.set(name, value);
          this.runSteps(steps, `${label}.${round}.`);
          if (this.flights.settled) this.session.driver.recycle();
        }
      } else executeStep(step, this);
    }
  }

  /** Lets the watchdog know that a long step gets on. */
  progress(): void {
    this.#beacon.progressed();
  }

  /** Notes the bytes that are about to be sent, in case the device does not survive them. */
  sending(bytes: Uint8Array): void {
    this.#beacon.sending(bytes);
  }

  /** Makes captured values known to what follows. */
  capture(values: ReadonlyMap<string, ScopeValue>): void {
    for (const [name, value] of values) this.scope.set(name, value);
  }

  /**
   * Takes over what judging a step gave: captures, the alternatives seen and how they count, and what differs.
   * `explicit`: the case said what it expects; otherwise a difference is one in set-up. `flight`: what it was judged by.
   */
  judge({ captures, alternatives, mismatches }: Judged, explicit: boolean, flight?: Flight): void {
    if (flight) this.#lookWhetherServed(flight, mismatches.length > 0);
    this.capture(captures);
    for (const { is, verdict, ruling, covers, at, undecided } of alternatives) {
      this.#seen.push({ step: this.#label, is });
      const counts = verdict ?? (ruling === undefined ? 'pass' : ruledVerdict(ruling));
      if (counts === 'pass') continue;
      const finding = {
        check: 'alternative',
        requirements: covers,
        severity: counts,
        expected: 'what the standard says',
        got: is,
        ...(ruling !== undefined && { ruling }),
      };
      this.find(finding, at, undecided);
    }
    // A ruling beside alternatives is about those; an outcome that is none of them is not excused by it.
    const rule = ({ level, ruling, check }: Mismatch) => ({
      level,
      ...(ruling !== undefined && check !== 'one_of' && { ruling }),
    });
    const counted = mismatches.map((mismatch) => ({ mismatch, severity: severityOf(rule(mismatch)) }));
    // What ends the case comes last, so that what is merely worth a warning is recorded, too.
    const fails = counted.filter(({ severity }) => severity === 'fail');
    for (const { mismatch, severity } of [...counted.filter((each) => !fails.includes(each)), ...fails])
      if (severity !== 'pass') {
        const finding = this.#finding(mismatch, severity, explicit);
        const exchange = flight && { exchange: exchangeBytes(flight) };
        this.#record({ ...finding, ...exchange }, mismatch.at, mismatch.undecided);
      }
    if (fails.length > 0) throw new CaseEnded();
  }

  /**
   * A command that the unit is free not to know is nothing to judge it by, unless it has carried it out before in this
   * case: throws CaseLeftOut where an answer that was not expected says so.
   */
  #lookWhetherServed({ exchange: { scsi, answer } }: Flight, isUnexpected: boolean): void {
    if (scsi === undefined || answer === undefined) return;
    const { lun, cdb } = scsi.request;
    const parts = scsiAnswer(answer, scsi.sizes);
    if (parts.response.response === Response.OK && parts.response.status === ScsiStatus.GOOD)
      this.#carriedOut.push(scsi.request);
    if (!isUnexpected) return;
    const at = decodeLun(lun);
    const unit =
      at.kind === 'unit' &&
      this.session.units.find(({ profile }) => profile.target === at.target && profile.unit === at.unit);
    if (!unit) return;
    const name = optionalAndUnknown(cdb, parts, unit.listed);
    const isKnown = this.#carriedOut.some(
      (before) => commandOfCdb(before.cdb)?.name === name && Buffer.compare(before.lun, lun) === 0,
    );
    if (name !== undefined && !isKnown)
      throw new CaseLeftOut(
        `${name} is answered INVALID COMMAND OPERATION CODE, and the unit does not list it`,
      );
  }

  #finding(
    mismatch: Mismatch,
    severity: Finding['severity'],
    explicit: boolean,
  ): Omit<Finding, 'step' | 'place'> {
    const { check, expected, got, covers, because, bytes, ruling } = mismatch;
    const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
    return {
      check: explicit ? check : `${check} (in set-up)`,
      requirements: covers,
      severity,
      expected: because === undefined ? expected : `${expected} (${because})`,
      got,
      ...(ruling !== undefined && { ruling }),
      ...(bytes && {
        expectedBytes: hex(bytes.expected),
        gotBytes: hex(bytes.got),
        maskBytes: hex(bytes.mask),
      }),
    };
  }

  /** Records that what the case asks for was not so. It counts as the judgement says, and ends the case if it fails. */
  broken(
    { level, ruling, covers, because }: Judgement,
    what: { check: string; expected: string; got: string },
  ): void {
    const severity = severityOf({ level, ...(ruling !== undefined && { ruling }) });
    if (severity === 'pass') return;
    this.find({
      ...what,
      requirements: covers,
      severity,
      expected: because === undefined ? what.expected : `${what.expected} (${because})`,
      ...(ruling !== undefined && { ruling }),
    });
  }

  /** Records what a standing check decided in this case. */
  get onStanding(): StandingListener {
    return this.#onStanding;
  }

  /** Records a finding at the present step. A fail ends the case: throws. */
  find(
    finding: Omit<Finding, 'step' | 'place'>,
    at: Judgement['at'] | undefined = this.#step?.at,
    undecided = false,
  ): void {
    this.#record(finding, at, undecided);
    if (finding.severity !== 'warn' && finding.severity !== 'note') throw new CaseEnded();
  }

  /** `undecided`: poison may have made it by chance. */
  #record(
    finding: Omit<Finding, 'step' | 'place'>,
    at: Judgement['at'] | undefined,
    undecided = false,
  ): void {
    const place = at && { place: `${this.plan.file}:${at.line}:${at.column}` };
    // What recurs in every round of a repeat is told once.
    const again = (one: Finding) =>
      one.place === place?.place && one.check === finding.check && one.got === finding.got;
    if (this.#findings.some(again)) return;
    const kept = { step: this.#label, ...finding, ...place };
    this.#findings.push(kept);
    if (undecided) this.#byChance.add(kept);
  }

  /** What the case did by controls is undone, also after a failure. */
  #undoControls(): void {
    try {
      this.controls.undo();
    } catch (error) {
      this.#label = 'clean-up';
      this.#step = undefined;
      this.#caught(error);
    }
  }

  /** Hands the device over in the state that the case asks for. */
  #handOver(): void {
    const { driver, port } = this.session;
    const { device } = this.plan;
    if (device.state === 'untouched') {
      if (!port.controls.offered.has('power-cycle'))
        throw new CaseError('NOT_AVAILABLE', 'the power-on state needs a device that can be power-cycled');
      port.controls.invoke({ name: 'power-cycle' });
      driver.powerCycled();
      return;
    }
    if (device.state === 'reset') {
      driver.startOver();
      return;
    }
    driver.initialise(choicesOf(device, this));
    // A reset leaves unit attentions behind. They are reported now, so that no case has to expect them
    // of the units that it addresses.
    if (driver.reached !== 'live') return;
    this.#clearUnitAttentions();
    this.#rememberState();
  }

  /** Looks at the lasting state of the units that the case may change. */
  #rememberState(): void {
    const { driver } = this.session;
    for (const role of rolesThatChange(this.plan.steps)) {
      const unit = this.session.unit(role);
      if (unit) this.#states.push({ role, unit, before: readUnitState(driver, unit) });
    }
  }

  /** Puts lasting state back, also after a failure. What the case changed without saying so is its mistake. */
  #restoreState(): void {
    if (this.#states.length === 0) return;
    this.#label = 'clean-up';
    this.#step = undefined;
    const { driver } = this.session;
    const error = (check: string, expected: string, got: string) =>
      this.#record({ check, requirements: [], severity: 'error', expected, got }, undefined);
    try {
      driver.initialise();
      for (const { unit } of this.#states) makeReady(driver, unit);
      this.#clearUnitAttentions();
      for (const { role, unit, before } of this.#states) {
        const changed = differences(before, readUnitState(driver, unit));
        const undeclared = changed.filter((kind) => !this.plan.changes.includes(kind));
        if (undeclared.length > 0)
          error(
            'changes',
            `${role} as it was, or changes: [${undeclared.join(', ')}]`,
            `${undeclared.join(', ')} changed`,
          );
        if (changed.length > 0 && !restoreUnitState(driver, unit, before))
          error(
            'restore',
            `${role} as it was before the case`,
            `${changed.join(', ')} could not be put back`,
          );
      }
    } catch (thrown) {
      this.#caught(thrown);
    }
  }

  #clearUnitAttentions(): void {
    const { driver, units } = this.session;
    for (const { profile } of this.#addressed ?? units) clearUnitAttentions(driver, profile);
  }

  /** The units that commands of the case may go to; undefined where only its course shows that. */
  get #addressed(): readonly ProbedUnit[] | undefined {
    const names = addressedUnits(this.plan.steps);
    if (names === 'any') return undefined;
    const { session } = this;
    const units = new Set([...names].map((name) => session.unit(name)));
    return session.units.filter((unit) => units.has(unit));
  }

  #finish(): void {
    this.#label = 'clean-up';
    this.#step = undefined;
    this.controls.letGo();
    const { driver } = this.session;
    const left = driver.inFlight().length;
    driver.judgeDevice();
    if (this.plan.hostile) this.#probeLiveness();
    else if (left > 0)
      this.find({
        check: 'in flight',
        requirements: [],
        severity: 'error',
        expected: 'every request returned, or its queue reset, by the end of the case',
        got: `${left} still in flight`,
      });
  }

  /** Whatever a case did to the device: after a reset it has to work again. */
  #probeLiveness(): void {
    this.#label = 'liveness';
    const { driver, units } = this.session;
    const [unit] = units;
    driver.initialise();
    if (unit) clearUnitAttentions(driver, unit.profile);
  }

  #caught(error: unknown): void {
    if (error instanceof TraceEnded) return;
    if (error instanceof CaseEnded) {
      this.#judgeAfterFail();
      return;
    }
    if (error instanceof BeyondLimits || error instanceof CaseLeftOut) {
      this.#skip = { kind: 'not-offered', evidence: error.message };
      return;
    }
    const record = (
      check: string,
      severity: Finding['severity'],
      expected: string,
      got: string,
      requirement?: string,
    ) => {
      const requirements = requirement === undefined ? [] : [requirement];
      this.#record({ check, requirements, severity, expected, got }, this.#step?.at);
    };
    if (error instanceof CaseError || error instanceof RangeError)
      record('case', 'error', 'values that the case can use', error.message);
    else if (error instanceof PortError && error.code === 'CONTROL_REFUSED')
      record('control', 'error', 'an adapter that does what it offers', error.message);
    else if (error instanceof DriverError || error instanceof TransportError) {
      // After what the driver got wrong the device has to work again, whatever it may refuse else.
      const severity = error instanceof DriverError && this.#label !== 'liveness' ? error.severity : 'fail';
      record('driver', severity, 'a device that the driver can use', error.message, error.requirement);
    } else if (error instanceof ProbeError) record('unit', 'fail', 'units that get ready', error.message);
    else throw error;
  }

  /** The standing checks are owed also to a case that failed; what they find is theirs alone. */
  #judgeAfterFail(): void {
    this.#label = 'clean-up';
    this.session.driver.judgeDevice();
  }
}
