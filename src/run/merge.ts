/** Results of the parts of a run, put together to those of the whole. */
import { isDeepStrictEqual } from 'node:util';
import { StandingLedger } from '../harness/standing-ledger.js';
import { inOrder } from './result-order.js';
import { judgeStanding, type RunRequest, type RunResults, type Shard, summarise } from './results.js';
import { isInShard } from './shard.js';

/** The results of a part, with a name for messages. */
export interface Part {
  readonly file: string;
  readonly results: RunResults;
}

/** The results are not those of all parts of one run. Exit code 2. */
export class MergeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MergeError';
  }
}

/** A part whose place among the others is known. */
interface PlacedPart extends Part {
  readonly request: RunRequest;
  readonly shard: Shard;
}

/**
 * The results that the run would have had in one piece. Throws MergeError, naming the files, for parts of other runs or
 * devices, for one that is there twice, that is missing or was ended early, and for cases that belong elsewhere.
 */
export function mergeParts(parts: readonly Part[]): RunResults {
  const placed = parts.map(placeOf);
  const [first, ...others] = placed;
  if (first === undefined) throw new MergeError('there are no results to merge');
  for (const other of others) refuseForeign(first, other);
  refuseHoles(placed, first.shard.count);
  for (const part of placed) refuseStrayCases(part);
  const cases = inOrder(placed.flatMap(({ results }) => results.cases));
  const standing = new StandingLedger();
  for (const { results } of placed) standing.merge(results.standing);
  const { shard: _, ...request } = first.request;
  const dates = placed.map(({ results }) => results.environment.date).sort();
  return {
    ...first.results,
    request,
    environment: { ...first.results.environment, date: dates.at(-1) ?? '' },
    modes: [...new Set(cases.map(({ mode }) => mode))],
    summary: summarise(cases),
    standing: judgeStanding(standing.rows(), first.results.strict),
    cases,
  };
}

function placeOf({ file, results }: Part): PlacedPart {
  const { request } = results;
  if (request === undefined)
    throw new MergeError(`${file} does not say which part of a run it is; of TAP nothing can be merged`);
  const { shard } = request;
  if (shard === undefined) throw new MergeError(`${file} is no part of a run: it was not run with --shard`);
  if (results.failure !== undefined)
    throw new MergeError(
      `${file} has a hole: ${results.failure}; run that part again, with --resume ${file}`,
    );
  if (results.interrupted)
    throw new MergeError(
      `${file} has a hole: it was ended early; run that part again, with --resume ${file}`,
    );
  return { file, results, request, shard };
}

/** What has to be the same in all parts, in words. */
const COMMON = {
  'version of the suite': ({ results }) => results.suite.version,
  'case set': ({ results }) => results.suite.caseSetHash,
  device: ({ results: { dut } }) => `${dut.name} ${dut.version}`,
  'features of the device': ({ results }) => [...results.dut.features].sort(),
  seed: ({ results }) => results.seed,
  '--strict': ({ results }) => results.strict,
  '--spec': ({ results }) => results.spec,
  'number of parts': ({ shard }) => shard.count,
  'options of the run': ({ request: { shard: _, ...rest } }) => rest,
} as const satisfies Readonly<Record<string, (part: PlacedPart) => unknown>>;

function refuseForeign(first: PlacedPart, other: PlacedPart): void {
  for (const [what, get] of Object.entries(COMMON)) {
    const [one, another] = [get(first), get(other)];
    if (!isDeepStrictEqual(one, another))
      throw new MergeError(
        `${other.file} belongs to another run than ${first.file}: ${what} is ${shown(another)}, not ${shown(one)}`,
      );
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function refuseHoles(parts: readonly PlacedPart[], count: number): void {
  const byIndex = new Map<number, PlacedPart>();
  for (const part of parts) {
    const { index } = part.shard;
    const twin = byIndex.get(index);
    if (twin)
      throw new MergeError(`${twin.file} and ${part.file} overlap: both are part ${index} of ${count}`);
    byIndex.set(index, part);
  }
  const missing = Array.from({ length: count }, (_, at) => at + 1).filter((index) => !byIndex.has(index));
  if (missing.length > 0)
    throw new MergeError(
      `there is a hole: of ${count} parts ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    );
}

function refuseStrayCases({ file, shard, results }: PlacedPart): void {
  const stray = results.cases.find(({ id }) => !isInShard(id, shard));
  if (stray)
    throw new MergeError(`${file} holds ${stray.id}, which is not in part ${shard.index} of ${shard.count}`);
}
