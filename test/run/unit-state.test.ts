/** State that outlives a reset: what a case declares is put back, what it does not declare is its mistake. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { runOnModel } from './in-process.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-state-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Registers a reservation key, which outlives resets; a second case looks whether it is gone again. */
const changing = (declared: string) => `suite: s
spec: {document: virtio-1.4}
defaults: {needs: [disk, scratch]}
cases:
  - id: a.change
    title: Registers a key
    ${declared}
    steps:
      - command:
          lun: disk
          cdb: {op: PERSISTENT RESERVE OUT, action: REGISTER AND IGNORE EXISTING KEY, parameter_list_length: 24}
          data_out: "00*8 11 22 33 44 55 66 77 88 00*8"
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
  - id: b.look
    title: No key is registered
    steps:
      - command: {lun: disk, cdb: {op: PERSISTENT RESERVE IN, action: READ KEYS, allocation_length: 64}}
        expect: {data_in: "..*4 00*4 untouched*", covers: [scsi.req.datain-is-remainder]}
`;

async function run(declared: string) {
  const file = join(folder, 'case.yaml');
  writeFileSync(file, changing(declared));
  const { results } = await runOnModel({ seed: 1, files: checkCaseFiles([file]).files });
  return results;
}

test('a change that is declared is put back', async () => {
  const results = await run('changes: [reservations]');
  expect(results.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
});

test('a change that is not declared is an error of the case, and put back all the same', async () => {
  const results = await run('tags: []');
  expect(results.map(({ verdict }) => verdict)).toEqual(['error', 'pass']);
  expect(results[0]?.findings).toEqual([
    expect.objectContaining({ step: 'clean-up', check: 'changes', got: 'reservations changed' }),
  ]);
});

test('nothing is written to a unit that is not lent, whatever the case forgets to ask for', async () => {
  const file = join(folder, 'case.yaml');
  writeFileSync(
    file,
    'suite: s\nspec: {document: virtio-1.4}\ncases:\n  - id: a.write\n    title: Writes to a unit of somebody\n    needs: [disk2]\n    steps:\n      - command: {lun: disk2, cdb: {op: WRITE(10), lba: 0, blocks: 1}}\n        expect: {status: GOOD, covers: [scsi.req.response-ok]}\n',
  );
  const { results } = await runOnModel({ seed: 1, files: checkCaseFiles([file]).files });
  expect(results).toEqual([
    expect.objectContaining({
      verdict: 'skip',
      skip: { kind: 'not-consented', evidence: 'disk2 is not lent for writing' },
    }),
  ]);
});

test('a unit that the case has plugged is its own to write to', async () => {
  const file = join(folder, 'case.yaml');
  writeFileSync(
    file,
    `suite: s
spec: {document: virtio-1.4}
cases:
  - id: a.write
    title: Writes to a new unit
    needs: [disk2, plug]
    steps:
      - control: {plug: {as: x, beside: disk2}}
      - command: {lun: x, cdb: TEST UNIT READY}
        retry: 8
      - command: {lun: x, cdb: {op: WRITE(10), lba: 0, blocks: 1}}
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
`,
  );
  const { results } = await runOnModel({ seed: 1, files: checkCaseFiles([file]).files });
  expect(results.map(({ verdict }) => verdict)).toEqual(['pass']);
});

test.each([
  ['was stopped', 'disk', 'START STOP UNIT, start: 0'],
  ['had its medium ejected', 'cdrom', 'START STOP UNIT (MMC), loej: 1, start: 0'],
  ['keeps its medium', 'cdrom', 'PREVENT ALLOW MEDIUM REMOVAL, prevent: 1'],
])('a unit that %s is ready again for the next case', async (_, role, op) => {
  const file = join(folder, 'case.yaml');
  writeFileSync(
    file,
    `suite: s
spec: {document: virtio-1.4}
defaults: {needs: [${role}]}
cases:
  - id: a.change
    title: Leaves the unit as it is
    changes: [medium, power-condition, prevent]
    steps:
      - command: {lun: ${role}, cdb: {op: ${op}}}
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
  - id: b.look
    title: The unit is ready, and a medium comes out where there is one to come
    steps:
      - command: {lun: ${role}, cdb: TEST UNIT READY}
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
${
  role === 'cdrom'
    ? `      - command: {lun: cdrom, cdb: {op: START STOP UNIT (MMC), loej: 1, start: 0}}
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
`
    : ''
}    changes: [medium]
`,
  );
  const { results } = await runOnModel({ seed: 1, files: checkCaseFiles([file]).files });
  expect(results.map(({ verdict }) => verdict)).toEqual(['pass', 'pass']);
});
