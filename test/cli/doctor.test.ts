import { expect, test } from 'vitest';
import { type DoctorSurroundings, doctorCommand } from '../../src/cli/doctor-command.js';
import { type DutAdapter, DutSetupError, type Obstacle } from '../../src/duts/dut.js';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import { ADAPTERS } from '../../src/duts/registry.js';

const MODEL = modelAdapter({ seed: 1 });
const NAME_IT: Obstacle = { what: 'nothing is named', remedy: '--dut there:SOCKET', choice: true };
const NO_KOFFI: Obstacle = { what: 'koffi is missing', remedy: 'npm install koffi' };
const NO_HARDWARE: Obstacle = { what: 'there is no /dev/thing', remedy: 'modprobe thing' };

/** A kind that has these obstacles, in the lab or not. */
function adapter(obstacles: readonly Obstacle[], more: Partial<DutAdapter> = {}): DutAdapter {
  return { ...MODEL, name: 'there', obstacles: () => Promise.resolve(obstacles), ...more };
}

async function doctor(
  adapters: Readonly<Record<string, DutAdapter>>,
  more: Partial<DoctorSurroundings> = {},
) {
  const said: string[] = [];
  const code = await doctorCommand(
    {},
    { write: (text) => void said.push(text), colour: false, isTerminal: false, columns: 80 },
    {
      kinds: Object.keys(adapters).filter((name) => !name.includes(':')),
      adapterOf: (name) => adapters[name] ?? MODEL,
      lab: () => ({ usable: true, text: 'in the lab' }),
      hasLibc: true,
      ...more,
    },
  );
  return { code, rows: said.join('').split('\n').slice(1, -1) };
}
const noLab = {
  lab: () => ({ usable: false, text: 'there is no lab: no QEMU\n      apt-get install qemu' }),
};
const LAB = { lab: { modules: ['thing'] } };

test('a device with nothing in its way is tried out', async () => {
  expect((await doctor({ there: adapter([]) })).rows).toEqual([
    expect.stringMatching(/^ok {6}there: version \d+\.\d+\.\d+, memory mapped$/),
  ]);
  const start = () => Promise.reject(new DutSetupError('it does not come up', 'switch it on'));
  expect((await doctor({ there: adapter([], { start }) })).rows).toEqual([
    'missing there',
    '    it does not come up',
    '      switch it on',
  ]);
});

test('one that only has to be named is there, and how it is named is told', async () => {
  expect((await doctor({ there: adapter([NAME_IT]) })).rows).toEqual(['ok      there: --dut there:SOCKET']);
  expect((await doctor({ there: adapter([NO_KOFFI, NAME_IT]) })).rows).toEqual([
    'missing there',
    '    koffi is missing',
    '      npm install koffi',
  ]);
});

test('what this machine lacks may be in the lab, and what hinders that is told as well', async () => {
  expect((await doctor({ there: adapter([NO_HARDWARE], LAB) })).rows).toEqual(['ok      there: in the lab']);
  expect((await doctor({ there: adapter([NO_HARDWARE], LAB) }, noLab)).rows).toEqual([
    'missing there',
    '    there is no lab: no QEMU',
    '      apt-get install qemu',
    '    there is no /dev/thing',
    '      modprobe thing',
  ]);
  expect((await doctor({ there: adapter([NO_HARDWARE]) })).rows[0]).toBe('missing there');
});

test('each device that this machine is known to have is a row of its own, and is left alone', async () => {
  const start = () => Promise.reject(new Error('touched'));
  const adapters = {
    there: adapter([NAME_IT], { ...LAB, places: () => ['1', '2', '3'] }),
    'there:1': adapter([], { start }),
    'there:2': adapter([{ what: 'a driver has it', remedy: 'unbind it' }, NAME_IT], { start }),
    'there:3': adapter([{ ...NAME_IT, remedy: 'add --sure' }], { start }),
  };
  expect((await doctor(adapters)).rows).toEqual([
    'ok      there: in the lab',
    'ok      there:1',
    'missing there:2',
    '    a driver has it',
    '      unbind it',
    'ok      there:3: add --sure',
  ]);
});

test('it fails where not even the model can be tested', async () => {
  const start = () => Promise.reject(new DutSetupError('no model'));
  expect((await doctor({ model: MODEL })).code).toBe(0);
  expect((await doctor({ model: adapter([], { start }) })).code).toBe(3);
  expect((await doctor({ there: MODEL })).code).toBe(3);
});

test('without native calls every kind still says what it can do', async () => {
  const { rows } = await doctor({ model: MODEL }, { hasLibc: false });
  expect(rows.slice(0, 2)).toEqual([
    'koffi is missing: guest memory is copied instead of mapped, which is slower',
    '  npm install koffi',
  ]);
});

test.each(Object.keys(ADAPTERS))('%s can be tested here, or says with a remedy why not', async (kind) => {
  const made = ADAPTERS[kind]?.({ mmap: true, seed: 1 });
  for (const { what, remedy } of (await made?.obstacles()) ?? []) {
    expect(what).not.toBe('');
    expect(remedy).not.toBe('');
  }
});
