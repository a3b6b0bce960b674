import { expect, test } from 'vitest';
import { EventInterrupts } from '../../../src/duts/pci-function/event-interrupts.js';
import { pciFunctionPort, regionWindow, statusLine } from '../../../src/duts/pci-function/port.js';
import { SharedMemory } from '../../../src/duts/shared-memory.js';
import type { Control } from '../../../src/port/controls.js';
import { signal } from '../../../src/sys/events.js';

/** A region of this process, with a list of the accesses to it. */
function heldRegion(size: number) {
  const bytes = Buffer.alloc(size);
  const accesses: string[] = [];
  const window = regionWindow(size, {
    read(offset, data) {
      accesses.push(`read ${data.length} at ${offset}`);
      data.set(bytes.subarray(offset, offset + data.length));
    },
    write(offset, data) {
      accesses.push(`write ${data.length} at ${offset}`);
      bytes.set(data, offset);
    },
  });
  return { bytes, accesses, window };
}

test('a register access is one access of its width, little-endian, and none beyond the end', () => {
  const { bytes, accesses, window } = heldRegion(8);
  window.write(0, 4, 0x11223344);
  window.write(4, 2, 0xaabb);
  window.write(7, 1, 0xcc);
  expect([...bytes]).toEqual([0x44, 0x33, 0x22, 0x11, 0xbb, 0xaa, 0, 0xcc]);
  expect([window.read(0, 4), window.read(4, 2), window.read(7, 1)]).toEqual([0x11223344, 0xaabb, 0xcc]);
  expect(accesses).toEqual([
    'write 4 at 0',
    'write 2 at 4',
    'write 1 at 7',
    'read 4 at 0',
    'read 2 at 4',
    'read 1 at 7',
  ]);
  expect(() => window.read(6, 4)).toThrow(RangeError);
  expect(() => window.write(8, 1, 0)).toThrow(RangeError);
});

test('the line is asserted while the status shows an interrupt that the command register lets through', () => {
  const { bytes, window } = heldRegion(64);
  const line = statusLine(window);
  expect(line.level()).toBe(false);
  bytes.writeUInt16LE(0x18, 6);
  expect(line.level()).toBe(true);
  bytes.writeUInt16LE(0x400, 4);
  expect(line.level()).toBe(false);
});

test('interrupts by events are counted by vector, and switched', () => {
  const connected: (readonly number[])[] = [];
  const interrupts = new EventInterrupts({
    vectors: 3,
    masked: false,
    connect: (fds) => void connected.push([...fds]),
  });
  try {
    interrupts.deliver(true);
    interrupts.deliver(false);
    const [fds = [], none] = connected;
    expect(fds).toHaveLength(3);
    expect(none).toEqual([]);
    for (const fd of [fds[1], fds[1], fds[2]]) signal(fd as number);
    expect([0, 1, 2].map((vector) => interrupts.count(vector))).toEqual([0, 2, 1]);
    interrupts.clear(1);
    expect([interrupts.raised(1), interrupts.raised(2)]).toEqual([false, true]);
    signal(fds[0] as number);
    interrupts.wait(-1);
    expect(interrupts.raised(0)).toBe(true);
  } finally {
    interrupts.close();
  }
});

test('the port renews itself after a power cycle only, and is closed once', () => {
  const config = heldRegion(64).window;
  const memory = new SharedMemory();
  const done: string[] = [];
  const port = pciFunctionPort({
    transport: 'pci',
    config,
    bars: new Map([[4, config]]),
    dma: memory.dma,
    settleMs: 0,
    link: { offered: new Set(['hold', 'power-cycle']), call: ({ name }: Control) => void done.push(name) },
    attend: () => void done.push('attend'),
    renew: () => void done.push('renew'),
    alive: () => true,
    close() {
      done.push('close');
      memory.close();
    },
  });
  port.lifecycle.settle();
  expect(done.splice(0)).toEqual(['attend']);
  port.controls.invoke({ name: 'hold', units: [] });
  port.controls.invoke({ name: 'power-cycle' });
  port.close();
  port.close();
  expect(done).toEqual(['attend', 'hold', 'attend', 'power-cycle', 'renew', 'close']);
  expect(port.attachment.kind === 'pci' && [port.attachment.bar(4), port.attachment.bar(0)]).toEqual([
    config,
    undefined,
  ]);
});

test('a function that asks again and again while it settles is heard', () => {
  const config = heldRegion(64).window;
  const memory = new SharedMemory();
  let heard = 0;
  const port = pciFunctionPort({
    transport: 'pci',
    config,
    bars: new Map(),
    dma: memory.dma,
    settleMs: 50,
    link: { offered: new Set(), call: () => {} },
    attend: () => void heard++,
    alive: () => true,
    close: () => memory.close(),
  });
  port.lifecycle.settle();
  port.close();
  // Before and after the pause would be two.
  expect(heard).toBeGreaterThan(2);
});
