/** What is measured: nothing that a device may not survive, since nobody watches. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../src/duts/model/attach.js';
import { openModel } from '../../src/duts/model/port.js';
import { benchSuite } from '../../src/run/bench-suite.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';

const CASES = `suite: s
spec: {document: virtio-1.4}
defaults: {needs: [disk]}
cases:
  - id: a.plain
    title: A command is answered
    steps:
      - command: {lun: disk, cdb: {op: INQUIRY, allocation_length: 36}}
        expect: {residual: 0, covers: [scsi.req.residual]}
  - id: a.fatal
    title: A command that some device does not survive
    steps:
      - command: {lun: disk, cdb: {op: INQUIRY, allocation_length: 5}}
        expect: {residual: 0, covers: [scsi.req.residual]}
  - id: a.hostile
    title: A request without its end
    hostile: true
    steps:
      - chain: [{out: "00*8"}]
        queue: 2
        expect: {answer: any, outcome: [returned, needs_reset, silent], covers: [scsi.req.residual]}
`;

test('hostile cases and those that the device is known not to survive are left out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-bench-'));
  const dut = await modelAdapter({ seed: 1 }).start('pci');
  const { port } = openModel(dut.attach as ModelAttach);
  try {
    const file = join(folder, 'case.yaml');
    writeFileSync(file, CASES);
    const { files } = checkCaseFiles([file]);
    const heldBack = [{ id: 'a.fatal', reason: 'It hangs.' }];
    const { cases, leftOut } = benchSuite(port, dut.profile, files, { rounds: 1, seed: 1, heldBack });
    expect({ cases, leftOut }).toEqual({ cases: 1, leftOut: 2 });
  } finally {
    port.close();
    await dut.stop();
    rmSync(folder, { recursive: true });
  }
});
