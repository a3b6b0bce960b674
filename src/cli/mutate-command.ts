/** `vscsi mutate`: whether the cases notice what the mutants of the model do wrong. */
import { availableParallelism } from 'node:os';
import type { CaseFile } from '../cases/types.js';
import { EVIDENCE_SEED } from '../coverage/model-run.js';
import {
  type Evidence,
  equivalents,
  gatherEvidence,
  type MutantFindings,
  survivors,
  unprovedCases,
  unprovedChecks,
  writeEvidence,
  wronglyNoticed,
} from '../coverage/mutation-evidence.js';
import { MutationLog, MutationLogError } from '../coverage/mutation-log.js';
import { runMutants, type TimedFindings } from '../coverage/mutation-pool.js';
import { PROVING_MUTANTS } from '../coverage/proving-mutants.js';
import { SET_ASIDE } from '../coverage/set-aside.js';
import { STANDING_CHECKS } from '../harness/violation.js';
import { mutantById } from '../model/mutants/index.js';
import { type MutantRow, mutantsPage } from '../report/html/mutants-page.js';
import { writeReport } from '../report/report-file.js';
import type { TextSink } from '../report/terminal.js';
import { ExitCode } from '../run/exit-code.js';
import { checkCaseFiles, ownCases } from '../run/load-cases.js';
import { SUITE_VERSION } from '../run/package-info.js';
import { idMatcher } from '../run/select.js';
import { UsageError } from './errors.js';
import { ProgressLine } from './progress.js';

export interface MutateOptions {
  readonly select?: readonly string[];
  readonly cases?: readonly string[];
  readonly jobs?: number;
  readonly json?: boolean;
  readonly write?: boolean;
  readonly resume?: string;
  readonly html?: string;
  readonly working?: boolean;
}

/** Of those that were set aside while the cases were written. */
function setAside(findings: readonly MutantFindings[]) {
  const its = findings.filter(({ id }) => SET_ASIDE.has(id));
  return { mutants: its.length, caught: its.filter(({ verdict }) => verdict === 'caught').length };
}

const VERDICTS = ['caught', 'standing', 'spoils', 'set-up', 'unusable', 'survived'] as const;

/** The outcome for a browser. */
function pageOf(findings: readonly TimedFindings[], evidence: Evidence): string {
  const equivalent = new Set(equivalents(evidence));
  const mutants = findings.map(({ id, verdict, proves, violated, durationMs }): MutantRow => {
    const { sentence = '', requirement, source = '' } = mutantById(id) ?? {};
    const shown = equivalent.has(id) ? 'equivalent' : verdict;
    return {
      id,
      sentence,
      requirement,
      source,
      verdict: shown,
      caughtBy: [...proves, ...violated],
      durationMs,
    };
  });
  const counts = {
    mutants: mutants.length,
    ...Object.fromEntries(
      [...VERDICTS, 'equivalent'].map((name) => [
        name,
        mutants.filter(({ verdict }) => verdict === name).length,
      ]),
    ),
    'set aside while cases were written': setAside(findings).mutants,
    'of these caught': setAside(findings).caught,
    'cases proved': Object.keys(evidence.cases).length - unprovedCases(evidence).length,
    'cases without proof': unprovedCases(evidence).length,
  };
  return mutantsPage({ suiteVersion: SUITE_VERSION, counts, mutants });
}

const CAUGHT_BY_SHOWN = 3;

const seconds = ({ durationMs }: TimedFindings): string => `${(durationMs / 1000).toFixed(1)} s`.padStart(7);

function caughtBy({ proves, own, other, violated, verdict }: MutantFindings): string {
  if (verdict === 'spoils') return `at least ${own} cases by their own expectations, ${other} otherwise`;
  const cases = proves.slice(0, CAUGHT_BY_SHOWN);
  const more = proves.length - cases.length;
  return [
    ...cases,
    ...(more > 0 ? [`${more} more`] : []),
    ...(violated.length > 0 ? [`standing: ${violated.join(', ')}`] : []),
    ...(other > 0 ? [`${other} otherwise`] : []),
  ].join(', ');
}

