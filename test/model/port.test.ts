import { describe, expect, test } from 'vitest';
import { NO_CONTROLS } from '../../src/duts/dut.js';
import { modelAdapter } from '../../src/duts/model/adapter.js';
import type { ModelAttach } from '../../src/duts/model/attach.js';
import { openModelPort } from '../../src/duts/model/mutant-port.js';
import { DEFAULT_MODEL_CONFIG } from '../../src/model/model-config.js';
import { MUTANTS } from '../../src/model/mutants/index.js';
import { PortError } from '../../src/port/errors.js';

const open = (options: Partial<ModelAttach> = {}) =>
  openModelPort(
    { transport: 'pci', config: DEFAULT_MODEL_CONFIG, seed: 7, copying: false, ...options },
    NO_CONTROLS,
  );

describe('adapter', () => {
  test('says what it is and what it has', async () => {
    const dut = await modelAdapter({ seed: 7 }).start();
    expect(dut.identity).toMatchObject({ name: 'model', details: { seed: '7' } });
    expect(dut.profile).toMatchObject({
      units: [
        { target: 0, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-0' },
        { target: 0, unit: 1, kind: 'disk' },
        { target: 1, unit: 0, kind: 'cdrom' },
        { target: 2, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI' },
        { target: 2, unit: 1, kind: 'disk' },
        { target: 2, unit: 2, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI-2' },
        { target: 2, unit: 3, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI-3' },
        { target: 2, unit: 4, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-RM' },
      ],
      freeTarget: 3,
      freeUnit: { target: 0, unit: 2 },
      dmaContained: true,
      settleMs: 0,
    });
    expect(structuredClone(dut.attach)).toEqual(dut.attach);
  });

  test('refuses an unknown mutant', async () => {
    await expect(modelAdapter({ seed: 1, mutant: 'no.such' }).start()).rejects.toThrow('no.such');
  });
});

describe('registers', () => {
  test('BARs answer once memory is enabled', () => {
    const { attachment } = open();
    if (attachment.kind !== 'pci') throw new Error('not PCI');
    const bar = attachment.bar(4);
    expect(bar?.read(0x1000, 4)).toBe(0xffffffff);
    attachment.config.write(4, 2, 6);
    expect(bar?.read(0x1000 + 18, 2)).toBe(4);
    expect(attachment.bar(1)).toBeUndefined();
  });

  test('a power cycle brings the function back as new', () => {
    const port = open();
    if (port.attachment.kind !== 'pci') throw new Error('not PCI');
    port.attachment.config.write(4, 2, 6);
    port.attachment.bar(4)?.write(0x1014, 1, 1);
    port.controls.invoke({ name: 'power-cycle' });
    expect(port.attachment.config.read(4, 2)).toBe(0);
    port.attachment.config.write(4, 2, 6);
    expect(port.attachment.bar(4)?.read(0x1014, 1)).toBe(0);
  });
});

describe('memory', () => {
  test('alternates between the regions and honours alignment of the address', () => {
    const { dma } = open();
    const blocks = [1, 2, 3, 4].map(() => dma.alloc(100, { align: 4096 }));
    expect(blocks.map(({ iova }) => iova >= 1n << 32n)).toEqual([false, true, false, true]);
    expect(blocks.every(({ iova }) => iova % 4096n === 0n)).toBe(true);
    expect(dma.mapped).toBe(true);
  });

  test('honours maxIova', () => {
    const { dma } = open();
    for (let round = 0; round < 3; round++) {
      const { iova } = dma.alloc(64, { maxIova: 1n << 32n });
      expect(iova + 64n <= 1n << 32n).toBe(true);
    }
    expect(() => dma.alloc(64, { maxIova: 4096n })).toThrow(PortError);
  });

  test('release gives back, and memory is zeroed', () => {
    const { dma } = open();
    const mark = dma.mark();
    const first = dma.alloc(16);
    first.view.fill(0xff);
    dma.release(mark);
    const again = dma.alloc(16);
    expect(again.iova).toBe(first.iova);
    expect(again.view.every((byte) => byte === 0)).toBe(true);
  });

  test('runs out with a stable code', () => {
    const { dma } = open();
    expect(() => dma.alloc(2 ** 30)).toThrow(expect.objectContaining({ code: 'DMA_EXHAUSTED' }));
  });

  test('copying: publish and fetch really copy', () => {
    const { dma } = open({ copying: true });
    expect(dma.mapped).toBe(false);
    const block = dma.alloc(8);
    block.view.fill(7);
    block.publish(2, 3);
    block.view.fill(9);
    block.fetch(0, 8);
    expect([...block.view]).toEqual([0, 0, 7, 7, 7, 0, 0, 0]);
  });
});

test('waiting moves virtual time, a millisecond at most', () => {
  const { clock } = open();
  clock.relax(0);
  expect(clock.now()).toBe(1);
});

test('mutants have unique ids and a sentence each', () => {
  expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length);
  for (const { id, sentence } of MUTANTS) {
    expect(id).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/);
    expect(sentence).toMatch(/^\S.*\.$/);
  }
  expect(() => open({ mutant: 'no.such' })).toThrow(PortError);
});
