import { expect, test } from 'vitest';
import { markdownText } from '../../src/report/markdown.js';
import { EMPTY_GATE } from '../../src/run/gate.js';
import type { RunResults } from '../../src/run/results.js';
import { caseResults } from '../run/case-results.js';
import { GATE, RESULTS } from './sample.js';

test('the summary says what came of it, by area, with each new failure and how to run it again', () => {
  const text = markdownText(RESULTS, GATE);
  expect(text).toMatch(/^## virtio\\-scsi|^## virtio-scsi conformance: qemu 7\.2\.22$/m);
  expect(text).toContain('**2 new failures, 1 entry of the list of known deviations out of date.**');
  expect(text).toContain('| area | results | pass | fail | skip | crash |');
  expect(text).toContain('| `a` | 5 | 1 | 2 | 1 | 1 |');
  expect(text).toContain('<summary>fail: <code>a.fail[#1, x]</code> Fails: # is no directive</summary>');
  expect(text).toContain("again: vscsi run --dut qemu --seed 7 --select 'a.fail[#1, x]'");
  expect(text).not.toContain('<code>a.known</code>');
  expect(text).toContain('- stale entry: `a.gone`');
  expect(text).toContain('- 1 × `not-offered: tape is not bound`');
});

test.each([
  [RESULTS, { ...EMPTY_GATE, deviations: 1 }, '**Nothing is red but 1 known deviation.**'],
  [RESULTS, EMPTY_GATE, '**Nothing is red.**'],
  [{ ...RESULTS, interrupted: true }, EMPTY_GATE, '**The run was ended early. Nothing is red.**'],
  [
    { ...RESULTS, summary: { ...RESULTS.summary, total: 1, skip: 1 } },
    EMPTY_GATE,
    '**No case was executed.**',
  ],
] as const)('headline %#', (results, gate, headline) => {
  expect(markdownText(results, gate)).toContain(headline);
});

test('whatever a device says is no markup', () => {
  const hostile = '``` </code></details> <img onerror=x> | [a](http://b) **c** @d\n# e';
  const [result] = caseResults({ 'a.b': 'fail' });
  const finding = {
    step: '1',
    check: 'c',
    requirements: [],
    severity: 'fail',
    expected: hostile,
    got: '````',
  } as const;
  const results: RunResults = {
    ...RESULTS,
    dut: { ...RESULTS.dut, version: hostile },
    cases: [
      { ...(result as RunResults['cases'][number]), id: hostile, title: hostile, findings: [finding] },
      {
        ...(result as RunResults['cases'][number]),
        verdict: 'skip',
        skip: { kind: 'no-layer', evidence: hostile },
      },
    ],
  };
  const text = markdownText(results, { ...EMPTY_GATE, unexpected: [hostile] });
  // The details hold one block of text, whose fence is longer than any in it, and end after it.
  const [, fence, block] = /\n\n(`+)text\n(.*)\n\1\n\n<\/details>/s.exec(text) ?? [];
  expect(fence).toBe('`````');
  expect(block).toContain('````');
  const tags = (part: string | undefined) => part?.match(/<[^>]*>/g) ?? [];
  const lines = text.replace(block ?? '', '').split('\n');
  expect(tags(lines.find((line) => line.startsWith('<details>')))).toEqual(
    ['details', 'summary', 'code', '/code', '/summary'].map((name) => `<${name}>`),
  );
  // In other lines markup is escaped, or stands in a code span.
  const others = lines
    .filter((line) => !line.startsWith('<details>'))
    .map((line) =>
      line.replaceAll(/\\[!-/:-@[-`{-~]/g, '').replaceAll(/(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)/g, ''),
    );
  expect(others.flatMap(tags)).toEqual(['</details>']);
  expect(text).toContain('- 1 × ````no-layer: ``` </code></details> <img onerror=x> \\| [a]');
  expect(lines.filter((line) => /^#/.test(line))).toHaveLength(3);
});