function summary(findings: readonly MutantFindings[], evidence: Evidence, out: TextSink): void {
  const list = (title: string, ids: readonly string[]) => {
    out.write(`${title}: ${ids.length}\n`);
    for (const id of ids) out.write(`  ${id}\n`);
  };
  const count = (verdict: string) =>
    Object.values(evidence.mutants).filter((mutant) => mutant.verdict === verdict).length;
  out.write(
    `\n${Object.keys(evidence.mutants).length} mutants: ${VERDICTS.map((name) => `${count(name)} ${name}`).join(', ')}\n`,
  );
  const { mutants, caught } = setAside(findings);
  out.write(`set aside while cases were written: ${mutants}, of which ${caught} caught\n`);
  if (evidence.red.length > 0) list('red on the model itself', evidence.red);
  list('survivors', survivors(evidence));
  list('noticed, though a conformant device could be like that', wronglyNoticed(evidence));
  out.write(`equivalent to a conformant device: ${equivalents(evidence).length}\n`);
  list('standing checks without proof', unprovedChecks(evidence));
  list(`cases without proof, of ${Object.keys(evidence.cases).length}`, unprovedCases(evidence));
  out.write(`cases that do not run on the model: ${evidence.skipped.length}\n`);
}

function openLog(file: string | undefined, files: readonly CaseFile[]): MutationLog | undefined {
  if (file === undefined) return undefined;
  try {
    return new MutationLog(file, files);
  } catch (error) {
    throw error instanceof MutationLogError ? new UsageError(error.message) : error;
  }
}

/** Runs the cases on the mutants; `errors` is told how far it has come. Throws CaseFilesError and UsageError. */
export async function mutateCommand(
  options: MutateOptions,
  out: TextSink,
  errors: TextSink,
): Promise<number> {
  const partial = options.select !== undefined || options.cases !== undefined || options.working === true;
  if (options.write && partial)
    throw new UsageError(
      '--write stores the evidence of all mutants and the cases of the suite: leave --select, --cases and --working out',
    );
  const selected = idMatcher(options.select ?? []);
  const mutants = PROVING_MUTANTS.filter((id) => selected(id) && !(options.working && SET_ASIDE.has(id)));
  if (mutants.length === 0) throw new UsageError('no mutant matches --select');
  const { files } = options.cases ? checkCaseFiles(options.cases) : ownCases();
  const log = openLog(options.resume, files);
  const wanted = new Set(mutants);
  const byMutant = new Map<string, TimedFindings>(
    log?.found.flatMap((each) => (wanted.has(each.id) ? [[each.id, each]] : [])),
  );
  const progress = new ProgressLine(errors);
  const tell = () => progress.show(`${byMutant.size}/${mutants.length} mutants`);
  tell();
  const baseline = await runMutants({
    files,
    mutants,
    found: [...byMutant.values()],
    jobs: options.jobs ?? Math.min(4, availableParallelism()),
    onFindings: (findings) => {
      byMutant.set(findings.id, findings);
      log?.add(findings);
      tell();
    },
  });
  progress.end();
  log?.close();
  if (baseline.unusable !== undefined)
    throw new Error(`the model itself cannot be used: ${baseline.unusable}`);
  const findings = mutants.flatMap((id) => byMutant.get(id) ?? []);
  const evidence = gatherEvidence(EVIDENCE_SEED, baseline, findings, Object.keys(STANDING_CHECKS));
  if (options.json) {
    const summary = {
      mutants: findings.length,
      caught: findings.filter(({ verdict }) => verdict === 'caught').length,
      survivors: survivors(evidence).length,
      equivalent: equivalents(evidence).length,
      casesWithoutProof: unprovedCases(evidence).length,
      setAside: setAside(findings),
    };
    out.write(`${JSON.stringify({ summary, mutants: findings, evidence }, undefined, 2)}\n`);
  } else {
    for (const mutant of findings)
      out.write(
        `${mutant.verdict.padEnd(9)} ${mutant.id.padEnd(40)} ${seconds(mutant)} ${caughtBy(mutant)}\n`,
      );
    summary(findings, evidence, out);
  }
  if (options.html !== undefined) writeReport(options.html, pageOf(findings, evidence));
  if (options.write) writeEvidence(evidence);
  // Proof is asked of the whole suite only: a selection leaves out what would prove a case.
  const unproved = partial ? [] : unprovedCases(evidence);
  const wrong = [...survivors(evidence), ...wronglyNoticed(evidence), ...unproved];
  return wrong.length > 0 ? ExitCode.NOT_CONFORMANT : ExitCode.CONFORMANT;
}
