/** Register windows behind a qtest line. */
import { PortError } from '../../port/errors.js';
import type { RegisterWindow, Width } from '../../port/registers.js';
import type { QtestChannel } from './qtest-channel.js';

const SUFFIX: Record<Width, string> = { 1: 'b', 2: 'w', 4: 'l' };
/** How qtest names an access to each address space. */
const VERBS = { memory: { read: 'read', write: 'write' }, io: { read: 'in', write: 'out' } } as const;

/** A number as qtest commands have it. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** The qtest command for one access; a write's value is still to follow. */
export function accessCommand(
  space: 'memory' | 'io',
  verb: 'read' | 'write',
  width: Width,
  address: number,
): string {
  return `${VERBS[space][verb]}${SUFFIX[width]} ${hex(address)}`;
}

/** What the windows share: the bounds check and the way of saying it in qtest. */
export abstract class QtestWindow implements RegisterWindow {
  readonly size: number;
  protected readonly qtest: QtestChannel;

  constructor(qtest: QtestChannel, size: number) {
    this.qtest = qtest;
    this.size = size;
  }

  abstract read(offset: number, width: Width): number;
  abstract write(offset: number, width: Width, value: number): void;

  flush(): void {
    this.qtest.flush();
  }

  fence(): void {
    this.qtest.drain();
  }

  protected check(offset: number, width: Width): void {
    if (!Number.isInteger(offset) || offset < 0 || offset + width > this.size) {
      throw new RangeError(`${width} bytes at ${offset} are not within a register window of ${this.size}`);
    }
  }

  protected ask(command: string): number {
    const reply = this.qtest.ask(command);
    const value = Number(reply);
    if (reply === '' || !Number.isSafeInteger(value)) {
      throw new PortError(
        'PORT_PROTOCOL',
        `The reply to "${command}" is no number: ${JSON.stringify(reply)}`,
      );
    }
    return value;
  }
}

/** A stretch of memory or I/O addresses. */
export class AddressWindow extends QtestWindow {
  readonly #space: 'memory' | 'io';
  readonly #base: number;

  constructor(qtest: QtestChannel, space: 'memory' | 'io', base: number, size: number) {
    super(qtest, size);
    this.#space = space;
    this.#base = base;
  }

  read(offset: number, width: Width): number {
    this.check(offset, width);
    return this.ask(accessCommand(this.#space, 'read', width, this.#base + offset));
  }

  write(offset: number, width: Width, value: number): void {
    this.check(offset, width);
    this.qtest.post(`${accessCommand(this.#space, 'write', width, this.#base + offset)} ${hex(value >>> 0)}`);
  }
}
