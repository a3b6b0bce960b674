/** A kernel that does not survive a case. Needs the lab, so this runs only where VSCSI_LAB says that it is required. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { vhostScsiAdapter } from '../../src/duts/vhost-scsi/adapter.js';
import { type LabOptions, startLab } from '../../src/lab/lab.js';
import { readBeaconLines } from '../../src/run/beacon.js';
import { superviseInLab } from '../../src/run/in-lab.js';
import { describeEnd } from '../../src/run/lab-boot.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';

const LIMIT_MS = 400_000;

it('knows a panic by what the console says, and shows its end', () => {
  const log = 'Linux\r\nKernel panic - not syncing: Fatal exception\r\nKernel Offset: disabled\r\n';
  const end = { stopped: undefined, status: undefined, complaints: '' };
  expect(describeEnd({ ...end, log })).toBe(
    'the kernel panicked: Fatal exception\nKernel panic - not syncing: Fatal exception\nKernel Offset: disabled',
  );
  expect(describeEnd({ ...end, log: '' })).toBe('the lab ended by itself');
  expect(describeEnd({ ...end, stopped: 'stuck', log: '' })).toMatch(/does not come back/);
});

it('reads where a worker was from the last whole line', () => {
  expect(readBeaconLines('')).toBeUndefined();
  expect(readBeaconLines('1 0 0\n2 3 40\n3 ')).toEqual({ caseIndex: 2, step: 3, line: 40 });
});

const CASES = `
suite: A kernel that crashes
spec: {document: virtio-1.4, clause: "Device Operation: Request Queues"}
defaults: {needs: [disk, plug]}
cases:
  - id: lab.crash.before
    title: A unit that is asked answers
    steps:
      - command: {lun: disk, cdb: TEST UNIT READY}
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
  - id: lab.crash.itself
    title: A unit with the number that the kernel does not survive
    steps:
      - control: {plug: {as: x, target: 0, unit: 77}}
      - quiet: {for: 5s, watch: [rings]}
        covers: [scsi.req.response-ok]
  - id: lab.crash.behind
    title: A unit that is asked later answers
    steps:
      - command: {lun: disk, cdb: TEST UNIT READY}
        expect: {status: GOOD, covers: [scsi.req.response-ok]}
`;

/** In these labs the kernel crashes once there is a unit 77. */
function startCrashing(options: LabOptions) {
  const crash =
    'until [ -e /sys/kernel/config/target/vhost/*/tpgt_0/lun/lun_77 ]; do usleep 20000; done; echo c > /proc/sysrq-trigger';
  const command = ['sh', '-c', `(${crash}) & exec "$@"`, 'sh', ...options.command];
  return startLab({ ...options, command });
}

it.skipIf(process.env.VSCSI_LAB !== 'required')(
  'gives a case during which the kernel crashed that verdict, and runs the others on another one',
  { timeout: LIMIT_MS },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vscsi-in-lab-test-'));
    writeFileSync(join(folder, 'crash.yaml'), CASES);
    const adapter = vhostScsiAdapter();
    const seen: string[] = [];
    let boots = 0;
    const { results, failure, interrupted } = await superviseInLab({
      adapter,
      device: { mmap: true, seed: 1 },
      files: checkCaseFiles([folder]).files,
      transports: adapter.transports,
      modes: 'default',
      selection: { select: [], skip: [] },
      order: {},
      seed: 1,
      strict: false,
      jobs: 1,
      hangMs: 10_000,
      interrupt: new AbortController().signal,
      log: () => {},
      onStarted: () => {},
      onResult: ({ id }) => seen.push(id),
      start(options) {
        boots++;
        return startCrashing(options);
      },
    });
    rmSync(folder, { recursive: true });
    expect({ failure, interrupted }).toEqual({ failure: undefined, interrupted: false });
    expect(results.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      'lab.crash.before pass',
      'lab.crash.itself crash',
      'lab.crash.behind pass',
    ]);
    expect(results[1]?.findings[0]).toMatchObject({
      check: 'alive',
      got: expect.stringContaining('the kernel panicked: sysrq triggered crash'),
      reproduced: true,
    });
    expect(seen).toEqual(results.map(({ id }) => id));
    expect(boots).toBe(3);
  },
);
