/** Bytes that a device wrote may equal the poison that was there before: no case may be red by that chance. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../src/duts/model/attach.js';
import { openModel } from '../../src/duts/model/port.js';
import { Beacon } from '../../src/run/beacon.js';
import { CaseRun } from '../../src/run/case-run.js';
import { runDecided } from '../../src/run/decided-run.js';
import { expandAll } from '../../src/run/expand-all.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { openSession } from '../../src/run/session.js';

const SEED = 1;

const folder = mkdtempSync(join(tmpdir(), 'vscsi-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The verdicts of a case about data-in of 8 bytes, of which 5 are written; and how often it was run for each. */
async function judge(expected: string, times = 1) {
  const file = join(folder, 'case.yaml');
  writeFileSync(
    file,
    `suite: s
spec: {document: virtio-1.4}
cases:
  - id: test.decided
    title: Data-in of an INQUIRY of 5 bytes
    needs: [disk]
    steps:
      - command: {lun: disk, cdb: {op: INQUIRY, allocation_length: 5}, data_in: 8}
        expect: {${expected}, covers: [scsi.req.datain-is-remainder]}
`,
  );
  const dut = await modelAdapter({ seed: SEED }).start();
  const { port } = openModel(dut.attach as ModelAttach);
  const session = openSession(port, dut.profile, SEED, () => {});
  const { cases } = expandAll(checkCaseFiles([file]).files, session);
  const [plan] = cases;
  if (plan === undefined) throw new Error('no case');
  return Array.from({ length: times }, () => {
    let runs = 0;
    const result = runDecided(() => {
      runs++;
      return new CaseRun(session, plan, new Beacon(), () => {});
    });
    return { verdict: result.verdict, runs, findings: result.findings };
  });
}

test('bytes that are not written stay so with any poison', async () => {
  expect(await judge('data_in: "written*8"')).toMatchObject([{ verdict: 'fail', runs: 3 }]);
});

test('written bytes are, whatever poison there was', async () => {
  const results = await judge('data_in: "written*5 ..*3"', 300);
  for (const { verdict, findings } of results) expect(verdict, JSON.stringify(findings)).toBe('pass');
  // Among so many there is one in which chance had a say.
  expect(Math.max(...results.map(({ runs }) => runs))).toBe(2);
});

test('what is wrong besides is decided at once', async () => {
  expect(await judge('data_in: "ff written*7"')).toMatchObject([{ verdict: 'fail', runs: 1 }]);
});

test('a few bytes that are as before may be so by chance, and count only if they stay so', async () => {
  const kept = (bytes: string) =>
    judge(`one_of: [{is: kept, data_in: "${bytes}", verdict: warn}, {is: written, data_in: any}]`, 1200);
  for (const result of await kept('..*7 untouched'))
    expect(result).toMatchObject({ verdict: 'warn', runs: 3 });
  const results = await kept('..*4 untouched ..*3');
  expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
  expect(Math.max(...results.map(({ runs }) => runs))).toBe(2);
});
