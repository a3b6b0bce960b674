/** Memory that is copied through qtest: what is said on the line. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { GuestMemory } from '../../../src/duts/guest-memory.js';
import { copiedMemory } from '../../../src/duts/qemu/copied-memory.js';
import { type FakeLine, fakeLine } from './fake-peer.js';

/** A peer with 256 KiB of memory from 0x1000, which keeps a log of its commands. */
const MEMORY = `
  const at = Number(words[1]) - 0x1000;
  const size = Number(words[2]);
  log.push(command.slice(0, 40));
  switch (words[0]) {
    case 'memset': memory.fill(Number(words[3]), at, at + size); return 'OK\\n';
    case 'b64write': memory.write(words[3], at, size, 'base64'); return 'OK\\n';
    case 'b64read': return 'OK ' + memory.toString('base64', at, at + size) + '\\n';
    case 'log': return 'OK ' + log.splice(0).slice(0, -1).join(';') + '\\n';
  }`;
const FIRST = 'globalThis.log = []; globalThis.memory = Buffer.alloc(1 << 18, 0xee);';

let line: FakeLine;
let dma: GuestMemory;
beforeEach(async () => {
  line = await fakeLine(MEMORY, FIRST);
  dma = copiedMemory([{ base: 0x1000, size: 1 << 18, fileOffset: 0 }], line.channel);
});
afterEach(() => line.end());

it('zeroes a block on both sides', () => {
  const block = dma.alloc(16);
  expect([...block.view]).toEqual(Array.from({ length: 16 }, () => 0));
  block.view.fill(1);
  block.fetch();
  expect([...block.view]).toEqual(Array.from({ length: 16 }, () => 0));
  expect(line.channel.ask('log')).toBe('memset 0x1000 0x10 0x00;b64read 0x1000 0x10');
  expect(dma.alloc(0).view.length).toBe(0);
  expect(line.channel.ask('log')).toBe('');
});

it('copies the range that is asked for and no more', () => {
  const block = dma.alloc(8);
  block.view.set([1, 2, 3, 4, 5, 6, 7, 8]);
  block.publish(2, 3);
  block.view.fill(9);
  block.fetch(1, 4);
  expect([...block.view]).toEqual([9, 0, 3, 4, 5, 9, 9, 9]);
  expect(line.channel.ask('log')).toBe('memset 0x1000 0x8 0x00;b64write 0x1002 0x3 AwQF;b64read 0x1001 0x4');
  block.publish(8);
  block.fetch(3, 0);
  expect(line.channel.ask('log')).toBe('');
});

it('moves large blocks in pieces', () => {
  const block = dma.alloc(100_000, { align: 4096 });
  const pattern = Uint8Array.from({ length: block.size }, (_, index) => index % 251);
  block.view.set(pattern);
  block.publish();
  block.view.fill(0);
  block.fetch();
  expect(Buffer.compare(block.view, pattern)).toBe(0);
  const said = line.channel.ask('log').split(';');
  expect(said.map((command) => command.split(' ')[0])).toEqual([
    'memset',
    ...Array.from({ length: 4 }, () => 'b64write'),
    ...Array.from({ length: 4 }, () => 'b64read'),
  ]);
});

it.each([
  [-1, 1],
  [0, 9],
  [9, 0],
  [4, -1],
  [0.5, 1],
])('refuses the range at %d of %d bytes', (offset, length) => {
  const block = dma.alloc(8);
  expect(() => block.publish(offset, length)).toThrow(RangeError);
  expect(() => block.fetch(offset, length)).toThrow(RangeError);
});
