/** The QEMU device kind: virtio-scsi of a stock QEMU, over PCI or MMIO, driven without a guest. */
import type { DutAdapter } from '../dut.js';
import { FRONT_END_TRANSPORTS } from './controller.js';
import { transportsOf } from './machine.js';
import { type QemuOptions, qemuObstacles, startQemu } from './start.js';

/** The main-thread half; its worker half is `openQemuPort`. */
export function qemuAdapter(options: QemuOptions = {}): DutAdapter {
  return {
    name: 'qemu',
    obstacles: () => Promise.resolve(qemuObstacles(options)),
    // A back-end has files of its own, and a wrapper may have a port.
    selfContained: options.backend === undefined && options.wrap === undefined,
    transports: options.backend === undefined ? transportsOf(options.machine) : FRONT_END_TRANSPORTS,
    start: (transport) => startQemu(options, transport),
  };
}
