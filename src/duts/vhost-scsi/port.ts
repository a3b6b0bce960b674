/** The worker's half of the vhost-scsi adapter. */
import type { Control, UnitAddress } from '../../port/controls.js';
import { PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import type { VhostAttachment } from '../../port/vhost.js';
import { LibcError } from '../../sys/libc.js';
import { pause } from '../../sys/real-clock.js';
import type { ControlLink, OpenPort } from '../dut.js';
import { SharedMemory } from '../shared-memory.js';
import { RingEvents } from '../vhost/ring-events.js';
import { openAttachment } from './attachment.js';

/** What the worker needs to drive the kernel. */
export interface VhostScsiAttach {
  /** Descriptor of /dev/vhost-scsi, the main thread's, of which nobody is the owner yet. */
  readonly fd: number;
  /** Name of the port that is to be served. */
  readonly wwpn: string;
  readonly settleMs: number;
}

/** Takes the device and opens it as a port. Throws `PortError` PORT_SETUP. */
export const openVhostScsiPort: OpenPort<VhostScsiAttach> = (attach, link: ControlLink): Port => {
  const { fd, wwpn, settleMs } = attach;
  const memory = new SharedMemory();
  const events = new RingEvents(() => {});
  const close = () => {
    events.close();
    memory.close();
  };
  try {
    let held: readonly UnitAddress[] = [];
    const invoke = (control: Control) => {
      link.call(control);
      if (control.name === 'hold') held = [...held, ...control.units];
      if (control.name === 'release')
        held = held.filter(
          ({ target, unit }) => !control.units.some((each) => each.target === target && each.unit === unit),
        );
    };
    const kernel = openAttachment({ fd, memory, events, wwpn });
    const reset = () => {
      // The kernel ends a reset, and this thread waits for it, when nothing is in flight any more.
      if (held.length > 0) invoke({ name: 'release', units: held });
      kernel.reset();
    };
    const attachment: VhostAttachment = { ...kernel, reset };
    return {
      transport: 'vhost-kernel',
      attachment,
      dma: memory.dma,
      interrupts: events,
      clock: events.clock,
      lifecycle: { alive: () => true, settle: () => pause(settleMs) },
      controls: { offered: link.offered, invoke },
      close() {
        // Without an endpoint the kernel uses neither events nor memory.
        kernel.reset();
        close();
      },
    };
  } catch (error) {
    close();
    if (!(error instanceof LibcError)) throw error;
    throw new PortError('PORT_SETUP', `/dev/vhost-scsi: ${error.message}`, { cause: error });
  }
};
