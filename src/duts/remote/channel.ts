/** The suite's end of the line to a remote device, over two blocking descriptors and without an event loop. */
import { readSync, writeSync } from 'node:fs';
import { DutGoneError, PortError } from '../../port/errors.js';
import { asideKind, mistakeIn } from './messages.js';
import { type Aside, MOST_LINE_BYTES, type Request } from './protocol.js';

const NEWLINE = 0x0a;
const CHUNK = 64 * 1024;

/** Takes what the device says of its own accord, and gives the answer if it waits for one. Throws PortError. */
export type AsideHandler = (aside: Aside) => object | undefined;

/** Asks and waits. */
export class RemoteChannel {
  readonly #toDevice: number;
  readonly #fromDevice: number;
  readonly #onAside: AsideHandler;
  readonly #chunk = Buffer.allocUnsafe(CHUNK);
  #received = Buffer.alloc(0);
  #gone: string | undefined;

  /** The descriptors stay the caller's to close. */
  constructor(toDevice: number, fromDevice: number, onAside: AsideHandler) {
    this.#toDevice = toDevice;
    this.#fromDevice = fromDevice;
    this.#onAside = onAside;
  }

  /** Whether the other end has closed the line. */
  get gone(): boolean {
    return this.#gone !== undefined;
  }

  /** The device's answer, after all that it says before. Throws `DutGoneError`, and `PortError` for what it refuses. */
  ask(request: Request): Readonly<Record<string, unknown>> {
    if (this.#gone !== undefined) throw new DutGoneError(this.#gone);
    this.#send(request);
    for (;;) {
      const message = this.#receive(request);
      const aside = asideKind(message);
      if (aside !== undefined) {
        if (mistakeIn(aside, message) !== undefined)
          throw wrong(
            request,
            'well-formed DMA and interrupt messages before it',
            excerpt(JSON.stringify(message)),
          );
        const answer = this.#onAside(message as unknown as Aside);
        if (answer !== undefined) this.#send(answer);
        continue;
      }
      if (message.error !== undefined) {
        const code = request.op === 'control' ? 'CONTROL_REFUSED' : 'PORT_PROTOCOL';
        throw new PortError(code, `the device refuses ${described(request)}: ${String(message.error)}`);
      }
      return message;
    }
  }

  /** A number from the device's answer, of so many bits at most. */
  askNumber(request: Request, key: string, most: number): number {
    const { [key]: value } = this.ask(request);
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
    throw wrong(request, `"${key}" from 0 to ${most}`, JSON.stringify(value));
  }

  #send(message: object): void {
    const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#toDevice, bytes, done);
    } catch (error) {
      throw this.#lost('takes no more lines', error);
    }
  }

  #receive(request: Request): Readonly<Record<string, unknown>> {
    const line = this.#line(request);
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      throw wrong(request, 'a line of JSON', excerpt(line));
    }
    if (typeof message !== 'object' || message === null || Array.isArray(message))
      throw wrong(request, 'an object', excerpt(line));
    return message as Readonly<Record<string, unknown>>;
  }

  #line(request: Request): string {
    for (let searched = 0; ; ) {
      const end = this.#received.indexOf(NEWLINE, searched);
      if (end >= 0) {
        const line = this.#received.toString('utf8', 0, end);
        this.#received = this.#received.subarray(end + 1);
        return line;
      }
      searched = this.#received.length;
      if (searched > MOST_LINE_BYTES)
        throw wrong(request, `a line of at most ${MOST_LINE_BYTES} bytes`, 'a longer one');
      let length: number;
      try {
        length = readSync(this.#fromDevice, this.#chunk, 0, CHUNK, null);
      } catch (error) {
        throw this.#lost('cannot be read from', error);
      }
      if (length === 0) throw this.#lost(`was closed before the answer to ${described(request)}`);
      this.#received = Buffer.concat([this.#received, this.#chunk.subarray(0, length)]);
    }
  }

  #lost(how: string, error?: unknown): DutGoneError {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    this.#gone = `the line to the device ${how}${code}`;
    return new DutGoneError(this.#gone);
  }
}

/** An answer that the protocol does not have. */
export function wrong(request: Request, expected: string, got: string): PortError {
  return new PortError(
    'PORT_PROTOCOL',
    `the device's answer to ${described(request)}: expected ${expected}, got ${got}`,
  );
}

const described = (request: Request): string => excerpt(JSON.stringify(request));

const EXCERPT = 160;
const excerpt = (text: string): string => (text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text);
