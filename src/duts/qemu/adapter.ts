/** The QEMU device kind: virtio-scsi-pci of a stock QEMU, driven without a guest. */
import type { DutAdapter } from '../dut.js';
import { type QemuOptions, qemuObstacles, startQemu } from './start.js';

/** The main-thread half; its worker half is `openQemuPort`. */
export function qemuAdapter(options: QemuOptions = {}): DutAdapter {
  return {
    name: 'qemu',
    obstacles: () => Promise.resolve(qemuObstacles(options)),
    transports: ['pci'],
    start: (transport) => startQemu(options, transport),
  };
}
