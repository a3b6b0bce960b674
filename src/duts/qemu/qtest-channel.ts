/**
 * QEMU's qtest protocol: commands as lines, one reply line each, in order ("docs/devel/qtest.rst" in QEMU).
 *
 * It runs over two blocking descriptors and needs no event loop. Commands are posted into a buffer and their replies
 * left unread until an answer is needed, so that a row of register writes costs one system call.
 */
import { readSync, writeSync } from 'node:fs';
import { DutGoneError, PortError } from '../../port/errors.js';

/**
 * Replies that may be outstanding. QEMU stops reading commands while it cannot write replies; with "OK\n" for each, this
 * many fit even the smallest pipe (one page), so that neither side ever waits for the other.
 */
const MAX_UNANSWERED = 512;
const BUFFER_SIZE = 64 * 1024;
/** No reply that was asked for is longer; a peer that sends such a line does not speak the protocol. */
const MAX_LINE = 1024 * 1024;

/** A line to QEMU's qtest server. */
export class QtestChannel {
  readonly #toPeer: number;
  readonly #fromPeer: number;
  readonly #out = Buffer.allocUnsafe(BUFFER_SIZE);
  #outUsed = 0;
  readonly #in = Buffer.allocUnsafe(BUFFER_SIZE);
  #text = '';
  /** Commands without a reply yet, in order; those before `#firstUnanswered` have theirs. */
  #commands: string[] = [];
  #firstUnanswered = 0;
  #gone: string | undefined;
  /** Inputs of the intercepted interrupt controller that are asserted. */
  readonly #asserted = new Set<number>();

  /** Takes the descriptors for writing commands and for reading replies; they stay the caller's to close. */
  constructor(toPeer: number, fromPeer: number) {
    this.#toPeer = toPeer;
    this.#fromPeer = fromPeer;
  }

  /** Whether the peer has closed the line. */
  get gone(): boolean {
    return this.#gone !== undefined;
  }

  /**
   * Has QEMU report the inputs of an interrupt controller, named by its path in the machine, from now on. False if it
   * cannot.
   */
  watchInterrupts(controller: string): boolean {
    try {
      this.ask(`irq_intercept_in ${controller}`);
      return true;
    } catch (error) {
      if (error instanceof DutGoneError) throw error;
      return false;
    }
  }

  /** Whether an input of the watched interrupt controller is asserted now. */
  asserted(input: number): boolean {
    // Changes are reported before the reply to whatever caused them or came after them.
    this.ask('endianness');
    return this.#asserted.has(input);
  }

  /** Queues a command that is answered by a bare OK. */
  post(command: string): void {
    this.#append(command);
    if (this.#commands.length - this.#firstUnanswered >= MAX_UNANSWERED) this.drain();
  }

  /** Carries out everything posted and then `command`; returns what follows OK in its reply. */
  ask(command: string): string {
    this.#append(command);
    this.flush();
    const last = this.#commands.length - 1;
    while (this.#firstUnanswered < last) this.#expectBareOk();
    return this.#reply();
  }

  /** Sends what has been posted. */
  flush(): void {
    this.#checkAlive();
    if (this.#outUsed === 0) return;
    const length = this.#outUsed;
    this.#outUsed = 0;
    this.#send(this.#out, length);
  }

  /** Sends what has been posted and reads all replies: the peer has then carried everything out. */
  drain(): void {
    this.flush();
    while (this.#firstUnanswered < this.#commands.length) this.#expectBareOk();
  }

  #append(command: string): void {
    this.#checkAlive();
    this.#commands.push(command);
    const length = command.length + 1;
    if (this.#outUsed + length > BUFFER_SIZE) this.flush();
    if (length > BUFFER_SIZE) {
      this.#send(Buffer.from(`${command}\n`, 'latin1'), length);
      return;
    }
    this.#outUsed += this.#out.write(command, this.#outUsed, 'latin1');
    this.#out[this.#outUsed++] = 0x0a;
  }

  #send(bytes: Uint8Array, length: number): void {
    try {
      for (let done = 0; done < length; ) done += writeSync(this.#toPeer, bytes, done, length - done);
    } catch (error) {
      throw this.#lost('takes no more commands', error);
    }
  }

  #expectBareOk(): void {
    const command = this.#commands[this.#firstUnanswered] ?? '';
    const value = this.#reply();
    if (value !== '') throw protocolError(command, `OK ${value}`);
  }

  /** Takes the reply of the first unanswered command. */
  #reply(): string {
    let line = this.#line();
    for (; line.startsWith('IRQ '); line = this.#line()) this.#noteInterrupt(line);
    const command = this.#commands[this.#firstUnanswered++] ?? '';
    if (this.#firstUnanswered === this.#commands.length) {
      this.#commands = [];
      this.#firstUnanswered = 0;
    }
    if (line === 'OK') return '';
    if (line.startsWith('OK ')) return line.slice(3);
    throw protocolError(command, line);
  }

  /** Takes a report of an interrupt line, `IRQ raise N` or `IRQ lower N`; they come between replies. */
  #noteInterrupt(report: string): void {
    const [, change, input] = report.split(' ');
    if (change === 'raise') this.#asserted.add(Number(input));
    else this.#asserted.delete(Number(input));
  }

  #line(): string {
    for (let searched = 0; ; ) {
      const end = this.#text.indexOf('\n', searched);
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      searched = this.#text.length;
      if (searched > MAX_LINE) {
        throw protocolError(this.#commands[this.#firstUnanswered] ?? '', this.#text);
      }
      this.#text += this.#receive();
    }
  }

  #receive(): string {
    let length: number;
    try {
      length = readSync(this.#fromPeer, this.#in, 0, BUFFER_SIZE, null);
    } catch (error) {
      throw this.#lost('cannot be read from', error);
    }
    if (length === 0) throw this.#lost('has been closed');
    return this.#in.toString('latin1', 0, length);
  }

  #lost(how: string, error?: unknown): DutGoneError {
    const command = this.#commands[this.#firstUnanswered];
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    const at = command === undefined ? '' : `; the first command without a reply is: ${excerpt(command)}`;
    this.#gone = `QEMU's qtest line ${how}${code}${at}`;
    return new DutGoneError(this.#gone);
  }

  #checkAlive(): void {
    if (this.#gone !== undefined) throw new DutGoneError(this.#gone);
  }
}

function protocolError(command: string, got: string): PortError {
  return new PortError(
    'PORT_PROTOCOL',
    `QEMU's reply to the qtest command "${excerpt(command)}": expected OK, got ${JSON.stringify(excerpt(got))}`,
  );
}

function excerpt(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}… (${text.length} characters)` : text;
}
