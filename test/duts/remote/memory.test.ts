import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RemoteChannel } from '../../../src/duts/remote/channel.js';
import { type RemoteMemory, remoteMemory } from '../../../src/duts/remote/memory.js';
import type { Hello } from '../../../src/duts/remote/protocol.js';
import { ScriptedDevice } from './scripted-device.js';

const LEAST = { version: 1, name: 'mine', device_version: '2' };
const POLL = { op: 'poll' } as const;

/** The memory that a device has, and the channel to the device, which says these things. */
function memoryOf(memory: Hello['memory'], ...says: (object | string)[]) {
  const device = new ScriptedDevice(...says);
  let remote: RemoteMemory | undefined;
  const channel = new RemoteChannel(device.toDevice, device.fromDevice, (aside) =>
    'dma' in aside ? remote?.answer(aside) : undefined,
  );
  remote = remoteMemory({ ...LEAST, ...(memory && { memory }) }, channel);
  return { device, channel, remote, dma: remote.dma };
}

describe('memory of the suite', () => {
  test('is written and read by the device, below and above 4 GiB', () => {
    const { device, channel, dma, remote } = memoryOf(
      undefined,
      { dma: 'write', address: '0x1000004', data: 'aabb' },
      { dma: 'read', address: '0x1000002', length: 4 },
      { dma: 'write', address: '0x101ffffff', data: '77' },
      { dma: 'read', address: '0x101ffffff', length: 1 },
      {},
    );
    const low = dma.alloc(8);
    const high = dma.alloc(8, { minIova: 2n ** 32n });
    expect([low.iova, high.iova]).toEqual([0x1000000n, 0x1_0000_0000n]);
    low.view.set([1, 2, 3, 4]);
    channel.ask(POLL);
    expect([...low.view]).toEqual([1, 2, 3, 4, 0xaa, 0xbb, 0, 0]);
    expect(device.asked).toEqual([POLL, { data: '0304aabb' }, { data: '77' }]);
    remote.close();
  });

  test('is not beyond its ends: what is read there is refused, what is written there is lost', () => {
    const { device, channel, dma } = memoryOf(
      undefined,
      { dma: 'write', address: '0xffffff', data: 'aaaa' },
      { dma: 'write', address: '0x2ffffff', data: 'aaaa' },
      { dma: 'write', address: '0xffffffffffffffff', data: 'aa' },
      { dma: 'read', address: '0xffffff', length: 2 },
      { dma: 'read', address: '0x2ffffff', length: 2 },
      { dma: 'read', address: '0xffffffffffffffff', length: 1 },
      {},
    );
    const block = dma.alloc(4);
    channel.ask(POLL);
    expect([...block.view]).toEqual([0, 0, 0, 0]);
    expect(device.asked.slice(1)).toEqual(
      ['0xffffff', '0x2ffffff', '0xffffffffffffffff'].map((at) => ({ error: `no memory at ${at}` })),
    );
  });
});

describe('memory that the device holds', () => {
  const HELD = { regions: [{ base: '0x10000', size: 2 ** 20 }] };

  test('is copied both ways, and as new for every block', () => {
    const { device, dma } = memoryOf(HELD, {}, {}, { data: '0908' });
    const block = dma.alloc(4);
    expect(dma.mapped).toBe(false);
    block.view.set([1, 2, 3, 4]);
    block.publish(1, 2);
    block.fetch(2, 2);
    expect([...block.view]).toEqual([1, 2, 9, 8]);
    expect(device.asked).toEqual([
      { op: 'memory-write', address: '0x10000', data: '00000000' },
      { op: 'memory-write', address: '0x10001', data: '0203' },
      { op: 'memory-read', address: '0x10002', length: 2 },
    ]);
  });

  test('is copied in messages of 64 KiB at most', () => {
    const { device, dma } = memoryOf(HELD, {}, {});
    dma.alloc(65536 + 3);
    expect(device.asked.map(({ address, data }) => [address, (data as string).length / 2])).toEqual([
      ['0x10000', 65536],
      ['0x20000', 3],
    ]);
  });

  test.each([
    [{ data: '09' }, /memory-read of 2 bytes: got 1 bytes/],
    [{ data: '090807' }, /got 3 bytes/],
    [{ data: '0zzz' }, /got 0 bytes/],
    [{ data: 5 }, /got 0 bytes/],
    [{}, /got 0 bytes/],
    [{ error: 'burnt' }, /refuses .*memory-read.*: burnt/],
  ])('with the answer %j is not copied', (answer, message) => {
    const { dma } = memoryOf(HELD, {}, answer);
    expect(() => dma.alloc(2).fetch()).toThrow(message);
  });

  test('is not reached by DMA messages', () => {
    const { channel } = memoryOf(HELD, { dma: 'read', address: '0x10000', length: 1 }, {});
    expect(() => channel.ask(POLL)).toThrow(/memory that both ends reach, and asks for DMA by messages/);
  });
});

describe('memory in a file', () => {
  /** A file of so many bytes of its own. */
  function file(size: number): string {
    const path = join(new ScriptedDevice().folder, 'memory');
    writeFileSync(path, Buffer.alloc(size, 0xee));
    return path;
  }
  const PAGE = 4096;

  test('is that of the device, at the places that it tells', () => {
    const path = file(3 * PAGE);
    const { dma, device, remote } = memoryOf({
      file: path,
      regions: [
        { base: '0x200000000', size: PAGE, offset: 2 * PAGE },
        { base: '0x10000', size: PAGE, offset: PAGE },
      ],
    });
    expect(dma.mapped).toBe(true);
    dma.alloc(2, { align: 2 }).view.set([1, 2]);
    dma.alloc(2, { maxIova: 2n ** 32n }).view.set([3, 4]);
    const bytes = readFileSync(path);
    expect([...bytes.subarray(2 * PAGE, 2 * PAGE + 3)]).toEqual([1, 2, 0xee]);
    expect([...bytes.subarray(PAGE, PAGE + 3)]).toEqual([3, 4, 0xee]);
    expect(bytes.subarray(0, PAGE).every((byte) => byte === 0xee)).toBe(true);
    expect(device.asked).toEqual([]);
    remote.close();
  });

  test.each<[string, NonNullable<Hello['memory']>['regions'], RegExp]>([
    ['beyond its end', [{ base: '0x0', size: 2 * PAGE }], /has 4096 bytes; a region of 8192 bytes at 0/],
    ['beyond its end, by its offset', [{ base: '0x0', size: 1, offset: PAGE }], /of 1 bytes at 4096/],
    ['off a page', [{ base: '0x0', size: 1, offset: 512 }], /from a multiple of 4096 on/],
    [
      'beyond what numbers can say',
      [{ base: '0xffffffffffffff00', size: 1 }],
      /at 0xffffffffffffff00 is beyond/,
    ],
    [
      'in each other',
      [
        { base: '0x1800', size: 256 },
        { base: '0x1000', size: 0x801 },
      ],
      /at 0x1000 and 0x1800 overlap/,
    ],
  ])('with regions %s is refused', (_, regions, message) => {
    const path = file(PAGE);
    expect(() => memoryOf({ file: path, regions })).toThrow(
      expect.objectContaining({ code: 'PORT_SETUP', message: expect.stringMatching(message) }),
    );
  });

  test('has to be there', () => {
    const regions = [{ base: '0x0', size: 1 }];
    expect(() => memoryOf({ file: '/nowhere/at/all', regions })).toThrow(
      expect.objectContaining({ code: 'PORT_SETUP', message: expect.stringMatching(/ENOENT.*nowhere/) }),
    );
  });
});
