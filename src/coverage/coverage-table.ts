/** Coverage as tables: how many requirements of each area are in which state. */
import type { CoverageState, RequirementCoverage, ScsiCoverage } from './coverage.js';
import { type Evidence, equivalents, survivors } from './mutation-evidence.js';
import type { Witnesses } from './witnesses.js';

/** Counts of one area. */
export type AreaRow = {
  readonly area: string;
  readonly total: number;
  readonly covered: number;
} & Readonly<Record<CoverageState, number>>;

const COLUMNS = [
  'total',
  'covered',
  'witnessed',
  'model-only',
  'reasoned',
  'untestable',
  'open',
] as const satisfies readonly (keyof AreaRow)[];

function rowOf(area: string, requirements: readonly RequirementCoverage[]): AreaRow {
  const count = (state: CoverageState) => requirements.filter((each) => each.state === state).length;
  return {
    area,
    total: requirements.length,
    covered: count('witnessed') + count('model-only'),
    witnessed: count('witnessed'),
    'model-only': count('model-only'),
    reasoned: count('reasoned'),
    untestable: count('untestable'),
    open: count('open'),
  };
}

/** A row for each area, in the order in which the catalogue first names them, and their sum. */
export function areaRows(requirements: readonly RequirementCoverage[]): readonly AreaRow[] {
  const areas = new Set(requirements.map(({ area }) => area));
  const rows = [...areas].map((area) =>
    rowOf(
      area,
      requirements.filter((each) => each.area === area),
    ),
  );
  return [...rows, rowOf('all', requirements)];
}

/** A table in Markdown that also reads well as text: the first column is of words, the others are of numbers. */
function table(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0))) ?? [];
  const padded = lines.map((line) =>
    widths.map((width, i) => (i === 0 ? (line[i] ?? '').padEnd(width) : (line[i] ?? '').padStart(width))),
  );
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  const [head = '', ...rows] = padded.map((line) => `| ${line.join(' | ')} |`);
  return [head, `| ${rule.join(' | ')} |`, ...rows].join('\n');
}

function areaTable(requirements: readonly RequirementCoverage[]): string {
  const rows = areaRows(requirements).map((row) => [
    row.area,
    ...COLUMNS.map((column) => String(row[column])),
  ]);
  return table([['area', ...COLUMNS], ...rows]);
}

/** How many rules of each SCSI command set the cases cover. */
function scsiTable(rules: readonly ScsiCoverage[]): string {
  const columns = ['witnessed', 'model-only', 'reasoned', 'open'] as const;
  const rowOfRules = (name: string, own: readonly ScsiCoverage[]) => {
    const count = (state: ScsiCoverage['state']) => own.filter((each) => each.state === state).length;
    const single = own.filter(({ agreement }) => agreement === 'single').length;
    const covered = count('witnessed') + count('model-only');
    return [name, own.length, single, covered, ...columns.map(count)].map(String);
  };
  const sets = [...new Set(rules.map(({ commandSet }) => commandSet))];
  const rows = sets.map((name) =>
    rowOfRules(
      name,
      rules.filter(({ commandSet }) => commandSet === name),
    ),
  );
  return table([
    ['command set', 'rules', 'of one source', 'covered', ...columns],
    ...rows,
    rowOfRules('all', rules),
  ]);
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** The whole report; the same text goes to the terminal and into CONFORMANCE.md. */
export function coverageText(
  requirements: readonly RequirementCoverage[],
  scsi: readonly ScsiCoverage[],
  evidence: Evidence,
  witnesses: Witnesses,
): string {
  const ofRole = (role: RequirementCoverage['role']) => requirements.filter((each) => each.role === role);
  const devices = Object.keys(witnesses.devices).sort();
  const proofs = Object.values(evidence.cases);
  const verdicts = Object.values(evidence.mutants);
  const count = (verdict: string) => verdicts.filter((mutant) => mutant.verdict === verdict).length;
  return `Requirements on the device:

${areaTable(ofRole('device'))}

Rules for the driver, which the suite keeps, or breaks to see whether the device survives:

${areaTable(ofRole('driver'))}

Rules of the SCSI command sets, which hold where a unit has the commands:

${scsiTable(scsi)}

Mutants: ${verdicts.length}, of which ${count('caught')} are caught by cases, ${count('standing')} by standing checks alone, ${count('unusable')} make the device unusable, ${count('spoils')} break too many cases to prove any, ${equivalents(evidence).length} are equivalent to a conformant device, and ${survivors(evidence).length + count('set-up')} are not noticed by any expectation. Of ${plural(proofs.length, 'case')} on the model ${proofs.filter((mutants) => mutants.length > 0).length} are proved.

Witnesses: ${devices.length === 0 ? 'none yet' : devices.join(', ')}.
`;
}
