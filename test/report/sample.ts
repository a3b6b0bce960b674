/** Results with a bit of everything, for tests of reports. */

import type { StandingCount } from '../../src/harness/standing-ledger.js';
import type { HeaderEvent } from '../../src/report/events.js';
import { EMPTY_GATE, type Gate } from '../../src/run/gate.js';
import { type CaseResult, type RunResults, summarise } from '../../src/run/results.js';

const base = { mode: 'pci.split', durationMs: 1.5, findings: [] } as const;
export const CASES: readonly CaseResult[] = [
  { ...base, id: 'a.pass', title: 'Passes', verdict: 'pass', seen: [{ step: '1', is: 'one way' }] },
  {
    ...base,
    id: 'a.fail[#1, x]',
    title: 'Fails: # is no directive',
    verdict: 'fail',
    findings: [
      {
        step: '2',
        check: 'data_in',
        requirements: ['virtio.framing.no-assumptions'],
        severity: 'fail',
        expected: '01 02',
        got: '01 ff',
        expectedBytes: '0102',
        gotBytes: '01ff',
        sent: '00',
        place: 'a.yaml:3:1',
      },
    ],
  },
  { ...base, id: 'a.known', title: 'Known', verdict: 'fail' },
  {
    ...base,
    id: 'a.skip',
    title: 'Skipped',
    verdict: 'skip',
    skip: { kind: 'not-offered', evidence: 'tape is not bound' },
  },
  {
    ...base,
    id: 'a.crash',
    title: 'Crashes',
    verdict: 'crash',
    findings: [
      {
        step: '1',
        check: 'alive',
        requirements: [],
        severity: 'crash',
        expected: 'a device that lives on',
        got: 'exit code 1; it said:\nmore\n',
        reproduced: true,
      },
    ],
  },
];

export const RESULTS: RunResults = {
  schemaVersion: 1,
  suite: { version: '1.2.3', caseSetHash: 'ab'.repeat(32) },
  environment: { node: 'v20', platform: 'linux x64', date: '2026-01-01T00:00:00.000Z' },
  dut: { name: 'qemu', version: '7.2.22', features: ['VIRTIO_F_VERSION_1'], details: { command: 'qemu -x' } },
  seed: 7,
  strict: false,
  spec: '1.4',
  request: { device: ['--dut', 'qemu'], modes: 'default' },
  modes: ['pci.split'],
  interrupted: false,
  summary: summarise(CASES),
  standing: [
    {
      check: 'used-length',
      requirement: 'virtio.split.used-len-bytes-written',
      severity: 'fail',
      violations: 1,
      exchanges: 2,
      verdict: 'fail',
      firstExample: { check: 'used-length', case: 'a.pass', step: '1', expected: 'e', got: 'g', bytes: '00' },
    },
    {
      check: 'canary',
      requirement: 'virtio.split.no-write-outside',
      severity: 'fail',
      violations: 0,
      exchanges: 2,
      verdict: 'pass',
    },
  ],
  cases: CASES,
};

export const GATE: Gate = {
  ...EMPTY_GATE,
  known: ['a.known', 'standing:used-length'],
  deviations: 2,
  unexpected: ['a.fail[#1, x]', 'a.crash'],
  stale: ['a.gone'],
  remarks: ['a remark'],
};

/** What the standing checks decided in each case; together the rows of the results. */
export function standingOf({ id }: CaseResult): StandingCount[] {
  if (id !== 'a.pass') return [];
  return RESULTS.standing.map(({ check, violations, exchanges, firstExample }) => ({
    check,
    violations,
    exchanges,
    ...(firstExample && { firstExample }),
  }));
}

const { schemaVersion, suite, environment, seed, dut } = RESULTS;
export const HEADER: HeaderEvent = {
  type: 'header',
  ...{ schemaVersion, suite, environment, seed },
  dut: { name: dut.name, version: dut.version, details: dut.details },
  strict: false,
  spec: '1.4',
  request: { device: ['--dut', 'qemu'], modes: 'default' },
};
