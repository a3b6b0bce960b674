/** The model as a PCI function behind the vfio-user protocol: the server's part of it. */
import { attachmentOf, placeBars } from '../duts/model/attachment.js';
import type { Behaviours } from '../model/behaviours.js';
import { ModelConfigError } from '../model/errors.js';
import type { MemoryRegion } from '../model/memory.js';
import { Model } from '../model/model.js';
import type { ModelConfig } from '../model/model-config.js';
import type { PciAttachment, RegisterWindow, Width } from '../port/registers.js';
import { PollSet, signal } from '../sys/events.js';
import { closeAll, libc } from '../sys/libc.js';
import { type FramedMessage, MessageStream } from '../sys/message-stream.js';
import { LibcError } from '../sys/native.js';
import { sendTo } from '../sys/unix-socket.js';
import type { Connection } from './connection.js';
import type { ControlSocket } from './control-socket.js';
import { divertMessages } from './diverted-messages.js';
import { MalformedMessageError, MappedFiles } from './mapped-files.js';
import {
  access,
  accessData,
  Command,
  type CommandHeader,
  deviceInfo,
  Errno,
  HEADER_BYTES,
  IRQ_INFO_BYTES,
  IrqFlag,
  type IrqSet,
  irqInfo,
  payloadBytes,
  REGION_INFO_BYTES,
  RefusedError,
  type RegionAccess,
  readAccess,
  readDmaMap,
  readDmaUnmap,
  readHeader,
  readIndex,
  readIrqSet,
  readVersion,
  regionInfo,
  replyTo,
  version,
} from './vfio-user-messages.js';

const MAJOR = 0;
const MINOR = 0;
/** Regions of a PCI function: six BARs, its ROM, its configuration space, and VGA, which it has not. */
const REGIONS = 9;
const BARS = 6;
const CONFIG = 7;
/** Kinds of interrupt: INTx, MSI, MSI-X, errors and requests, of which it has the first and the third. */
const IRQS = 5;
const INTX = 0;
const MSIX = 2;
const MOST_DATA = 1024 * 1024;
const MOST_FDS = 8;
/** A client that takes no replies for so long is left. */
const SEND_LIMIT_MS = 5000;
const NOTHING = new Uint8Array(0);

/** By which the served function can be driven. */
export type ServedBus = 'pci' | 'pci-transitional';

/** The function, which outlives its clients. */
export class ServedFunction {
  readonly model: Model;
  readonly attachment: PciAttachment;
  /** MSI-X vectors. */
  readonly vectors: number;
  readonly files = new MappedFiles();
  readonly #bus: ServedBus;
  /** Told of each MSI-X message. */
  onMessage: (vector: number) => void = () => {};

  /** `change` may make the model misbehave. */
  constructor(config: ModelConfig, bus: ServedBus, change: (behaviours: Behaviours) => void) {
    this.#bus = bus;
    this.vectors = config.vectors;
    // The memory is the client's: none of the model's own is needed, and so no seed for where it lies.
    // A message goes to the client's eventfd, not to the address in the table.
    const told = divertMessages(change, (vector) => this.onMessage(vector));
    this.model = new Model({ ...config, bus, regions: [] }, 1, (behaviours) => {
      told(behaviours);
      const { msixMasked, notification } = behaviours;
      // VFIO lets clients have the table to themselves: they mask what they hear. Those that write to it use it.
      behaviours.msixMasked = (masked, vector) =>
        this.model.function.msixTableWritten && msixMasked(masked, vector);
      // Clients post their kicks: the ring may be further than a kick tells by the time that it is taken.
      behaviours.notification = (value) => ({ ...notification(value), position: undefined });
    });
    placeBars(this.model, bus);
    this.attachment = attachmentOf(this.model, bus) as PciAttachment;
  }

