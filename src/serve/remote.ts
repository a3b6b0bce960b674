/** The model behind the remote-device protocol: the suite at one end of two descriptors, the model at the other. */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { DutProfile } from '../duts/dut.js';
import { attachmentOf, busOf, placeBars } from '../duts/model/attachment.js';
import { modelControls } from '../duts/model/controls.js';
import { OWN_REGIONS } from '../duts/remote/memory.js';
import { mistakeIn } from '../duts/remote/messages.js';
import {
  addressText,
  type Hello,
  MOST_LINE_BYTES,
  REMOTE_VERSION,
  type RemoteSpace,
  type RemoteTransport,
  type Request,
} from '../duts/remote/protocol.js';
import type { Behaviours } from '../model/behaviours.js';
import { DmaFault } from '../model/errors.js';
import { Model } from '../model/model.js';
import type { ModelConfig } from '../model/model-config.js';
import { parseControl } from '../port/control-lines.js';
import { type Controls, capabilityFor } from '../port/controls.js';
import type { Attachment, RegisterWindow } from '../port/registers.js';
import { libc } from '../sys/libc.js';
import { pause } from '../sys/real-clock.js';
import { divertMessages } from './diverted-messages.js';
import { MessagedMemory, type SayAside } from './messaged-memory.js';

/** What is served, and where. */
export interface RemoteServerOptions {
  readonly config: ModelConfig;
  /** Of a model of that configuration. */
  readonly profile: DutProfile;
  readonly version: string;
  /** Decides where the memory lies. */
  readonly seed: number;
  readonly change: (behaviours: Behaviours) => void;
  /** File for the memory, which is made and which the other end maps; left out: the model holds it. */
  readonly memoryFile?: string;
  /** The memory is the other end's, read and written by DMA messages. Not with `memoryFile`. */
  readonly dmaMessages?: boolean;
  /** MSI-X messages are told instead of being written to memory. */
  readonly interruptEvents?: boolean;
}

const BARS = [0, 1, 2, 3, 4, 5] as const;

/** Serves until the input ends. Throws the file system's error where the other end breaks the line. */
export function serveRemote({
  input,
  output,
  ...options
}: RemoteServerOptions & {
  /** Descriptors. */
  readonly input: number;
  readonly output: number;
}): void {
  const server = new RemoteServer(options);
  const heard = lines(input);
  const say: SayAside = (aside) => {
    send(output, aside);
    if (!('dma' in aside) || aside.dma !== 'read') return undefined;
    const { value } = heard.next();
    return value === undefined ? undefined : (JSON.parse(value) as Readonly<Record<string, unknown>>);
  };
  for (let line = heard.next(); !line.done; line = heard.next()) send(output, server.answer(line.value, say));
}

/** What answers at the far end of one line. */
export class RemoteServer {
  readonly #options: RemoteServerOptions;
  #served: ServedModel | undefined;
  #say: SayAside = () => undefined;

  constructor(options: RemoteServerOptions) {
    this.#options = options;
  }

