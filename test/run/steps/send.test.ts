/** Sending again: a try for an answer that is not the expected one, time for a unit that asks for time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { modelAdapter } from '../../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../../src/duts/model/attach.js';
import { openModel } from '../../../src/duts/model/port.js';
import { Beacon } from '../../../src/run/beacon.js';
import { CaseRun } from '../../../src/run/case-run.js';
import { expandAll } from '../../../src/run/expand-all.js';
import { checkCaseFiles } from '../../../src/run/load-cases.js';
import { openSession } from '../../../src/run/session.js';
import { ScsiStatus } from '../../../src/wire/scsi/status.js';

const CASE = `suite: s
spec: {document: virtio-1.4}
cases:
  - id: a.ready
    title: The unit gets ready
    needs: [disk]
    steps:
      - command: {lun: disk, cdb: {op: REQUEST SENSE, allocation_length: 18}}
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
      - command: {lun: disk, cdb: TEST UNIT READY}
        retry: 2
        within: 1s
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-send-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The case's verdict, and how often TEST UNIT READY was sent, on a unit that refuses it for so long and with this. */
async function runRefusing(forMs: number, asc: number) {
  const file = join(folder, 'case.yaml');
  writeFileSync(file, CASE);
  const dut = await modelAdapter({ seed: 1 }).start();
  const { port, change } = openModel(dut.attach as ModelAttach);
  const session = openSession(port, dut.profile, 1, () => {});
  const [plan] = expandAll(checkCaseFiles([file]).files, session).cases;
  if (plan === undefined) throw new Error('the case was not expanded');
  let until: number | undefined;
  let sent = 0;
  change((behaviours) => {
    const { perform } = behaviours;
    behaviours.perform = (call, run) => {
      // The case begins with REQUEST SENSE; what comes before it is the suite's.
      if (call.command.name === 'REQUEST SENSE') until = port.clock.now() + forMs;
      if (call.command.name !== 'TEST UNIT READY' || until === undefined) return perform(call, run);
      sent++;
      if (port.clock.now() >= until) return perform(call, run);
      return { status: ScsiStatus['CHECK CONDITION'], sense: { key: 2, asc, ascq: 1 } };
    };
  });
  const { verdict } = new CaseRun(session, plan, new Beacon(), () => {}).run();
  return { verdict, sent };
}

test('a unit that gets ready is given the time of the step, whatever the number of tries', async () => {
  const { verdict, sent } = await runRefusing(300, 0x04);
  expect(verdict).toBe('pass');
  expect(sent).toBeGreaterThan(3);
});

test('a unit that does not get ready in the time of the step fails', async () => {
  expect((await runRefusing(5000, 0x04)).verdict).toBe('fail');
});

test('a unit that says no other thing than that it has no medium gets the tries and no more', async () => {
  expect(await runRefusing(300, 0x3a)).toEqual({ verdict: 'fail', sent: 3 });
});
