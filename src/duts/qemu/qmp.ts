/** A small client of QEMU's machine protocol: one JSON object a line ("docs/interop/qmp-spec" in QEMU). */
import type { Duplex } from 'node:stream';

/** QEMU refused a QMP command, did not answer in time, or hung up. `code` is QEMU's error class or one of ours. */
export class QmpError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'QmpError';
    this.code = code;
  }
}

/** An event of the machine. */
export interface QmpEvent {
  readonly name: string;
  readonly data: unknown;
}

type JsonObject = Record<string, unknown>;
interface Waiting {
  /** The answer, greeting or event, if it is the one that is waited for. */
  readonly wants: (message: JsonObject) => boolean;
  readonly resolve: (message: JsonObject) => void;
  readonly reject: (error: QmpError) => void;
}

/** A connection to a QMP monitor, used from the main thread. */
export class QmpClient {
  readonly #stream: Duplex;
  #text = '';
  #nextId = 1;
  #ended: string | undefined;
  readonly #waiting = new Set<Waiting>();

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => this.#receive(chunk));
    stream.on('error', (error) => this.#end(error.message));
    stream.on('close', () => this.#end('QEMU has closed it'));
  }

  /** Waits for the greeting and leaves the negotiation mode. */
  async connect(limitMs: number): Promise<void> {
    await this.#waitFor('the QMP greeting', limitMs, (message) => 'QMP' in message);
    await this.execute('qmp_capabilities', undefined, limitMs);
  }

  /** Carries out a command; returns its answer. */
  async execute(command: string, args: JsonObject | undefined, limitMs: number): Promise<unknown> {
    const id = this.#nextId++;
    const answer = this.#waitFor(`the answer to the QMP command ${command}`, limitMs, (m) => m.id === id);
    this.#stream.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    const message = await answer;
    if ('return' in message) return message.return;
    const error: unknown = message.error;
    const known = isObject(error) ? error : {};
    throw new QmpError(
      typeof known.class === 'string' ? known.class : 'GenericError',
      `QEMU refuses the QMP command ${command}: ${String(known.desc ?? JSON.stringify(message))}`,
    );
  }

  /** Waits for the next event of this name, with data that are meant. Ask before causing it. */
  async event(
    name: string,
    limitMs: number,
    meant: (data: JsonObject) => boolean = () => true,
  ): Promise<QmpEvent> {
    const message = await this.#waitFor(
      `the QMP event ${name}`,
      limitMs,
      ({ event, data }) => event === name && meant(isObject(data) ? data : {}),
    );
    return { name, data: message.data };
  }

  /** Ends the connection. */
  close(): void {
    this.#stream.destroy();
  }

  #waitFor(what: string, limitMs: number, wants: (message: JsonObject) => boolean): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(new QmpError('Closed', `No line for ${what}: ${this.#ended}`));
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new QmpError('TimedOut', `${what} did not come within ${limitMs} ms`));
      }, limitMs);
      const waiting: Waiting = {
        wants,
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(new QmpError(error.code, `${what} did not come: ${error.message}`));
        },
      };
      this.#waiting.add(waiting);
    });
  }

  #receive(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end).trim();
      this.#text = this.#text.slice(end + 1);
      if (line !== '') this.#take(line);
    }
  }

  #take(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      message = undefined;
    }
    if (!isObject(message)) {
      this.#end(`QEMU sent no QMP message: ${line.slice(0, 200)}`);
      this.#stream.destroy();
      return;
    }
    for (const waiting of this.#waiting) {
      if (!waiting.wants(message)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(message);
    }
  }

  #end(why: string): void {
    this.#ended ??= why;
    for (const waiting of this.#waiting) waiting.reject(new QmpError('Closed', this.#ended));
    this.#waiting.clear();
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
