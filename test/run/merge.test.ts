/** Parts of a run are put together only if they are all parts of one run. */
import { expect, test } from 'vitest';
import { mergeParts, type Part } from '../../src/run/merge.js';
import { type CaseResult, type RunResults, summarise } from '../../src/run/results.js';
import { isInShard } from '../../src/run/shard.js';
import { RESULTS } from '../report/sample.js';

const COUNT = 3;
const CASES: readonly CaseResult[] = Array.from({ length: 30 }, (_, order) => ({
  ...{ id: `a.case-${order % 15}`, title: '', verdict: 'pass', durationMs: 1, findings: [] },
  mode: order < 15 ? 'pci.split' : 'mmio.split',
  order: order % 15,
}));

function part(index: number, change: Partial<RunResults> = {}): Part {
  const cases = CASES.filter(({ id }) => isInShard(id, { index, count: COUNT }));
  const request = { device: ['--dut', 'qemu'], modes: 'all', shard: { index, count: COUNT } } as const;
  return {
    file: `${index}.json`,
    results: { ...RESULTS, cases, summary: summarise(cases), request, ...change },
  };
}
const requestOf = (index: number) => part(index).results.request ?? { device: [], modes: 'all' };

test('all parts, in whatever order, are the results of the whole', () => {
  const merged = mergeParts([part(3), part(1), part(2)]);
  expect(merged.cases).toEqual(CASES);
  expect(merged.summary).toEqual(summarise(CASES));
  expect(merged.request).toEqual({ device: ['--dut', 'qemu'], modes: 'all' });
  expect(merged.modes).toEqual(['pci.split', 'mmio.split']);
  const [row] = merged.standing;
  expect(row).toMatchObject({ check: 'used-length', violations: 3, exchanges: 6, verdict: 'fail' });
});

test.each<[string, Part[], RegExp]>([
  ['nothing', [], /no results to merge/],
  ['a hole', [part(1), part(3)], /there is a hole: of 3 parts 2 is missing/],
  ['two holes', [part(1)], /of 3 parts 2, 3 are missing/],
  [
    'an overlap',
    [part(1), part(2), { ...part(2), file: 'again.json' }, part(3)],
    /2\.json and again\.json overlap: both are part 2 of 3/,
  ],
  [
    'a part that was ended early',
    [part(1), part(2, { interrupted: true }), part(3)],
    /2\.json has a hole: it was ended early; run that part again/,
  ],
  [
    'a part whose device went away',
    [part(1), part(2, { failure: 'gone' }), part(3)],
    /2\.json has a hole: gone/,
  ],
  [
    'a case of another part',
    [part(1), part(2, { cases: part(3).results.cases }), part(3)],
    /2\.json holds a\.case-\d+, which is not in part 2 of 3/,
  ],
  [
    'a run in one piece',
    [part(1), part(2, { request: { device: [], modes: 'all' } })],
    /2\.json is no part of a run/,
  ],
  [
    'results that do not tell',
    [
      ((): Part => {
        const { request: _, ...results } = RESULTS;
        return { file: 'r.tap', results };
      })(),
    ],
    /r\.tap does not say which part/,
  ],
])('%s is refused', (_, parts, message) => {
  expect(() => mergeParts(parts)).toThrow(message);
});

test.each<[string, Partial<RunResults>, RegExp]>([
  ['version', { suite: { ...RESULTS.suite, version: '9' } }, /version of the suite is 9, not 1\.2\.3/],
  ['case set', { suite: { ...RESULTS.suite, caseSetHash: 'cd'.repeat(32) } }, /case set is cd/],
  ['device', { dut: { ...RESULTS.dut, version: '8' } }, /device is qemu 8, not qemu 7\.2\.22/],
  ['features', { dut: { ...RESULTS.dut, features: [] } }, /features of the device is \[\], not/],
  ['seed', { seed: 8 }, /seed is 8, not 7/],
  ['strictness', { strict: true }, /--strict is true/],
  ['standard', { spec: '1.0' }, /--spec is 1\.0/],
  [
    'number of parts',
    { request: { ...requestOf(2), shard: { index: 2, count: 4 } } },
    /number of parts is 4, not 3/,
  ],
  ['selection', { request: { ...requestOf(2), select: ['a'] } }, /options of the run is .*"select":\["a"\]/],
])('a part of a run with another %s is refused', (_, change, message) => {
  expect(() => mergeParts([part(1), part(2, change), part(3)])).toThrow(message);
  expect(() => mergeParts([part(1), part(2, change), part(3)])).toThrow(
    /2\.json belongs to another run than 1\.json/,
  );
});
