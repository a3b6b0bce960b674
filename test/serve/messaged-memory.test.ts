/** Memory that is elsewhere: what is asked for and written back, and when. */
import { expect, test } from 'vitest';
import type { Aside } from '../../src/duts/remote/protocol.js';
import { DmaFault } from '../../src/model/errors.js';
import { ModelMemory } from '../../src/model/memory.js';
import { MessagedMemory } from '../../src/serve/messaged-memory.js';

const BASE = 0x10000;
const SIZE = 0x40000;
const HOLE = 0x30000;

/** The suite's memory, and what was said about it. */
function elsewhere() {
  const bytes = Buffer.alloc(SIZE);
  const said: string[] = [];
  const memory = new ModelMemory([]);
  const messaged = new MessagedMemory(memory, [{ base: BASE, size: SIZE }], (aside: Aside) => {
    if (!('dma' in aside)) return undefined;
    const at = Number(aside.address) - BASE;
    if (aside.dma === 'read') {
      said.push(`read ${aside.length} at ${aside.address}`);
      if (at + aside.length > HOLE) return { error: 'no memory' };
      return { data: bytes.toString('hex', at, at + aside.length) };
    }
    said.push(`write ${aside.data} at ${aside.address}`);
    bytes.set(Buffer.from(aside.data, 'hex'), at);
    return undefined;
  });
  return { bytes, memory, messaged, said };
}

test('what the model looks at is fetched, once until the answer, and again for the next question', () => {
  const { bytes, memory, messaged, said } = elsewhere();
  bytes[5] = 7;
  expect(memory.at(0x10004n, 2)).toEqual(Buffer.from([0, 7]));
  expect(memory.at(0x10ff0n, 0x20)).toHaveLength(0x20);
  expect(said).toEqual(['read 4096 at 0x10000', 'read 4096 at 0x11000']);
  messaged.finish();
  bytes[5] = 8;
  expect(memory.at(0x10005n, 1)[0]).toBe(8);
});

test('what it changes is written back byte by byte, and nothing else', () => {
  const { bytes, memory, messaged, said } = elsewhere();
  bytes.fill(0xee);
  memory.at(0x11000n, 8).set([0xee, 1, 2, 0xee, 3]);
  expect(bytes[0x1001]).toBe(0xee);
  messaged.finish();
  expect(said.slice(1)).toEqual(['write 0102 at 0x11001', 'write 03 at 0x11004']);
  expect(bytes.toString('hex', 0x1000, 0x1006)).toBe('ee0102ee03ee');
  messaged.finish();
  expect(said).toHaveLength(3);
});

test('a piece that it has kept for long is written back whenever it writes there', () => {
  const { bytes, memory, messaged } = elsewhere();
  const kept = memory.at(0x12000n, 4);
  messaged.finish();
  bytes[0x2003] = 9;
  kept[0] = 1;
  // Looking at the page anew must not lose that.
  expect([...memory.at(0x12000n, 4)]).toEqual([1, 0, 0, 9]);
  expect(bytes[0x2000]).toBe(1);
});

test('rings, which it reads without saying so, are fetched for every question', () => {
  const { bytes, memory, messaged, said } = elsewhere();
  const ring = memory.at(0x10000n, 0x2000, true);
  messaged.finish();
  bytes[0x1fff] = 3;
  expect(ring[0x1fff]).toBe(0);
  messaged.begin();
  expect(ring[0x1fff]).toBe(3);
  expect(said).toEqual(['read 8192 at 0x10000', 'read 8192 at 0x10000']);
});

test('no message moves more than one may, and memory that is not there is a fault', () => {
  const { memory, said } = elsewhere();
  memory.at(0x10000n, 0x11000);
  expect(said).toEqual(['read 65536 at 0x10000', 'read 4096 at 0x20000']);
  expect(() => memory.at(BigInt(BASE + HOLE), 16)).toThrow(DmaFault);
  expect(() => memory.at(BigInt(BASE + SIZE), 1)).toThrow(DmaFault);
});