  /** Function and units are as new. */
  reset(): void {
    this.model.powerCycle();
    placeBars(this.model, this.#bus);
  }

  get line(): boolean {
    return this.model.function.line;
  }

  /** A region by its number; undefined where there is none. */
  region(index: number): RegisterWindow | undefined {
    if (index === CONFIG) return this.attachment.config;
    return index < BARS ? this.#bar(index) : undefined;
  }

  /** Clients reach a BAR by its number: the address that they have given it is their own affair. */
  #bar(index: number): RegisterWindow | undefined {
    const window = this.attachment.bar(index);
    const contents = () => this.model.function.config.decodedBar(index);
    return (
      window && {
        ...window,
        read: (offset, width) => contents()?.read(offset, width) ?? 2 ** (8 * width) - 1,
        write: (offset, width, value) => contents()?.write(offset, width, value),
      }
    );
  }
}

/** Serves one client until it goes away. */
export class VfioUserClient implements Connection {
  readonly #socket: number;
  readonly #served: ServedFunction;
  readonly #log: (line: string) => void;
  readonly #controls: ControlSocket | undefined;
  readonly #stream: MessageStream;
  readonly #poll: PollSet;
  /** A version was agreed upon. */
  #ready = false;
  #memory: readonly MemoryRegion[] = [];
  /** Eventfds by MSI-X vector, and that of the line. */
  readonly #vectors = new Map<number, number>();
  #line: number | undefined;
  /** The line masks itself when it is signalled. */
  #lineMasked = false;

  /** Takes over a connected socket. Who wants something at `controls` is attended to meanwhile. */
  constructor(socket: number, served: ServedFunction, log: (line: string) => void, controls?: ControlSocket) {
    this.#socket = socket;
    this.#served = served;
    this.#log = log;
    this.#controls = controls;
    this.#stream = new MessageStream(
      socket,
      HEADER_BYTES,
      (header) => payloadBytes(header, MOST_DATA + HEADER_BYTES),
      MOST_FDS,
    );
    this.#poll = new PollSet([socket, ...(controls ? [controls.fd] : [])]);
    served.onMessage = (vector) => signalIf(this.#vectors.get(vector));
  }

