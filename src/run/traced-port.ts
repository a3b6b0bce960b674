/** A port that tells of every access to the device's registers, or of every call to its back-end. */
import type { Port } from '../port/port.js';
import type { Attachment, RegisterWindow, Width } from '../port/registers.js';
import type { VhostAttachment } from '../port/vhost.js';

/** One access or call. */
export type Touch =
  | {
      readonly type: 'register';
      readonly verb: 'read' | 'write';
      readonly window: string;
      /** The window as the transport knows it. */
      readonly by: RegisterWindow;
      readonly offset: number;
      readonly width: Width;
      readonly value: number;
    }
  | { readonly type: 'call'; readonly name: string; readonly arguments: readonly unknown[] };

/** The same port, overheard. */
export function tracedPort(port: Port, listen: (touch: Touch) => void): Port {
  return {
    transport: port.transport,
    attachment: tracedAttachment(port.attachment, listen),
    dma: port.dma,
    ...(port.interrupts && { interrupts: port.interrupts }),
    clock: port.clock,
    lifecycle: port.lifecycle,
    controls: port.controls,
    close: () => port.close(),
  };
}

function tracedAttachment(attachment: Attachment, listen: (touch: Touch) => void): Attachment {
  switch (attachment.kind) {
    case 'pci': {
      // The transport compares windows, so each has one stand-in.
      const bars = new Map<number, RegisterWindow | undefined>();
      const { line } = attachment;
      return {
        kind: 'pci',
        config: new TracedWindow('config', attachment.config, listen),
        bar: (index) => {
          if (!bars.has(index)) {
            const window = attachment.bar(index);
            bars.set(index, window && new TracedWindow(`bar${index}`, window, listen));
          }
          return bars.get(index);
        },
        ...(line && { line }),
      };
    }
    case 'mmio': {
      const { line } = attachment;
      return {
        kind: 'mmio',
        window: new TracedWindow('mmio', attachment.window, listen),
        ...(line && { line }),
      };
    }
    case 'vhost':
      return tracedBackEnd(attachment, listen);
  }
}

class TracedWindow implements RegisterWindow {
  readonly #name: string;
  readonly #window: RegisterWindow;
  readonly #listen: (touch: Touch) => void;

  constructor(name: string, window: RegisterWindow, listen: (touch: Touch) => void) {
    this.#name = name;
    this.#window = window;
    this.#listen = listen;
  }

  get size(): number {
    return this.#window.size;
  }
  read(offset: number, width: Width): number {
    const value = this.#window.read(offset, width);
    this.#tell('read', offset, width, value);
    return value;
  }
  /** Told before it is done: the device may not survive it. */
  write(offset: number, width: Width, value: number): void {
    this.#tell('write', offset, width, value);
    this.#window.write(offset, width, value);
  }
  flush(): void {
    this.#window.flush();
  }
  fence(): void {
    this.#window.fence();
  }

  #tell(verb: 'read' | 'write', offset: number, width: Width, value: number): void {
    this.#listen({ type: 'register', verb, window: this.#name, by: this, offset, width, value });
  }
}

/** Calls that only ask how the back-end is. */
const SILENT: ReadonlySet<PropertyKey> = new Set(['faults']);

function tracedBackEnd(backEnd: VhostAttachment, listen: (touch: Touch) => void): VhostAttachment {
  return new Proxy(backEnd, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) => {
        if (!SILENT.has(name)) listen({ type: 'call', name: String(name), arguments: given });
        return member.apply(target, given);
      };
    },
  });
}
