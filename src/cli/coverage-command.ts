/** `vscsi coverage`: which requirements the cases cover, on what evidence. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readCatalogue } from '../coverage/catalogue.js';
import { type CoverageInput, computeCoverage, computeScsi } from '../coverage/coverage.js';
import { coverageText } from '../coverage/coverage-table.js';
import { MarkersError, withGeneratedPart } from '../coverage/generated-part.js';
import { readEvidence } from '../coverage/mutation-evidence.js';
import { PROVING_MUTANTS } from '../coverage/proving-mutants.js';
import { readReasons } from '../coverage/reasons.js';
import { staleEvidence } from '../coverage/staleness.js';
import { addWitness, NoWitnessError, readWitnesses, writeWitnesses } from '../coverage/witnesses.js';
import { STANDING_CHECKS } from '../harness/violation.js';
import { readResults } from '../report/read-results.js';
import type { TextSink } from '../report/terminal.js';
import { ExitCode } from '../run/exit-code.js';
import { ownCases } from '../run/load-cases.js';
import { scsiRequirements } from '../run/scsi-catalogue.js';
import { UsageError } from './errors.js';

export interface CoverageOptions {
  readonly json?: boolean;
  /** The document to bring up to date; `true` for that of the package. */
  readonly write?: string | true;
  readonly check?: boolean;
  readonly witness?: readonly string[];
}

/** So many lines about what is stale say enough. */
const STALE_SHOWN = 10;

const DOCUMENT = fileURLToPath(new URL('../../CONFORMANCE.md', import.meta.url));

/** Enters what foreign devices showed into the witnesses; stores them if asked to. */
function takeWitnesses(files: readonly string[], write: boolean, out: TextSink): void {
  let witnesses = readWitnesses();
  for (const { results } of files.map(readResults)) {
    try {
      witnesses = addWitness(witnesses, results);
    } catch (error) {
      if (error instanceof NoWitnessError) throw new UsageError(error.message);
      throw error;
    }
    const device = `${results.dut.name} ${results.dut.version}`;
    const count = Object.values(witnesses.cases).filter((devices) => devices.includes(device)).length;
    out.write(`${device}: witness of ${count} cases${write ? '' : ' (not stored: add --write)'}\n`);
  }
  if (write) writeWitnesses(witnesses);
}

/** Throws CaseFilesError, ResultsFileError and UsageError. */
export function coverageCommand(options: CoverageOptions, out: TextSink): number {
  if (options.witness !== undefined) {
    takeWitnesses(options.witness, options.write !== undefined, out);
    return ExitCode.CONFORMANT;
  }
  const cases = ownCases().files.flatMap((file) => file.cases);
  const [evidence, witnesses] = [readEvidence(), readWitnesses()];
  const input: CoverageInput = {
    catalogue: readCatalogue(),
    cases,
    standing: STANDING_CHECKS,
    evidence,
    witnesses,
    reasons: readReasons(),
  };
  const requirements = computeCoverage(input);
  const scsi = computeScsi(input, scsiRequirements().values());
  const text = coverageText(requirements, scsi, evidence, witnesses);
  if (options.check) {
    const ids = cases.map(({ id }) => id);
    const all = staleEvidence(evidence, ids, PROVING_MUTANTS);
    const stale = all.slice(0, STALE_SHOWN);
    if (all.length > stale.length) stale.push(`${all.length - stale.length} more of that kind`);
    if (all.length > 0)
      stale.push('fixtures/evidence/mutants.json is stale: run "npm run mutate -- --write"');
    if (updated(DOCUMENT, text).changed)
      stale.push('CONFORMANCE.md is stale: run "vscsi coverage --write CONFORMANCE.md"');
    for (const line of stale) out.write(`${line}\n`);
    return stale.length > 0 ? ExitCode.NOT_CONFORMANT : ExitCode.CONFORMANT;
  }
  if (options.write !== undefined) {
    const file = options.write === true ? DOCUMENT : options.write;
    writeFileSync(file, updated(file, text).document);
    return ExitCode.CONFORMANT;
  }
  out.write(options.json ? `${JSON.stringify({ requirements, scsi }, undefined, 2)}\n` : text);
  return ExitCode.CONFORMANT;
}

/** The document as it should be, and whether that is different. */
function updated(file: string, text: string): { readonly document: string; readonly changed: boolean } {
  const before = readFileSync(file, 'utf8');
  try {
    const document = withGeneratedPart(before, text);
    return { document, changed: document !== before };
  } catch (error) {
    if (error instanceof MarkersError) throw new UsageError(`${file}: ${error.message}`);
    throw error;
  }
}