  serve(limitMs: number, awake: () => void = () => {}): 'busy' | 'idle' | 'gone' {
    // What was done since may have asserted the line.
    this.#tellLine();
    if (!this.#poll.wait(limitMs)) return 'idle';
    awake();
    try {
      const controlled = this.#controls !== undefined && this.#poll.readable(1);
      if (this.#poll.readable(0) && !this.#messages()) return 'gone';
      // Whoever waits for a control has said everything else before.
      if (controlled) this.#controls?.attend();
      this.#tellLine();
      return 'busy';
    } catch (error) {
      if (!(error instanceof MalformedMessageError) && !(error instanceof LibcError)) throw error;
      this.#log(error.message);
      return 'gone';
    }
  }

  /** The function stays as it is, without memory and interrupts. */
  close(): void {
    this.#served.onMessage = () => {};
    this.#served.model.replaceMemory([]);
    this.#stream.discard();
    closeAll([...this.#vectors.values(), ...(this.#line === undefined ? [] : [this.#line])]);
    libc().close(this.#socket);
  }

  /** Whether the connection goes on. */
  #messages(): boolean {
    for (;;) {
      const message = this.#stream.next();
      if (message === undefined) return true;
      if (message === 'closed') return false;
      if (message === 'flooded')
        throw new MalformedMessageError(`more than ${MOST_FDS} descriptors with a message`);
      this.#answer(message);
    }
  }

  #answer({ header: bytes, payload, fds }: FramedMessage): void {
    const unused = new Set(fds);
    try {
      const header = readHeader(bytes);
      if (!this.#ready && header.command !== Command.VERSION)
        throw new MalformedMessageError(`command ${header.command} before a version`);
      this.#reply(header, () => this.#carryOut(header.command, payload, fds, (fd) => unused.delete(fd)));
    } finally {
      closeAll([...unused]);
    }
  }

  #reply(header: CommandHeader, deed: () => Uint8Array): void {
    let reply: Buffer;
    try {
      reply = replyTo(header, deed());
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#log(`command ${header.command} cannot be carried out: ${error.message}`);
      reply = replyTo(header, NOTHING, error.errno);
    }
    if (!header.noReply) sendTo(this.#socket, reply, [], performance.now() + SEND_LIMIT_MS);
  }

  /** The body of the reply. `keep` takes a descriptor over. Throws `RefusedError` and `MalformedMessageError`. */
  #carryOut(
    command: number,
    payload: Buffer,
    fds: readonly number[],
    keep: (fd: number) => void,
  ): Uint8Array {
    switch (command) {
      case Command.VERSION:
        return this.#agree(payload);
      case Command.DMA_MAP:
        return this.#map(payload, fds);
      case Command.DMA_UNMAP:
        return this.#unmap(payload);
      case Command.DEVICE_GET_INFO:
        return deviceInfo(payload, REGIONS, IRQS);
      case Command.DEVICE_GET_REGION_INFO: {
        const index = readIndex(payload, REGION_INFO_BYTES);
        if (index >= REGIONS) throw new RefusedError(Errno.EINVAL, `there is no region ${index}`);
        return regionInfo(index, this.#served.region(index)?.size ?? 0);
      }
      case Command.DEVICE_GET_IRQ_INFO: {
        const index = readIndex(payload, IRQ_INFO_BYTES);
        const { EVENTFD, MASKABLE, AUTOMASKED } = IrqFlag;
        return irqInfo(
          index,
          index === INTX ? EVENTFD | MASKABLE | AUTOMASKED : EVENTFD,
          this.#interrupts(index),
        );
      }
      case Command.DEVICE_SET_IRQS:
        return this.#setInterrupts(readIrqSet(payload), fds, keep);
      case Command.REGION_READ:
        return this.#read(readAccess(payload));
      case Command.REGION_WRITE:
        return this.#write(readAccess(payload), accessData(payload));
      case Command.DEVICE_RESET:
        this.#served.reset();
        return NOTHING;
      default:
        throw new RefusedError(Errno.EOPNOTSUPP, 'there is no such command');
    }
  }

  #agree(payload: Buffer): Uint8Array {
    const { major, minor } = readVersion(payload);
    if (major !== MAJOR) throw new MalformedMessageError(`version ${major}.${minor} of the protocol`);
    this.#ready = true;
    const capabilities = { max_msg_fds: MOST_FDS, max_data_xfer_size: MOST_DATA };
    return version({ major, minor: Math.min(minor, MINOR) }, capabilities);
  }

  #map(payload: Buffer, [fd]: readonly number[]): Uint8Array {
    const { address, size, offset } = readDmaMap(payload);
    if (fd === undefined)
      throw new RefusedError(
        Errno.EOPNOTSUPP,
        'memory without a descriptor, and only what is mapped is used',
      );
    const end = address + size;
    if (this.#memory.some(({ iova, bytes }) => address < iova + BigInt(bytes.length) && iova < end))
      throw new RefusedError(Errno.EEXIST, `memory at 0x${address.toString(16)} is there already`);
    try {
      this.#memory = [...this.#memory, { iova: address, bytes: this.#served.files.map(fd, offset, size) }];
      this.#served.model.replaceMemory(this.#memory);
    } catch (error) {
      if (
        error instanceof MalformedMessageError ||
        error instanceof LibcError ||
        error instanceof ModelConfigError
      )
        throw new RefusedError(Errno.EINVAL, error.message);
      throw error;
    }
    return NOTHING;
  }

  #unmap(payload: Buffer): Uint8Array {
    const { address, size } = readDmaUnmap(payload);
    const left = this.#memory.filter(({ iova, bytes }) => iova !== address || BigInt(bytes.length) !== size);
    if (left.length === this.#memory.length)
      throw new RefusedError(
        Errno.ENOENT,
        `no memory of ${size} bytes was mapped at 0x${address.toString(16)}`,
      );
    this.#memory = left;
    this.#served.model.replaceMemory(left);
    return payload;
  }

  /** How many there are of a kind. Throws `RefusedError`. */
  #interrupts(index: number): number {
    if (index >= IRQS) throw new RefusedError(Errno.EINVAL, `there is no kind ${index} of interrupts`);
    if (index === INTX) return 1;
    return index === MSIX ? this.#served.vectors : 0;
  }

  #setInterrupts(set: IrqSet, fds: readonly number[], keep: (fd: number) => void): Uint8Array {
    const { index, start, count, action, data } = set;
    const all = this.#interrupts(index);
    if (count === 0 && start === 0 && action === 'trigger' && data === 'none') {
      for (let each = 0; each < all; each++) this.#connect(index, each, undefined);
      return NOTHING;
    }
    if (count === 0 || start + count > all)
      throw new RefusedError(Errno.EINVAL, `interrupts ${start} to ${start + count - 1} of ${all}`);
    if (fds.length > 0 && (data !== 'eventfd' || fds.length !== count))
      throw new RefusedError(Errno.EINVAL, `${fds.length} descriptors for ${count} interrupts`);
    if (action !== 'trigger' && (index !== INTX || data === 'eventfd'))
      throw new RefusedError(Errno.EINVAL, 'only the line can be masked, and by a command');
    for (let each = 0; each < count; each++) {
      const wanted = data !== 'bool' || set.bools[each] !== 0;
      if (data === 'eventfd') {
        const fd = fds[each];
        if (fd !== undefined) keep(fd);
        this.#connect(index, start + each, fd);
      } else if (!wanted) continue;
      else if (action === 'trigger') signalIf(index === INTX ? this.#line : this.#vectors.get(start + each));
      else this.#lineMasked = action === 'mask';
    }
    return NOTHING;
  }

  /** Another eventfd, or none, takes the place of the one before. */
  #connect(index: number, vector: number, fd: number | undefined): void {
    const before = index === INTX ? this.#line : this.#vectors.get(vector);
    if (before !== undefined) libc().close(before);
    if (index === INTX) {
      this.#line = fd;
      this.#lineMasked = false;
    } else if (fd === undefined) this.#vectors.delete(vector);
    else this.#vectors.set(vector, fd);
  }

  #tellLine(): void {
    if (this.#line === undefined || this.#lineMasked || !this.#served.line) return;
    this.#lineMasked = true;
    signal(this.#line);
  }

  #window({ region, offset, count }: RegionAccess): RegisterWindow {
    const window = this.#served.region(region);
    if (window === undefined || count > MOST_DATA || offset + count > window.size)
      throw new RefusedError(Errno.EINVAL, `${count} bytes at ${offset} of region ${region}`);
    return window;
  }

  #read(what: RegionAccess): Uint8Array {
    const window = this.#window(what);
    const data = Buffer.alloc(what.count);
    for (const [at, width] of pieces(what)) data.writeUIntLE(window.read(what.offset + at, width), at, width);
    return access(what, data);
  }

  #write(what: RegionAccess, data: Buffer): Uint8Array {
    const window = this.#window(what);
    if (data.length !== what.count)
      throw new RefusedError(Errno.EINVAL, `${data.length} bytes of data, not ${what.count}`);
    for (const [at, width] of pieces(what)) window.write(what.offset + at, width, data.readUIntLE(at, width));
    return access(what, NOTHING);
  }
}

/** The register accesses that an access of any length is: one where there is one of that width. */
function pieces({ offset, count }: RegionAccess): [number, Width][] {
  if (count === 1 || count === 2 || count === 4) return [[0, count]];
  const found: [number, Width][] = [];
  for (let at = 0; at < count; ) {
    const width = ([4, 2, 1] as const).find((each) => (offset + at) % each === 0 && at + each <= count) ?? 1;
    found.push([at, width]);
    at += width;
  }
  return found;
}

function signalIf(fd: number | undefined): void {
  if (fd !== undefined) signal(fd);
}
