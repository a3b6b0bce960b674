/** How results are judged: against a list of known deviations, and against those of an earlier run. */
import { readResults, type StoredResults } from '../report/read-results.js';
import { compareWithBaseline } from '../run/baseline.js';
import { isComplete } from '../run/completeness.js';
import { gate, today } from '../run/gate.js';
import { type KnownList, loadKnownList, shippedKnownList } from '../run/known.js';
import type { RunResults } from '../run/results.js';
import type { Outcome } from './conclusion.js';
import type { ReportTarget } from './run-options.js';

/** What results are judged by. */
export interface Standard {
  /** The list given by hand. */
  readonly known: KnownList | undefined;
  readonly baseline: StoredResults | undefined;
  /** No deviation is excused, whatever lists there are. */
  readonly nothingKnown?: boolean;
}

/** How the command line names that. */
export interface JudgeOptions {
  readonly known?: string;
  readonly baseline?: string;
  /** Not of the command line: `vscsi certify` asks for it. */
  readonly nothingKnown?: boolean;
  readonly report?: readonly ReportTarget[];
}

/** Reads what results are judged by. Throws KnownListError and ResultsFileError. */
export function standardOf({ known, baseline, nothingKnown }: JudgeOptions): Standard {
  return {
    known: known === undefined ? undefined : loadKnownList(known),
    baseline: baseline === undefined ? undefined : readResults(baseline),
    ...(nothingKnown !== undefined && { nothingKnown }),
  };
}

/** The list given by hand if it is for this device, else the one that comes with the suite, if any. Throws KnownListError. */
export function knownListFor(
  { name }: { readonly name: string },
  { known, nothingKnown }: Standard,
): KnownList | undefined {
  if (nothingKnown === true) return undefined;
  return known?.dut === name ? known : shippedKnownList(name);
}

/** The same rules for a run that has just ended and for results that were stored. `remarks`: what else there is to say. */
export function judge(
  results: RunResults,
  standard: Standard,
  remarks: readonly string[] = [],
): Required<Outcome>['ran'] {
  const { known, baseline } = standard;
  const { name } = results.dut;
  const complete = isComplete(results);
  const judged = gate(results, knownListFor(results.dut, standard), complete, today());
  const said = [...judged.remarks, ...remarks];
  if (baseline && baseline.results.dut.name !== name)
    said.push(`the baseline is of ${baseline.results.dut.name}, this run of ${name}`);
  if (known && known.dut !== name)
    said.push(`${known.file} lists deviations of ${known.dut}, this run is of ${name}`);
  const changes = baseline && compareWithBaseline(results, baseline.results, complete);
  return { results, gate: { ...judged, remarks: said }, ...(changes && { changes }) };
}
