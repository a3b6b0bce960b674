/** The worker's half of a remote device. */
import { PortError } from '../../port/errors.js';
import type { DeliveredInterrupts } from '../../port/interrupts.js';
import type { Port } from '../../port/port.js';
import type { Attachment, RegisterWindow } from '../../port/registers.js';
import { pause, realClock } from '../../sys/real-clock.js';
import { MMIO_WINDOW_SIZE } from '../../wire/virtio-mmio.js';
import type { OpenPort } from '../dut.js';
import { RemoteChannel } from './channel.js';
import { type RemoteMemory, remoteMemory } from './memory.js';
import type { Hello, RemoteSpace, RemoteTransport } from './protocol.js';

/** What crosses from the adapter to the port. Descriptors belong to the process, not to a thread. */
export interface RemoteAttach {
  readonly transport: RemoteTransport;
  readonly toDevice: number;
  readonly fromDevice: number;
  /** What the device said of itself. */
  readonly hello: Hello;
}

/** Bytes of configuration space that the suite asks about, with that of PCI Express. */
export const PCI_CONFIG_SIZE = 4096;

/** Opens a device that has said hello. Throws `PortError` or `DutGoneError`. */
export const openRemotePort: OpenPort<RemoteAttach> = ({ transport, toDevice, fromDevice, hello }): Port => {
  let memory: RemoteMemory | undefined;
  const messages = new MessagedInterrupts(hello.vectors ?? 0, () => void channel.ask({ op: 'poll' }));
  const channel: RemoteChannel = new RemoteChannel(toDevice, fromDevice, (aside) => {
    if ('dma' in aside) return memory?.answer(aside);
    messages.raise(aside.interrupt);
    return undefined;
  });
  memory = remoteMemory(hello, channel);
  const { close, dma } = memory;
  const line = hello.line ? { level: () => channel.ask({ op: 'line' }).asserted === true } : undefined;
  return {
    transport,
    attachment: attachmentOf(transport, hello, channel, line),
    dma,
    ...(hello.interrupts === 'event' && { interrupts: messages }),
    clock: {
      now: () => realClock.now(),
      relax(round) {
        channel.ask({ op: 'poll' });
        realClock.relax(round);
      },
    },
    lifecycle: {
      alive: () => !channel.gone,
      settle() {
        channel.ask({ op: 'settle' });
        if (hello.settle_ms) pause(hello.settle_ms);
      },
    },
    controls: {
      offered: new Set(hello.controls ?? []),
      invoke: (control) => void channel.ask({ op: 'control', control }),
    },
    close,
  };
};

/** Nothing is held back: a write has been answered when it returns. */
function windowOf(channel: RemoteChannel, space: RemoteSpace, size: number): RegisterWindow {
  return {
    size,
    read: (offset, width) =>
      channel.askNumber({ op: 'read', space, offset, width }, 'value', 2 ** (8 * width) - 1),
    write: (offset, width, value) =>
      void channel.ask({ op: 'write', space, offset, width, value: value >>> 0 }),
    flush: () => {},
    fence: () => {},
  };
}

function attachmentOf(
  transport: RemoteTransport,
  { bars = {}, window = MMIO_WINDOW_SIZE }: Hello,
  channel: RemoteChannel,
  line: { level(): boolean } | undefined,
): Attachment {
  if (transport.startsWith('mmio'))
    return { kind: 'mmio', window: windowOf(channel, 'window', window), ...(line && { line }) };
  const windows = new Map(
    Object.entries(bars).map(([index, size]) => [
      Number(index),
      windowOf(channel, `bar${index}` as RemoteSpace, size),
    ]),
  );
  return {
    kind: 'pci',
    config: windowOf(channel, 'config', PCI_CONFIG_SIZE),
    bar: (index) => windows.get(index),
    ...(line && { line }),
  };
}

/** Interrupts that the device tells of by messages. */
class MessagedInterrupts implements DeliveredInterrupts {
  readonly masked = true;
  readonly vectors: number;
  readonly #hear: () => void;
  readonly #counts = new Map<number, number>();

  /** `hear` takes what the device has said by now. */
  constructor(vectors: number, hear: () => void) {
    this.vectors = vectors;
    this.#hear = hear;
  }

  /** Throws PortError for a vector that there is not. */
  raise(vector: number): void {
    if (!Number.isInteger(vector) || vector < 0 || vector >= this.vectors)
      throw new PortError('PORT_PROTOCOL', `the device raised vector ${vector}, and has ${this.vectors}`);
    this.#counts.set(vector, (this.#counts.get(vector) ?? 0) + 1);
  }

  raised(vector: number): boolean {
    return this.count(vector) > 0;
  }

  clear(vector: number): void {
    this.#hear();
    this.#counts.delete(vector);
  }

  count(vector: number): number {
    this.#hear();
    return this.#counts.get(vector) ?? 0;
  }
}
