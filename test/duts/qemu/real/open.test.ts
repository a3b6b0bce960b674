/** The adapter against an installed QEMU: starting, registers, memory, power cycle. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ControlLink } from '../../../../src/duts/dut.js';
import { openQemuPort } from '../../../../src/duts/qemu/port.js';
import { type QemuOptions, type RunningQemu, startQemu } from '../../../../src/duts/qemu/start.js';
import type { Port } from '../../../../src/port/port.js';
import type { PciAttachment, RegisterWindow } from '../../../../src/port/registers.js';
import { PciCapability, PciCommand, pciHeader } from '../../../../src/wire/pci.js';
import {
  VIRTIO_PCI_DEVICE_SCSI,
  VIRTIO_PCI_VENDOR,
  VirtioPciCapType,
  virtioPciCap,
  virtioPciCommonCfg,
} from '../../../../src/wire/virtio-pci.js';

const noLink: ControlLink = {
  call() {
    throw new Error('no main thread');
  },
};

let running: RunningQemu | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function open(options: QemuOptions): Promise<{ dut: RunningQemu; port: Port; pci: PciAttachment }> {
  const started = performance.now();
  running = await startQemu(options);
  const up = performance.now();
  const port = openQemuPort(running.attach, noLink);
  console.log(`start ${(up - started).toFixed(1)} ms, open ${(performance.now() - up).toFixed(1)} ms`);
  if (port.attachment.kind !== 'pci') throw new Error('not PCI');
  return { dut: running, port, pci: port.attachment };
}

/** The common configuration structure, found by its capability. */
function commonConfig(pci: PciAttachment): { window: RegisterWindow; offset: number } {
  const header = pciHeader.fields;
  let at = pci.config.read(header.capabilities.offset, 1);
  while (at !== 0) {
    if (pci.config.read(at, 1) === PciCapability.VENDOR) {
      const bytes = Uint8Array.from({ length: virtioPciCap.size }, (_, i) => pci.config.read(at + i, 1));
      const cap = virtioPciCap.read(bytes);
      const window = pci.bar(cap.bar);
      if (cap.cfg_type === VirtioPciCapType.COMMON_CFG && window !== undefined) return { window, offset: cap.offset };
    }
    at = pci.config.read(at + 1, 1);
  }
  throw new Error('no common configuration capability');
}

describe.each([
  ['mapped', { mmap: true }],
  ['copied', { mmap: false }],
])('memory %s', (_, options) => {
  it('shows a modern virtio-scsi function', async () => {
    const { dut, port, pci } = await open(options);
    const header = pciHeader.fields;
    expect(pci.config.read(header.vendor_id.offset, 2)).toBe(VIRTIO_PCI_VENDOR);
    expect(pci.config.read(header.device_id.offset, 2)).toBe(VIRTIO_PCI_DEVICE_SCSI);
    expect(dut.identity.version).toMatch(/^\d+\.\d+\.\d+$/);

    pci.config.write(header.command.offset, 2, PciCommand.MEMORY | PciCommand.MASTER);
    const { window, offset } = commonConfig(pci);
    const common = virtioPciCommonCfg.fields;
    window.write(offset + common.device_status.offset, 1, 0);
    expect(window.read(offset + common.device_status.offset, 1)).toBe(0);
    window.write(offset + common.device_feature_select.offset, 4, 1);
    // VIRTIO_F_VERSION_1 is bit 32.
    expect(window.read(offset + common.device_feature.offset, 4) & 1).toBe(1);
    expect(window.read(offset + common.num_queues.offset, 2)).toBe(4);

    const n = 2000;
    const started = performance.now();
    for (let i = 0; i < n; i++) window.read(offset + common.device_status.offset, 1);
    console.log(`register read ${(((performance.now() - started) * 1000) / n).toFixed(1)} µs`);
    const posted = performance.now();
    for (let i = 0; i < n; i++) window.write(offset + common.device_feature_select.offset, 4, 0);
    port.lifecycle.settle();
    console.log(`posted write ${(((performance.now() - posted) * 1000) / n).toFixed(1)} µs`);
    port.close();
  });
});