  /** The answer to a line, whatever is in it; `say` says what comes before. */
  answer(line: string, say: SayAside = () => undefined): object {
    try {
      const message: unknown = JSON.parse(line);
      const { op, version } = (message ?? {}) as { op?: unknown; version?: unknown };
      if (op === 'hello' && version !== REMOTE_VERSION)
        return { error: `version ${REMOTE_VERSION} is spoken here` };
      const mistake = mistakeIn('request', message);
      if (mistake !== undefined) return { error: `no request of the protocol: ${mistake}` };
      const request = message as Request;
      if (request.op === 'hello') {
        this.#served = new ServedModel(this.#options, request.transport, (aside) => this.#say(aside));
        return this.#served.hello;
      }
      this.#say = say;
      return this.#served?.answer(request) ?? { error: 'nobody has said hello' };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** A model that is driven from elsewhere. */
class ServedModel {
  readonly hello: Hello;
  readonly #model: Model;
  readonly #attachment: Attachment;
  readonly #controls: Controls;
  /** Where the memory is the other end's. */
  #theirs: MessagedMemory | undefined;
  #before = performance.now();

  constructor(options: RemoteServerOptions, transport: RemoteTransport, say: SayAside) {
    const { config, seed, change, profile, version, interruptEvents = false } = options;
    const bus = busOf(transport);
    const behave = interruptEvents ? divertMessages(change, (interrupt) => say({ interrupt })) : change;
    this.#model = new Model({ ...config, bus }, seed, behave);
    placeBars(this.#model, bus);
    this.#attachment = attachmentOf(this.#model, bus);
    this.#controls = modelControls(this.#model, () => placeBars(this.#model, bus));
    this.hello = {
      version: REMOTE_VERSION,
      name: 'model',
      device_version: version,
      ...this.#registers(),
      ...this.#memoryOf(options, say),
      ...(interruptEvents && { interrupts: 'event' as const, vectors: config.vectors }),
      line: true,
      controls: [...this.#controls.offered],
      dma_contained: true,
      units: profile.units.map(({ target, unit, kind, scratchSerial }) => ({
        target,
        unit,
        kind,
        ...(scratchSerial !== undefined && { scratch_serial: scratchSerial }),
      })),
      ...(profile.freeTarget !== undefined && { free_target: profile.freeTarget }),
      ...(profile.freeUnit && { free_unit: profile.freeUnit }),
    };
  }

  answer(request: Exclude<Request, { op: 'hello' }>): object {
    try {
      this.#theirs?.begin();
      return this.#answer(request);
    } finally {
      this.#theirs?.finish();
    }
  }

  #answer(request: Exclude<Request, { op: 'hello' }>): object {
    // Time goes by for the model as it does here.
    const now = performance.now();
    this.#model.clock.advance(now - this.#before);
    this.#before = now;
    switch (request.op) {
      case 'read':
        return { value: this.#read(request) };
      case 'write':
        this.#write(request);
        return {};
      case 'memory-read':
        return { data: Buffer.from(this.#memory(request.address, request.length)).toString('hex') };
      case 'memory-write': {
        const data = Buffer.from(request.data, 'hex');
        this.#memory(request.address, data.length).set(data);
        return {};
      }
      case 'line': {
        const { line } = this.#attachment as { line?: { level(): boolean } };
        return { asserted: line?.level() ?? false };
      }
      case 'poll':
        return {};
      case 'settle':
        this.#model.clock.drain();
        return {};
      case 'control':
        return this.#control(request.control);
    }
  }

  #registers(): Pick<Hello, 'bars' | 'window'> {
    const attachment = this.#attachment;
    if (attachment.kind === 'mmio') return { window: attachment.window.size };
    if (attachment.kind !== 'pci') return {};
    const sizes = BARS.flatMap((index) => {
      const bar = attachment.bar(index);
      return bar === undefined ? [] : [[String(index), bar.size] as const];
    });
    return { bars: Object.fromEntries(sizes) };
  }

  /** All ones beyond the end, as where nothing answers on a bus. */
  #read({ space, offset, width }: Extract<Request, { op: 'read' }>): number {
    const window = this.#window(space);
    return offset + width > window.size ? 2 ** (8 * width) - 1 : window.read(offset, width);
  }

  /** Nothing happens beyond the end. */
  #write({ space, offset, width, value }: Extract<Request, { op: 'write' }>): void {
    const window = this.#window(space);
    if (offset + width <= window.size) window.write(offset, width, value);
  }

  #window(space: RemoteSpace): RegisterWindow {
    const attachment = this.#attachment;
    let found: RegisterWindow | undefined;
    if (attachment.kind === 'mmio') found = space === 'window' ? attachment.window : undefined;
    else if (attachment.kind === 'pci')
      found = space === 'config' ? attachment.config : attachment.bar(Number(space.slice('bar'.length)));
    if (found === undefined) throw new RangeError(`there is no ${space}`);
    return found;
  }

  #memory(address: string, length: number): Uint8Array {
    try {
      return this.#model.memory.at(BigInt(address), length);
    } catch (error) {
      throw error instanceof DmaFault ? new RangeError(`no memory at ${address}`) : error;
    }
  }

  #control(wanted: object): object {
    const control = parseControl(JSON.stringify(wanted));
    if (typeof control === 'string') return { error: 'hello has told what is offered' };
    const capability = capabilityFor(control);
    if (capability !== undefined && !this.#controls.offered.has(capability))
      return { error: `${capability} is not offered` };
    this.#controls.invoke(control);
    return {};
  }

  #memoryOf({ dmaMessages, memoryFile }: RemoteServerOptions, say: SayAside): Pick<Hello, 'memory'> {
    if (!dmaMessages) return { memory: this.#shareMemory(memoryFile) };
    this.#theirs = new MessagedMemory(this.#model.memory, OWN_REGIONS, say);
    return {};
  }

  /** Puts the memory of the model into a file, if there is to be one. */
  #shareMemory(file: string | undefined): NonNullable<Hello['memory']> {
    const { memory } = this.#model;
    let end = 0;
    const places = memory.regions.map(({ iova, bytes }) => {
      const offset = end;
      end += bytes.length;
      return { base: addressText(iova), size: bytes.length, offset };
    });
    if (file === undefined) return { regions: places.map(({ base, size }) => ({ base, size })) };
    const fd = openSync(file, 'w+', 0o600);
    try {
      ftruncateSync(fd, end);
      const { bytes } = libc().mapShared(fd, 0, end);
      memory.replace(
        memory.regions.map(({ iova, bytes: own }, i) => {
          const { offset = 0 } = places[i] ?? {};
          return { iova, bytes: bytes.subarray(offset, offset + own.length) };
        }),
      );
    } finally {
      closeSync(fd);
    }
    return { file, regions: places };
  }
}

const CHUNK = 64 * 1024;
const NEWLINE = 0x0a;

/** The lines of a descriptor, until it ends or one is longer than any may be. */
function* lines(input: number): Generator<string> {
  const chunk = Buffer.allocUnsafe(CHUNK);
  let received = Buffer.alloc(0);
  for (;;) {
    const end = received.indexOf(NEWLINE);
    if (end >= 0) {
      yield received.toString('utf8', 0, end);
      received = received.subarray(end + 1);
      continue;
    }
    if (received.length > MOST_LINE_BYTES) return;
    const length = patiently(() => readSync(input, chunk, 0, CHUNK, null));
    if (length === 0) return;
    received = Buffer.concat([received, chunk.subarray(0, length)]);
  }
}

function send(output: number, message: object): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let done = 0; done < bytes.length; ) done += patiently(() => writeSync(output, bytes, done));
}

const PAUSE_MS = 0.05;

/** What cannot be done at once: whoever made the pipe may have made it so that nobody waits in it. */
function patiently(deed: () => number): number {
  for (;;)
    try {
      return deed();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      pause(PAUSE_MS);
    }
}
