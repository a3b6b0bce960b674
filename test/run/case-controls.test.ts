/** What a case does by controls: how it binds names, and that it is undone whatever becomes of the case. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Control } from '../../src/port/controls.js';
import { CaseControls } from '../../src/run/case-controls.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import type { Session } from '../../src/run/session.js';
import { runOnModel } from './in-process.js';

const DISK = { target: 0, unit: 0 };
const NEW = { target: 0, unit: 9 };
const FRESH = { kind: 'disk', blocks: 8, blockSize: 512 } as const;

/** What `undo` invokes after these controls. */
function undone(...deeds: readonly Control[]): Control[] {
  const invoked: Control[] = [];
  const port = { controls: { offered: new Set(), invoke: (control: Control) => invoked.push(control) } };
  const session = { port, units: [{ profile: DISK, blocks: 100 }] } as unknown as Session;
  const controls = new CaseControls(session);
  for (const deed of deeds) controls.invoke(deed);
  invoked.length = 0;
  controls.undo();
  return invoked;
}

const plug: Control = { name: 'plug', at: NEW, fresh: FRESH };
const unplug = (at: typeof NEW): Control => ({ name: 'unplug', at });
const back: Control = { name: 'plug', at: DISK };
const resize = (blocks: number): Control => ({ name: 'resize', at: DISK, blocks });
const fault: Control = { name: 'fault', at: DISK, on: 'read', error: 'medium' };
const clear: Control = { name: 'clear', at: DISK };
const usual: Control = { name: 'insert', at: DISK, medium: 'usual' };
const other: Control = { name: 'insert', at: DISK, medium: 'other' };

test.each<[string, Control[], Control[]]>([
  ['what is held', [{ name: 'hold', units: [DISK, NEW] }], [{ name: 'release', units: [DISK, NEW] }]],
  [
    'what is still held',
    [
      { name: 'hold', units: [DISK, NEW] },
      { name: 'release', units: [DISK] },
    ],
    [{ name: 'release', units: [NEW] }],
  ],
  ['a new unit', [plug], [unplug(NEW)]],
  ['a new unit that has gone', [plug, unplug(NEW)], []],
  ['a new unit that has gone while it was held', [plug, { name: 'hold', units: [NEW] }, unplug(NEW)], []],
  ['a unit that was there', [unplug(DISK)], [back]],
  ['a unit that has come back', [unplug(DISK), back], []],
  ['a new unit in the place of another', [unplug(DISK), { ...plug, at: DISK }], [unplug(DISK), back]],
  [
    'a new one in the place of another that has gone',
    [unplug(DISK), { ...plug, at: DISK }, unplug(DISK)],
    [back],
  ],
  ['a new size, whatever came between', [resize(5), resize(7)], [resize(100)]],
  ['a size before the unit went', [resize(5), unplug(DISK)], [back, resize(100)]],
  ['a medium', [{ name: 'eject', at: DISK }, other], [usual]],
  ['a medium that is back', [other, usual], []],
  ['faults', [fault, { ...fault, on: 'write' }], [clear, clear]],
  ['faults that have been cleared', [fault, clear], []],
  ['nothing of what passes', [{ name: 'config-change' }, { name: 'power-cycle' }], []],
])('%s', (_, deeds, expected) => {
  expect(undone(...deeds)).toEqual(expected);
});

test('one that is refused does not keep the others from being undone', () => {
  const invoked: string[] = [];
  const invoke = ({ name }: Control) => {
    invoked.push(name);
    if (name === 'unplug') throw new Error('refused');
  };
  const session = { port: { controls: { offered: new Set(), invoke } }, units: [] } as unknown as Session;
  const controls = new CaseControls(session);
  controls.invoke(fault);
  controls.invoke(plug);
  expect(() => controls.undo()).toThrow('refused');
  expect(invoked).toEqual(['fault', 'plug', 'unplug', 'clear']);
  controls.undo();
  expect(invoked).toHaveLength(4);
});

const CASES = `suite: s
spec: {document: virtio-1.4}
cases:
  - id: a.change
    title: Changes everything, and fails
    needs: [disk, disk2, cdrom, plug, media, resize, fault, hold]
    steps:
      - control: {plug: {as: extra, beside: disk, blocks: 16}}
      - control: {plug: {as: far, target: 9, unit: 300}}
      - control: {unplug: disk2}
      - control: {eject: cdrom}
      - control: {resize: {lun: disk, blocks: =disk.blocks + 8}}
      - control: {fault: {lun: disk, on: read, error: medium}}
      - command: {lun: far, cdb: REQUEST SENSE}
        expect: {data_in: any}
      - control: {hold: far}
      - check: extra.blocks == 16 && extra.block_size == 512 && far.target == 9 && far.unit == 300
      - check: extra.unit == 0
        covers: [scsi.req.response-ok]
  - id: b.look
    title: All is as before
    needs: [disk, disk2, cdrom]
    steps:
      - command: {lun: disk, cdb: {op: READ CAPACITY(10)}}
        expect: {data_in: "{disk.blocks - 1:be32} {disk.block_size:be32}"}
      - command: {lun: disk, cdb: {op: READ(10), lba: 0, blocks: 1}}
      - command: {lun: disk2, cdb: TEST UNIT READY}
      - command: {lun: cdrom, cdb: TEST UNIT READY}
      - command: {lun: {target: 9, unit: 300}, cdb: TEST UNIT READY}
        expect: {response: BAD_TARGET, covers: [scsi.req.response-ok]}
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-controls-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a case that fails leaves nothing behind', async () => {
  const file = join(folder, 'case.yaml');
  writeFileSync(file, CASES);
  const { results, standing } = await runOnModel({ seed: 1, files: checkCaseFiles([file]).files });
  expect(results.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['a.change', 'fail'],
    ['b.look', 'pass'],
  ]);
  // Events that a control brings about are no finding, whether the case looks at them or not.
  expect(standing.find(({ check }) => check === 'no-event')?.violations).toBe(0);
  expect(results[0]?.findings.map(({ step, check }) => [step, check])).toEqual([['10', 'check']]);
});
