import { expect, test } from 'vitest';
import type { ExpandedCase } from '../../src/cases/types.js';
import { NO_CONTROLS } from '../../src/duts/dut.js';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import { openModelPort } from '../../src/duts/model/mutant-port.js';
import { expandAll } from '../../src/run/expand-all.js';
import { ownCases } from '../../src/run/load-cases.js';
import { requirements } from '../../src/run/requirements.js';
import type { CaseResult, Finding } from '../../src/run/results.js';
import { openSession } from '../../src/run/session.js';
import { SpecFilter } from '../../src/run/spec-version.js';

const dated = new Map([
  ['old', { since: '1.0' }],
  ['undated', {}],
  ['new', { since: '1.2' }],
  ['newest', { since: '1.4' }],
]);

const judgement = (covers: readonly string[]) => ({ level: 'MUST', covers, at: { line: 1, column: 1 } });
/** As much of a case as the filter looks at. */
function plan(covers: readonly string[], ...expectations: (readonly string[])[]): ExpandedCase {
  return {
    covers,
    steps: expectations.map((each) => ({ kind: 'check', judgement: judgement(each) })),
  } as unknown as ExpandedCase;
}

test('a case all of whose requirements are later is skipped, with them as evidence', () => {
  expect(new SpecFilter('1.1', dated).plan(plan(['new', 'newest'], ['new'], ['newest'])).skip).toEqual({
    kind: 'excluded-mode',
    evidence: 'the run is for virtio 1.1; new since 1.2, newest since 1.4',
  });
});

test.each([
  ['1.1', ['MUST', 'MAY', 'MUST', 'MUST']],
  ['1.2', ['MUST', 'MUST', 'MUST', 'MUST']],
] as const)('in other cases %s leaves the levels %j', (version, levels) => {
  const whole = plan(['old', 'new'], ['old'], ['new'], ['old', 'new'], []);
  const { steps, skip } = new SpecFilter(version, dated).plan(whole);
  expect(skip).toBeUndefined();
  expect(steps.map((step) => 'judgement' in step && step.judgement.level)).toEqual(levels);
  // The plan is shared between runs.
  expect(JSON.stringify(whole)).not.toMatch(/MAY/);
});

test('what is found about later requirements is taken away, and the verdict with it', () => {
  const finding = (severity: Finding['severity'], ...ids: string[]): Finding => ({
    step: '1',
    check: 'c',
    requirements: ids,
    severity,
    expected: '',
    got: '',
  });
  const result = (...findings: Finding[]): CaseResult => ({
    id: 'a',
    title: '',
    mode: 'pci.split',
    verdict: 'note',
    durationMs: 1,
    findings,
  });
  const filter = new SpecFilter('1.0', dated);
  expect(filter.result(result(finding('note', 'new')))).toMatchObject({ verdict: 'pass', findings: [] });
  for (const kept of [
    finding('note', 'old'),
    finding('note', 'undated'),
    finding('note'),
    finding('fail', 'new'),
  ])
    expect(filter.result(result(kept)).findings).toEqual([kept]);
});

test('the catalogue dates requirements, and version 1.4 leaves nothing out', async () => {
  expect([...requirements().values()].some(({ since }) => since !== '1.0')).toBe(true);
  const dut = await modelAdapter({ seed: 1 }).start();
  const port = openModelPort(dut.attach as Parameters<typeof openModelPort>[0], NO_CONTROLS);
  const session = openSession(port, dut.profile, 1, () => {});
  const newest = new SpecFilter('1.4', requirements());
  for (const each of expandAll(ownCases().files, session).cases) expect(newest.plan(each)).toBe(each);
});
