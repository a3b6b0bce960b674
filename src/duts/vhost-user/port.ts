/** The worker's half of the vhost-user adapter. */

import { PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import { LibcError } from '../../sys/native.js';
import { pause } from '../../sys/real-clock.js';
import type { ControlLink, OpenPort } from '../dut.js';
import { reconnected } from '../message-line.js';
import { SharedMemory } from '../shared-memory.js';
import { RingEvents } from '../vhost/ring-events.js';
import { VhostUserBackend, type VhostUserTarget } from './backend.js';

/** What the worker needs to reach a back-end. */
export interface VhostUserAttach extends VhostUserTarget {
  readonly settleMs: number;
}

/** Connects to a back-end in the thread that will drive it. Throws `PortError`. */
export const openVhostUserPort: OpenPort<VhostUserAttach> = (
  attach: VhostUserAttach,
  link: ControlLink,
): Port => {
  const memory = new SharedMemory();
  const events = new RingEvents(() => backend.attend());
  const backend = connect(attach, memory, events);
  events.watch(backend.descriptors);
  let closed = false;
  return {
    transport: 'vhost-user',
    attachment: backend,
    dma: memory.dma,
    interrupts: events,
    clock: events.clock,
    lifecycle: {
      alive: () => backend.alive,
      settle() {
        backend.attend();
        pause(attach.settleMs);
      },
    },
    controls: {
      offered: link.offered,
      invoke(control) {
        backend.attend();
        link.call(control);
        if (control.name !== 'power-cycle') return;
        // Another process has taken the place of the one that was connected.
        reconnected(() => backend.reconnect());
        events.watch(backend.descriptors);
      },
    },
    close() {
      if (closed) return;
      closed = true;
      backend.close();
      events.close();
      memory.close();
    },
  };
};

function connect(attach: VhostUserAttach, memory: SharedMemory, events: RingEvents): VhostUserBackend {
  try {
    return new VhostUserBackend(attach, memory, events);
  } catch (error) {
    events.close();
    memory.close();
    if (error instanceof LibcError) throw new PortError('PORT_SETUP', error.message, { cause: error });
    throw error;
  }
}
