/** The model behind the remote protocol, line by line. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Hello } from '../../src/duts/remote/protocol.js';
import { ScriptedDevice } from '../duts/remote/scripted-device.js';
import { remoteModel } from './remote-model.js';

const HELLO = { op: 'hello', version: 1, transport: 'pci' };

function served(memoryFile?: string) {
  const server = remoteModel(memoryFile);
  const say = (message: object) => server.answer(JSON.stringify(message)) as Record<string, unknown>;
  return { server, say };
}

test('its memory is where hello says, held by it', () => {
  const { say } = served();
  const { memory } = say(HELLO) as unknown as Hello;
  const { base = '', size = 0 } = memory?.regions[0] ?? {};
  const at = (offset: number) => `0x${(BigInt(base) + BigInt(offset)).toString(16)}`;
  expect(memory?.file).toBeUndefined();
  expect(say({ op: 'memory-write', address: at(size - 2), data: 'abcd' })).toEqual({});
  expect(say({ op: 'memory-read', address: at(size - 3), length: 3 })).toEqual({ data: '00abcd' });
  expect(say({ op: 'memory-read', address: at(size - 1), length: 2 })).toHaveProperty('error');
});

test('or in a file, which is made', () => {
  const file = join(new ScriptedDevice().folder, 'memory');
  const { say } = served(file);
  const { memory } = say(HELLO) as unknown as Hello;
  expect(memory?.file).toBe(file);
  const [, second] = memory?.regions ?? [];
  expect(say({ op: 'memory-write', address: second?.base ?? '', data: '0102' })).toEqual({});
  expect(readFileSync(file).readUInt16BE(second?.offset ?? 0)).toBe(0x0102);
});

test('a file that cannot be made is an answer, too', () => {
  const file = '/nowhere/at/all';
  const { say } = served(file);
  expect(say(HELLO)).toEqual({ error: expect.stringMatching(/ENOENT.*nowhere/) });
  expect(existsSync(file)).toBe(false);
});

test('nothing is answered before hello, and each hello is a new device', () => {
  const { say } = served();
  const status = { op: 'read', space: 'config', offset: 4, width: 2 };
  expect(say(status)).toEqual({ error: 'nobody has said hello' });
  say(HELLO);
  expect(say({ op: 'write', space: 'config', offset: 4, width: 2, value: 6 })).toEqual({});
  expect(say(status)).toEqual({ value: 6 });
  say(HELLO);
  expect(say(status)).toEqual({ value: 0 });
});

test.each([
  ['read', 'config', 4094, 4, { value: 0xffff_ffff }],
  ['read', 'config', 4096, 1, { value: 0xff }],
  ['read', 'bar0', 2 ** 31 - 1, 2, { value: 0xffff }],
  ['read', 'bar3', 0, 2, { error: 'there is no bar3' }],
  ['read', 'window', 0, 4, { error: 'there is no window' }],
])('%s of %s at %i, %i bytes', (op, space, offset, width, answer) => {
  const { say } = served();
  say(HELLO);
  expect(say({ op, space, offset, width })).toEqual(answer);
});

test('a control that is not offered, or not known, is refused', () => {
  const { say } = served();
  say(HELLO);
  expect(say({ op: 'control', control: { name: 'offered' } })).toHaveProperty('error');
  expect(say({ op: 'control', control: { name: 'resize', at: 3 } })).toHaveProperty('error');
});
