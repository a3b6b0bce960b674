/** The suite's end of the line to a remote device before anybody drives it: nothing is waited for without limit. */
import { read, write } from 'node:fs';
import { promisify } from 'node:util';
import { MOST_LINE_BYTES } from './protocol.js';

const readFrom = promisify(read);
const writeTo = promisify(write);
const CHUNK = 4096;
const NEWLINE = 0x0a;

/** Why there is no line. */
export class LineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LineError';
  }
}

/** Lines each way. After a `LineError` nothing more can be heard. */
export class RemoteLine {
  readonly #toDevice: number;
  readonly #fromDevice: number;
  #received = Buffer.alloc(0);
  #over: LineError | undefined;

  /** The descriptors stay the caller's to close. */
  constructor(toDevice: number, fromDevice: number) {
    this.#toDevice = toDevice;
    this.#fromDevice = fromDevice;
  }

  /** What has been heard beyond the last line. */
  get rest(): string {
    return this.#received.toString();
  }

  /** Says a line, and waits for one. Throws LineError. */
  ask(text: string, limitMs: number): Promise<string> {
    return this.#within(limitMs, async () => {
      await this.#say(text);
      return this.#hear();
    });
  }

  /** Says a line that the other end waits for. Throws LineError. */
  tell(text: string, limitMs: number): Promise<void> {
    return this.#within(limitMs, () => this.#say(text));
  }

  /** The next line. Throws LineError. */
  hear(limitMs: number): Promise<string> {
    return this.#within(limitMs, () => this.#hear());
  }

  async #say(text: string): Promise<void> {
    const bytes = Buffer.from(`${text}\n`);
    try {
      for (let done = 0; done < bytes.length; )
        done += (await writeTo(this.#toDevice, bytes, done)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') throw new LineError('it has closed the line');
      throw error;
    }
  }

  async #hear(): Promise<string> {
    for (;;) {
      const end = this.#received.indexOf(NEWLINE);
      if (end >= 0) {
        const line = this.#received.toString('utf8', 0, end);
        this.#received = this.#received.subarray(end + 1);
        return line;
      }
      if (this.#received.length > MOST_LINE_BYTES)
        throw new LineError(`its line is longer than ${MOST_LINE_BYTES} bytes`);
      const { bytesRead, buffer } = await readFrom(this.#fromDevice, Buffer.alloc(CHUNK), 0, CHUNK, null);
      if (bytesRead === 0) throw new LineError('it has closed the line');
      this.#received = Buffer.concat([this.#received, buffer.subarray(0, bytesRead)]);
    }
  }

  /** An answer that comes too late would be taken for that of the next question. */
  async #within<T>(limitMs: number, deed: () => Promise<T>): Promise<T> {
    if (this.#over !== undefined) throw this.#over;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new LineError(`it did not answer within ${limitMs} ms`)), limitMs);
    });
    try {
      return await Promise.race([deed(), late]);
    } catch (error) {
      if (error instanceof LineError) this.#over = error;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
