/** Comparing results with those of an earlier run: what is new, what is fixed, and what has got worse. */
import { readFileSync } from 'node:fs';
import { resultKey } from './modes.js';
import { BY_WEIGHT, RED, type RunResults, type Verdict } from './results.js';

/** Verdicts of an earlier run by `resultKey`; standing rows are called `standing:` and the name of the check. */
export interface Baseline {
  readonly file: string;
  readonly dut: string;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** The file does not hold results. Exit code 2. */
export class BaselineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BaselineError';
  }
}

/** One id whose verdict is not what it was. */
export interface Change {
  readonly id: string;
  /** Undefined where there was none. */
  readonly before: Verdict | undefined;
  /** Undefined where there is none. */
  readonly now: Verdict | undefined;
  readonly kind: 'regression' | 'fixed' | 'new' | 'gone' | 'changed';
}

const VERDICTS: ReadonlySet<string> = new Set<Verdict>([
  'pass',
  'fail',
  'warn',
  'note',
  'skip',
  'crash',
  'hang',
  'error',
]);

/** Reads a results file. Throws BaselineError, naming the file and what is wrong with it. */
export function loadBaseline(file: string): Baseline {
  const refuse = (what: string) =>
    new BaselineError(`${file}: ${what}; expected the JSON of an earlier run (--report json=FILE)`);
  let root: unknown;
  try {
    root = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  const { schemaVersion, dut, cases, standing } = (root ?? {}) as {
    schemaVersion?: unknown;
    dut?: { name?: unknown };
    cases?: unknown;
    standing?: unknown;
  };
  if (schemaVersion !== 1)
    throw refuse(`schemaVersion is ${JSON.stringify(schemaVersion) ?? 'missing'}, not 1`);
  if (!Array.isArray(cases) || !Array.isArray(standing) || typeof dut?.name !== 'string')
    throw refuse('dut, cases or standing are missing');
  const verdicts = new Map<string, Verdict>();
  const enter = (id: unknown, verdict: unknown) => {
    if (typeof id !== 'string' || typeof verdict !== 'string' || !VERDICTS.has(verdict))
      throw refuse(`${JSON.stringify(id)} has no verdict`);
    verdicts.set(id, verdict as Verdict);
  };
  for (const { id, mode, verdict } of cases as { id?: unknown; mode?: unknown; verdict?: unknown }[])
    enter(typeof id === 'string' && typeof mode === 'string' ? resultKey({ id, mode }) : id, verdict);
  for (const { check, verdict } of standing as { check?: unknown; verdict?: unknown }[])
    enter(`standing:${String(check)}`, verdict);
  return { file, dut: dut.name, verdicts };
}

/** Verdicts of results by id, as a baseline has them. */
export function verdictsById({
  cases,
  standing,
}: Pick<RunResults, 'cases' | 'standing'>): Map<string, Verdict> {
  return new Map<string, Verdict>([
    ...cases.map((result) => [resultKey(result), result.verdict] as const),
    ...standing.map(({ check, verdict }) => [`standing:${check}`, verdict] as const),
  ]);
}

/** `complete`: the run was not narrowed, so what it does not have is gone. */
export function compareWithBaseline(
  results: Pick<RunResults, 'cases' | 'standing'>,
  { verdicts }: Baseline,
  complete: boolean,
): Change[] {
  const now = verdictsById(results);
  const changes = [...now].flatMap(([id, verdict]): Change[] => {
    const before = verdicts.get(id);
    if (before === verdict) return [];
    return [{ id, before, now: verdict, kind: kindOf(before, verdict) }];
  });
  if (!complete) return changes;
  const gone = [...verdicts].filter(([id]) => !now.has(id));
  return [...changes, ...gone.map(([id, before]): Change => ({ id, before, now: undefined, kind: 'gone' }))];
}

/** Red where it was not, a worse kind of red, or red where nothing is known of before. */
function kindOf(before: Verdict | undefined, now: Verdict): Change['kind'] {
  const red = RED.has(now);
  if (before === undefined) return red ? 'regression' : 'new';
  const wasRed = RED.has(before);
  if (red) return wasRed && weight(now) < weight(before) ? 'changed' : 'regression';
  return wasRed ? 'fixed' : 'changed';
}

const weight = (verdict: Verdict) => (BY_WEIGHT as readonly Verdict[]).indexOf(verdict);
