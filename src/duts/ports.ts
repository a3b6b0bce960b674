/** The ports of the device kinds, for worker threads. A thread loads the code of its own device and no other. */
import type { Port } from '../port/port.js';
import type { ControlLink } from './dut.js';
import type { ModelAttach } from './model/attach.js';
import type { PciAttach } from './pci/port.js';
import type { QemuAttach } from './qemu/port.js';
import type { RemoteAttach } from './remote/port.js';
import type { VfioAttach } from './vfio/port.js';
import type { VfioUserAttach } from './vfio-user/port.js';
import type { VhostScsiAttach } from './vhost-scsi/port.js';
import type { VhostUserAttach } from './vhost-user/port.js';

/** Opens a port, for which its code is loaded first. */
export type LoadPort<A> = (attach: A, link: ControlLink) => Promise<Port>;

/** By the names of `ADAPTERS`. */
export const PORTS: Readonly<Record<string, LoadPort<never>>> = {
  model: (async (attach, link) =>
    attach.mutant === undefined
      ? (await import('./model/port.js')).openModel(attach).port
      : (await import('./model/mutant-port.js')).openModelPort(attach, link)) satisfies LoadPort<ModelAttach>,
  qemu: (async (...args) =>
    (await import('./qemu/port.js')).openQemuPort(...args)) satisfies LoadPort<QemuAttach>,
  'vhost-user': (async (...args) =>
    (await import('./vhost-user/port.js')).openVhostUserPort(...args)) satisfies LoadPort<VhostUserAttach>,
  'vhost-scsi': (async (...args) =>
    (await import('./vhost-scsi/port.js')).openVhostScsiPort(...args)) satisfies LoadPort<VhostScsiAttach>,
  'vfio-user': (async (...args) =>
    (await import('./vfio-user/port.js')).openVfioUserPort(...args)) satisfies LoadPort<VfioUserAttach>,
  pci: (async (...args) =>
    (await import('./pci/port.js')).openPciPort(...args)) satisfies LoadPort<PciAttach>,
  remote: (async (...args) =>
    (await import('./remote/port.js')).openRemotePort(...args)) satisfies LoadPort<RemoteAttach>,
  vfio: (async (...args) =>
    (await import('./vfio/port.js')).openVfioPort(...args)) satisfies LoadPort<VfioAttach>,
};
