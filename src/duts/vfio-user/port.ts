/** The worker's half of the vfio-user adapter. */
import { PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import type { PciTransportName } from '../../port/transport-name.js';
import { PollSet } from '../../sys/events.js';
import { LibcError } from '../../sys/native.js';
import { VfioPciRegion } from '../../wire/vfio.js';
import type { ControlLink, OpenPort } from '../dut.js';
import { eventClock } from '../event-clock.js';
import { reconnected } from '../message-line.js';
import { EventInterrupts } from '../pci-function/event-interrupts.js';
import { pciFunctionPort, regionWindow, statusLine } from '../pci-function/port.js';
import { SHARED_REGIONS, SharedMemory } from '../shared-memory.js';
import { VfioUserFunction, type VfioUserTarget } from './function.js';

/** What is declared of a server's function: the protocol has no word for it. */
export interface VfioUserTraits {
  /** Masks of the MSI-X table hold interrupts back, which its pending bits show. */
  readonly msixMasks: boolean;
  /** The status register shows the level of the interrupt line. */
  readonly intxStatus: boolean;
  /** Memory on huge pages. */
  readonly hugePages: boolean;
}

/** What the worker needs to reach a server. */
export interface VfioUserAttach extends VfioUserTarget, VfioUserTraits {
  readonly transport: PciTransportName;
  readonly settleMs: number;
}

/** Connects to a server in the thread that will drive its function. Throws `PortError` and `DutGoneError`. */
export const openVfioUserPort: OpenPort<VfioUserAttach> = (attach, link: ControlLink): Port => {
  const { transport, shareMemory, msixMasks, intxStatus, hugePages, settleMs } = attach;
  const memory = memoryFor(hugePages);
  const pci = connect(attach, memory);
  const interrupts =
    pci.vectors === 0
      ? undefined
      : new EventInterrupts({
          vectors: pci.vectors,
          masked: msixMasks,
          connect: (fds) => pci.connectVectors(fds),
        });
  const config = windowOf(pci, VfioPciRegion.CONFIG, false);
  const bars = Array.from({ length: VfioPciRegion.BARS }, (_, bar) => bar)
    .filter((bar) => pci.regionSize(bar) > 0)
    .map((bar) => [bar, windowOf(pci, bar, true)] as const);
  let waiting = new PollSet([pci.socket]);
  const listen = () => {
    interrupts?.watch([pci.socket]);
    waiting = new PollSet([pci.socket]);
  };
  listen();
  const clock = eventClock((limitMs) => {
    if (interrupts) interrupts.wait(limitMs);
    else waiting.wait(limitMs);
    pci.attend();
  });
  return pciFunctionPort({
    transport,
    config,
    bars: new Map(bars),
    dma: memory.dma,
    ...(interrupts && { interrupts }),
    ...(intxStatus && { line: statusLine(config) }),
    settleMs,
    link,
    clock: {
      now: clock.now,
      relax(round) {
        // Memory that the server does not map changes by its messages.
        if (!shareMemory) pci.attend();
        clock.relax(round);
      },
    },
    attend: () => pci.attend(),
    renew() {
      reconnected(() => pci.reconnect());
      listen();
    },
    alive: () => pci.alive,
    close() {
      pci.close();
      interrupts?.close();
      memory.close();
    },
  });
};

/** Writes to BARs are posted, as on a bus; those to configuration space are not. */
function windowOf(pci: VfioUserFunction, region: number, posted: boolean) {
  const window = regionWindow(pci.regionSize(region), {
    read: (offset, data) => pci.read(region, offset, data),
    write: (offset, data) => (posted ? pci.post(region, offset, data) : pci.write(region, offset, data)),
  });
  return { ...window, fence: () => pci.fence() };
}

function memoryFor(hugePages: boolean): SharedMemory {
  try {
    // The high memory first, so that addresses of more than 32 bits are what is used unless someone asks otherwise.
    return new SharedMemory({ places: [...SHARED_REGIONS].reverse(), hugePages });
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    const remedy = hugePages ? '; 64 huge pages of 2 MiB have to be free: sysctl vm.nr_hugepages=64' : '';
    throw new PortError('PORT_SETUP', `no memory for the device: ${error.message}${remedy}`, {
      cause: error,
    });
  }
}

function connect(attach: VfioUserAttach, memory: SharedMemory): VfioUserFunction {
  try {
    return new VfioUserFunction(attach, memory);
  } catch (error) {
    memory.close();
    if (error instanceof LibcError) throw new PortError('PORT_SETUP', error.message, { cause: error });
    throw error;
  }
}
