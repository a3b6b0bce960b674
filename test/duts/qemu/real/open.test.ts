/** The adapter against an installed QEMU: registers, memory, power cycle, and how an end of QEMU is seen. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { openQemuPort } from '../../../../src/duts/qemu/port.js';
import { type QemuOptions, type RunningQemu, startQemu } from '../../../../src/duts/qemu/start.js';
import { DutGoneError } from '../../../../src/port/errors.js';
import type { Port } from '../../../../src/port/port.js';
import { hasLibc } from '../../../../src/sys/libc.js';
import { pciHeader } from '../../../../src/wire/pci.js';
import {
  VIRTIO_PCI_DEVICE_SCSI,
  VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL,
  VIRTIO_PCI_VENDOR,
  virtioPciCommonCfg,
} from '../../../../src/wire/virtio-pci.js';
import { held, heldPort, noLink } from './held.js';
import { commonConfig, enable, inquire, MESSAGE, pciOf } from './raw-driver.js';

const header = pciHeader.fields;
const common = virtioPciCommonCfg.fields;

async function open(options: QemuOptions, link = noLink): Promise<{ dut: RunningQemu; port: Port }> {
  const dut = held(await startQemu(options));
  return { dut, port: heldPort(openQemuPort(dut.attach, link)) };
}

async function printTimed(what: string, repeat: number, run: () => unknown): Promise<void> {
  const start = performance.now();
  await run();
  console.log(`${what}: ${(((performance.now() - start) * 1000) / repeat).toFixed(1)} µs`);
}

it('has koffi, so that both kinds of memory are tested', () => {
  expect(hasLibc()).toBe(true);
});

describe.each([
  ['mapped', true],
  ['copied', false],
])('with %s memory', (kind, mmap) => {
  it('shows a modern virtio-scsi function', async () => {
    const { dut, port } = await open({ mmap });
    expect(dut.identity.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(dut.identity.details.memory).toContain(kind);
    expect(port.dma.mapped).toBe(mmap);

    const pci = pciOf(port);
    expect(pci.config.read(header.vendor_id.offset, 2)).toBe(VIRTIO_PCI_VENDOR);
    expect(pci.config.read(header.device_id.offset, 2)).toBe(VIRTIO_PCI_DEVICE_SCSI);
    expect(pci.config.read(header.command.offset, 2)).toBe(0);
    enable(pci);
    const config = commonConfig(pci);
    config.write(common.device_status, 0);
    expect(config.read(common.device_status)).toBe(0);
    config.write(common.device_feature_select, 1);
    // VIRTIO_F_VERSION_1 is bit 32.
    expect(config.read(common.device_feature) & 1).toBe(1);
    // Control queue, event queue and the two of num_queues=2.
    expect(config.read(common.num_queues)).toBe(4);

    const n = 2000;
    await printTimed('register read', n, () => {
      for (let i = 0; i < n; i++) config.read(common.device_status);
    });
    await printTimed('posted register write', n, () => {
      for (let i = 0; i < n; i++) config.write(common.device_feature_select, i & 1);
      port.lifecycle.settle();
    });
    config.write(common.device_feature_select, 0x1234_5678);
    expect(config.read(common.device_feature_select)).toBe(0x1234_5678);
  });

  it('carries requests to the units of the profile', async () => {
    const { dut, port } = await open({ mmap });
    for (const { target, unit, kind: type } of dut.profile.units) {
      const { response, data, message } = inquire(port, target, unit);
      expect(message).toBe(MESSAGE);
      // GOOD, VIRTIO_SCSI_S_OK.
      expect([response[10], response[11]]).toEqual([0, 0]);
      expect(String.fromCharCode(...data.subarray(8, 12))).toBe('QEMU');
      expect(data[0]).toBe(type === 'cdrom' ? 5 : 0);
    }
    // SPC-3 6.4.2: a missing unit of an existing target says so in the peripheral qualifier.
    const { target, unit } = dut.profile.freeUnit ?? { target: 0, unit: 0 };
    expect(inquire(port, target, unit).data[0]).toBe(0x7f);
    // VIRTIO_SCSI_S_BAD_TARGET.
    expect(inquire(port, dut.profile.freeTarget ?? 0, 0).response[11]).toBe(3);
  });

  it('lends memory on both sides of 4 GiB, zeroed each time', async () => {
    const { port } = await open({ mmap, memoryMiB: 8 });
    const mark = port.dma.mark();
    const high = port.dma.alloc(1 << 20, { align: 4096 });
    const low = port.dma.alloc(70_000, { align: 4096, maxIova: 1n << 32n });
    expect(high.iova).toBeGreaterThanOrEqual(1n << 32n);
    expect(low.iova).toBeGreaterThanOrEqual(1n << 20n);
    expect(low.iova + BigInt(low.size)).toBeLessThanOrEqual(4n << 20n);
    for (const block of [high, low]) {
      const pattern = block.view.map((_, index) => (index * 7 + (index >> 8)) & 0xff);
      block.view.set(pattern);
      block.publish();
      if (!mmap) block.view.fill(0);
      block.fetch();
      expect(Buffer.compare(block.view, pattern)).toBe(0);
    }
    port.dma.release(mark);
    const again = port.dma.alloc(1 << 20, { align: 4096 });
    expect(again.iova).toBe(high.iova);
    again.fetch();
    expect(again.view.every((byte) => byte === 0)).toBe(true);
    expect(() => port.dma.alloc(5 << 20)).toThrow(expect.objectContaining({ code: 'DMA_EXHAUSTED' }));
    expect(() => port.dma.alloc(1, { maxIova: 1n << 20n })).toThrow(
      expect.objectContaining({ code: 'DMA_EXHAUSTED' }),
    );
  });
});

it('works again after a power cycle', async () => {
  const called: string[] = [];
  const { dut, port } = await open({}, { offered: new Set(), call: ({ name }) => called.push(name) });
  inquire(port, 0, 0);
  const before = pciOf(port).config.read(header.bar4.offset, 4);
  // The main thread is this one, and has to be free while QEMU resets.
  await dut.control({ name: 'power-cycle' });
  expect(pciOf(port).config.read(header.bar4.offset, 4)).not.toBe(before);
  port.controls.invoke({ name: 'power-cycle' });
  expect(called).toEqual(['power-cycle']);
  expect(pciOf(port).config.read(header.bar4.offset, 4)).toBe(before);
  expect(pciOf(port).config.read(header.command.offset, 2)).toBe(0);
  expect(inquire(port, 0, 1).response[11]).toBe(0);
});

it('gives a transitional device its I/O BAR', async () => {
  const { port } = await open({ device: { 'disable-legacy': 'off' } });
  const pci = pciOf(port);
  expect(pci.config.read(header.device_id.offset, 2)).toBe(VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL);
  enable(pci);
  const legacy = pci.bar(0);
  // The legacy header: device features at 0, status at 18.
  legacy?.write(18, 1, 1);
  expect(legacy?.read(18, 1)).toBe(1);
  expect(() => legacy?.read(legacy.size, 1)).toThrow(RangeError);
  expect(inquire(port, 0, 0).response[11]).toBe(0);
});

it('opens a second port on a device that was left enabled', async () => {
  const { dut, port } = await open({});
  inquire(port, 0, 0);
  port.close();
  expect(inquire(heldPort(openQemuPort(dut.attach, noLink)), 0, 0).response[11]).toBe(0);
});

it.each(['pc', 'q35'])('works on the machine %s', async (machine) => {
  const { port } = await open({ machine });
  expect(inquire(port, 0, 0).response[11]).toBe(0);
});

it('tells a reader that waits that QEMU was killed', async () => {
  const { dut, port } = await open({});
  const { config } = pciOf(port);
  // Stopped, QEMU does not answer; this thread waits for it meanwhile, so another process does the killing.
  process.kill(dut.pid, 'SIGSTOP');
  spawn('sh', ['-c', `sleep 0.2; kill -KILL ${dut.pid}`], { stdio: 'ignore' });
  expect(() => config.read(0, 2)).toThrow(DutGoneError);
  expect(port.lifecycle.alive()).toBe(false);
  expect(() => config.write(0, 2, 0)).toThrow(DutGoneError);
  expect(await dut.exited).toMatchObject({ code: null, signal: 'SIGKILL' });
  await expect(dut.control({ name: 'power-cycle' })).rejects.toMatchObject({ code: 'CONTROL_REFUSED' });
});

it('tells a writer that QEMU is gone', async () => {
  const { dut, port } = await open({});
  dut.kill();
  await dut.exited;
  const { config } = pciOf(port);
  expect(() => {
    config.write(4, 2, 0);
    config.flush();
  }).toThrow(DutGoneError);
  expect(port.lifecycle.alive()).toBe(false);
  dut.kill();
});

it('ends QEMU on request, once', async () => {
  const { dut, port } = await open({});
  port.close();
  await Promise.all([dut.stop(), dut.stop()]);
  expect(await dut.exited).toMatchObject({ code: 0, signal: null });
  expect(() => process.kill(dut.pid, 0)).toThrow(expect.objectContaining({ code: 'ESRCH' }));
});
