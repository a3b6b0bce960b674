/** Controls by commands of a profile, with a script that writes down what it is told. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COMMAND_KEYS, missingCommand, withCommands } from '../../src/duts/command-controls.js';
import type { DutAdapter, RunningDut } from '../../src/duts/dut.js';
import type { Control, ControlCapability } from '../../src/port/controls.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-controls-'));
  writeFileSync(join(folder, 'lab.sh'), SCRIPT, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes its argument and what it is told to a file; one control does not work. */
const SCRIPT = `#!/bin/sh
test "$VSCSI_CONTROL" = resize && { echo "disk full" >&2; exit 3; }
{ echo "$1"; env | grep ^VSCSI_ | sort; } > told
`;

const AT = { target: 3, unit: 300 };
const KEYS = [
  'hold',
  'release',
  'plug',
  'unplug',
  'insert',
  'eject',
  'resize',
  'nexus-fault',
  'clear',
] as const;

/** A device with controls of its own, and what they were asked for. */
async function device(own: readonly ControlCapability[]) {
  const asked: string[] = [];
  const dut: RunningDut = {
    identity: { name: 'fake', version: '0', details: {} },
    profile: { units: [], dmaContained: true, settleMs: 0 },
    attach: undefined,
    exited: new Promise(() => {}),
    pid: 42,
    controls: own,
    control: ({ name }) => {
      asked.push(name);
      return Promise.resolve();
    },
    kill: () => {},
    stop: () => Promise.resolve(),
  };
  const adapter: DutAdapter = {
    name: 'fake',
    obstacles: () => Promise.resolve([]),
    transports: ['pci'],
    start: () => Promise.resolve(dut),
  };
  const commands = Object.fromEntries(KEYS.map((key) => [key, ['./lab.sh', key]]));
  const running = await withCommands(adapter, { commands, folder }).start();
  // What the tests themselves were started with is not told by the control.
  const inherited = ([name]: readonly string[]) => name !== undefined && Object.hasOwn(process.env, name);
  const told = () =>
    readFileSync(join(folder, 'told'), 'utf8')
      .trim()
      .split('\n')
      .filter((line) => !inherited(line.split('=')));
  return { asked, running, told };
}

test.each<[Control, string[]]>([
  [
    { name: 'plug', at: AT, fresh: { kind: 'disk', blocks: 8, blockSize: 512 } },
    [
      'plug',
      'VSCSI_BLOCKS=8',
      'VSCSI_BLOCK_SIZE=512',
      'VSCSI_CONTROL=plug',
      'VSCSI_KIND=disk',
      'VSCSI_PID=42',
      'VSCSI_TARGET=3',
      'VSCSI_UNIT=300',
    ],
  ],
  [
    { name: 'plug', at: AT },
    ['plug', 'VSCSI_CONTROL=plug', 'VSCSI_PID=42', 'VSCSI_TARGET=3', 'VSCSI_UNIT=300'],
  ],
  [
    { name: 'hold', units: [AT, { target: 0, unit: 1 }] },
    ['hold', 'VSCSI_CONTROL=hold', 'VSCSI_PID=42', 'VSCSI_UNITS=3:300 0:1'],
  ],
  [
    { name: 'insert', at: AT, medium: 'other' },
    [
      'insert',
      'VSCSI_CONTROL=insert',
      'VSCSI_MEDIUM=other',
      'VSCSI_PID=42',
      'VSCSI_TARGET=3',
      'VSCSI_UNIT=300',
    ],
  ],
  [
    { name: 'fault', at: AT, on: 'write', error: 'nexus' },
    [
      'nexus-fault',
      'VSCSI_CONTROL=fault',
      'VSCSI_ERROR=nexus',
      'VSCSI_ON=write',
      'VSCSI_PID=42',
      'VSCSI_TARGET=3',
      'VSCSI_UNIT=300',
    ],
  ],
])('%j', async (control, expected) => {
  const { running, told, asked } = await device([]);
  await running.control(control);
  expect(told()).toEqual(expected);
  expect(asked).toEqual([]);
});

test('what a command does not do, the device does by itself', async () => {
  const { running, asked } = await device(['power-cycle', 'fault']);
  expect(new Set(running.controls)).toEqual(
    new Set([
      'power-cycle',
      'fault',
      'hold',
      'plug',
      'plug-target',
      'plug-cdrom',
      'media',
      'resize',
      'nexus-fault',
    ]),
  );
  await running.control({ name: 'power-cycle' });
  await running.control({ name: 'fault', at: AT, on: 'read', error: 'medium' });
  // There may be faults of both.
  await running.control({ name: 'clear', at: AT });
  expect(asked).toEqual(['power-cycle', 'fault', 'clear']);
});

test('a command that fails refuses, and says why', async () => {
  const { running } = await device([]);
  await expect(running.control({ name: 'resize', at: AT, blocks: 9 })).rejects.toMatchObject({
    code: 'CONTROL_REFUSED',
    message: './lab.sh: disk full',
  });
});

test('what cannot be undone is named', () => {
  expect(missingCommand(['hold'])).toEqual({ key: 'hold', lacks: 'release' });
  expect(missingCommand(['insert', 'plug', 'unplug'])).toEqual({ key: 'insert', lacks: 'eject' });
  expect(missingCommand(['busy-fault'])).toEqual({ key: 'busy-fault', lacks: 'clear' });
  expect(missingCommand(['fault', 'clear', 'resize', 'power-cycle'])).toBeUndefined();
});

test('the schema of profiles knows every key, and the documentation explains it', () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const schema = JSON.parse(read('fixtures/profiles/dut-profile.schema.json')) as {
    properties: { controls: { properties: object } };
  };
  expect(Object.keys(schema.properties.controls.properties).sort()).toEqual([...COMMAND_KEYS].sort());
  const documentation = read('docs/controls.md');
  for (const key of COMMAND_KEYS) expect(documentation).toContain(`\`${key}\``);
});
