/** Whatever is said at a control socket is answered or left, and the device is served on. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Control, Controls } from '../../src/port/controls.js';
import { PortError } from '../../src/port/errors.js';
import { ControlSocket } from '../../src/serve/control-socket.js';
import { PollSet } from '../../src/sys/events.js';
import { libc } from '../../src/sys/libc.js';
import { connectUnix, receiveFrom, sendTo } from '../../src/sys/unix-socket.js';

let folder: string;
let path: string;
let asked: Control[];
let socket: ControlSocket;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-control-'));
  path = join(folder, 'control');
  asked = [];
  const controls: Controls = {
    offered: new Set(['plug', 'media', 'hold']),
    invoke(control) {
      if (control.name === 'unplug') throw new PortError('CONTROL_REFUSED', 'there is no unit 3:0');
      asked.push(control);
    },
  };
  socket = new ControlSocket(path, controls);
});
afterEach(() => {
  socket.close();
  expect(existsSync(path)).toBe(false);
  rmSync(folder, { recursive: true });
});

/** What is answered to some bytes; undefined when the line is closed without a word. */
function say(text: string | undefined, goes = false): unknown {
  const line = connectUnix(path);
  if (text !== undefined) sendTo(line, Buffer.from(text));
  if (goes) {
    libc().close(line);
    socket.attend();
    return undefined;
  }
  expect(new PollSet([socket.fd]).wait(0)).toBe(true);
  socket.attend();
  const got = receiveFrom(line, 4096)?.data.toString() ?? '';
  libc().close(line);
  return got === '' ? undefined : JSON.parse(got);
}

test('tells what is offered, and carries out what is asked for', () => {
  expect(say('{"name": "offered"}\n')).toEqual({ offered: ['plug', 'media', 'hold'] });
  const control: Control = { name: 'plug', at: { target: 3, unit: 0 } };
  expect(say(`${JSON.stringify(control)}\n`)).toEqual({});
  expect(asked).toEqual([control]);
});

test('says why something was not carried out', () => {
  expect(say('{"name": "unplug", "at": {"target": 3, "unit": 0}}\n')).toEqual({
    error: 'there is no unit 3:0',
  });
  expect(say('{"name": "power-cycle"}\n')).toEqual({ error: 'power-cycle is not offered' });
  expect(asked).toEqual([]);
});

test.each([
  ['eject', /not a line of JSON/],
  ['null', /"name" is offered or one of hold, /],
  ['{"name": "toString"}', /"name" is offered or one of/],
  ['{"name": "eject"}', /eject: "at" is missing or wrong/],
  ['{"name": "eject", "at": {"target": 256, "unit": 0}}', /"at" is missing or wrong/],
  ['{"name": "eject", "at": {"target": 1, "unit": 0, "lun": 0}}', /"at" is missing or wrong/],
  ['{"name": "hold", "units": [0]}', /"units" is missing or wrong/],
  [
    '{"name": "plug", "at": {"target": 1, "unit": 0}, "fresh": {"kind": "tape"}}',
    /"fresh" is missing or wrong/,
  ],
  ['{"name": "eject", "at": {"target": 1, "unit": 0}, "now": true}', /eject: "now" means nothing/],
])('%s is answered by what is wrong with it', (line, message) => {
  expect(say(`${line}\n`)).toEqual({ error: expect.stringMatching(message) });
  expect(asked).toEqual([]);
});

test('whoever goes away without a word, or says nothing in time, is left', () => {
  say('', true);
  const before = performance.now();
  expect(say('{"name": ')).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(5000);
  expect(say('{"name": "offered"}\n')).toHaveProperty('offered');
});

test('a line without end is left', () => {
  expect(say(`"${'x'.repeat(70_000)}`)).toBeUndefined();
});
