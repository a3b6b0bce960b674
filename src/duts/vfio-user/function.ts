/** A PCI function behind a vfio-user server: its regions, its interrupts, and the memory that it is told of. */
import { PortError } from '../../port/errors.js';
import { connectUnix } from '../../sys/unix-socket.js';
import {
  VfioDeviceFlag,
  VfioDmaFlag,
  VfioIrqFlag,
  VfioIrqSetFlag,
  VfioPciIrq,
  VfioPciRegion,
  VfioRegionFlag,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
} from '../../wire/vfio.js';
import { vfioUserDmaMap, vfioUserRegionAccess } from '../../wire/vfio-user.js';
import type { SharedMemory } from '../shared-memory.js';
import { VfioUserConnection, VfioUserRefusedError } from './connection.js';

/** What a server is reached by. */
export interface VfioUserTarget {
  /** Name of its socket. */
  readonly socket: string;
  /** How long a reply may take, in milliseconds. */
  readonly replyLimitMs: number;
  /** The server maps the memory; otherwise it asks for its contents by messages. */
  readonly shareMemory: boolean;
}

const LEAST_CONFIG = 64;
const MOST_CONFIG = 4096;
/** Capabilities of a region may follow what the suite wants to know. */
const MOST_REGION_INFO = 4096;
const NOTHING = new Uint8Array(0);
/** What is read where nothing answers. */
const ALL_ONES = 0xff;

/** The function over one connection after another. */
export class VfioUserFunction {
  readonly #target: VfioUserTarget;
  readonly #memory: SharedMemory;
  #connection!: VfioUserConnection;
  /** Sizes in bytes of the regions that can be accessed, by their numbers. */
  #regions: ReadonlyMap<number, number> = new Map();
  #vectors = 0;

  /** Connects; throws `LibcError` when nobody listens, PortError and DutGoneError. */
  constructor(target: VfioUserTarget, memory: SharedMemory) {
    this.#target = target;
    this.#memory = memory;
    this.#connect();
  }

  /** Begins anew with a server that has taken the place of the one before, at the same socket. Interrupts are off. Throws as the constructor. */
  reconnect(): void {
    this.#connection.close();
    this.#connect();
  }

  get alive(): boolean {
    return this.#connection.alive;
  }

  /** The descriptor on which something of the server's may come. */
  get socket(): number {
    return this.#connection.socket;
  }

  /** MSI-X vectors that can be signalled. */
  get vectors(): number {
    return this.#vectors;
  }

  /** Size of a region in bytes; 0 where there is none. */
  regionSize(region: number): number {
    return this.#regions.get(region) ?? 0;
  }

  /** Fills `data`: with all ones where the server refuses the access, as on a bus that nobody answers on. */
  read(region: number, offset: number, data: Uint8Array): void {
    const request = accessOf(region, offset, data.length);
    const size = vfioUserRegionAccess.size + data.length;
    const reply = this.#unlessRefused(() => this.#connection.ask('REGION_READ', request, { least: size }));
    if (reply === undefined) {
      data.fill(ALL_ONES);
      return;
    }
    const told = vfioUserRegionAccess.read(reply);
    if (told.region !== region || told.count !== data.length || told.offset !== BigInt(offset))
      throw this.#connection.garbled(
        'REGION_READ',
        `${data.length} bytes at ${offset} of region ${region}`,
        reply,
      );
    data.set(reply.subarray(vfioUserRegionAccess.size));
  }

  /** Nothing happens where the server refuses the access. */
  write(region: number, offset: number, data: Uint8Array): void {
    const request = Buffer.concat([accessOf(region, offset, data.length), data]);
    this.#unlessRefused(() =>
      this.#connection.ask('REGION_WRITE', request, { least: vfioUserRegionAccess.size }),
    );
  }

  /** Like `write`, without waiting for it. */
  post(region: number, offset: number, data: Uint8Array): void {
    this.#connection.post('REGION_WRITE', Buffer.concat([accessOf(region, offset, data.length), data]));
  }

  /** Returns when the server has carried out what was posted. */
  fence(): void {
    this.#connection.fence();
  }

  /** Has the MSI-X vectors signal these eventfds, from vector 0 on; without any they are off. */
  connectVectors(fds: readonly number[]): void {
    const { DATA_NONE, DATA_EVENTFD, ACTION_TRIGGER } = VfioIrqSetFlag;
    if (fds.length === 0) {
      this.#setIrqs({ flags: DATA_NONE | ACTION_TRIGGER, start: 0, count: 0 }, []);
      return;
    }
    const step = this.#connection.serverFds;
    for (let start = 0; start < fds.length; start += step) {
      const some = fds.slice(start, start + step);
      this.#setIrqs({ flags: DATA_EVENTFD | ACTION_TRIGGER, start, count: some.length }, some);
    }
  }

  /** Answers what the server asks, and throws when it is gone. */
  attend(): void {
    this.#connection.attend();
  }

  close(): void {
    this.#connection.close();
  }

  #setIrqs(
    what: { readonly flags: number; readonly start: number; readonly count: number },
    fds: readonly number[],
  ) {
    const request = vfioIrqSet.encode({ argsz: vfioIrqSet.size, index: VfioPciIrq.MSIX, ...what });
    this.#mustDo('MSI-X cannot be set up', () => this.#connection.ask('DEVICE_SET_IRQS', request, { fds }));
  }

  #connect(): void {
    const { socket, replyLimitMs } = this.#target;
    this.#connection = new VfioUserConnection(connectUnix(socket), replyLimitMs, this.#memory.held);
    try {
      this.#mustDo('the function cannot be set up', () => this.#open());
    } catch (error) {
      this.#connection.close();
      throw error;
    }
  }

  #open(): void {
    this.#connection.negotiate();
    const { flags, num_regions, num_irqs } = this.#connection.deviceInfo();
    if ((flags & VfioDeviceFlag.PCI) === 0 || num_regions <= VfioPciRegion.CONFIG)
      throw this.#unfit(`no PCI function: it has flags 0x${flags.toString(16)} and ${num_regions} regions`);
    // Whoever was connected before may have left it in any state.
    if ((flags & VfioDeviceFlag.RESET) !== 0) this.#connection.ask('DEVICE_RESET', NOTHING);
    const bars = Array.from({ length: VfioPciRegion.BARS }, (_, bar) => bar);
    this.#regions = new Map(
      [...bars, VfioPciRegion.CONFIG].map((region) => [region, this.#askRegion(region)] as const),
    );
    const config = this.regionSize(VfioPciRegion.CONFIG);
    if (config < LEAST_CONFIG || config > MOST_CONFIG)
      throw this.#unfit(
        `a configuration space of ${config} bytes, which has ${LEAST_CONFIG} to ${MOST_CONFIG}`,
      );
    this.#vectors = num_irqs > VfioPciIrq.MSIX ? this.#askVectors() : 0;
    this.#mapMemory();
  }

  /** Bytes of a region that can be read and written. */
  #askRegion(index: number): number {
    const request = vfioRegionInfo.encode({ argsz: vfioRegionInfo.size, index });
    const reply = this.#connection.ask('DEVICE_GET_REGION_INFO', request, {
      least: vfioRegionInfo.size,
      most: MOST_REGION_INFO,
    });
    const told = vfioRegionInfo.read(reply);
    if (told.index !== index)
      throw this.#connection.garbled('DEVICE_GET_REGION_INFO', `region ${index}, not ${told.index}`, reply);
    const size = Number(told.size);
    if (!Number.isSafeInteger(size))
      throw this.#unfit(`a region ${index} of ${told.size} bytes, more than can be addressed (2^53)`);
    return (told.flags & (VfioRegionFlag.READ | VfioRegionFlag.WRITE)) === 0 ? 0 : size;
  }

  #askVectors(): number {
    const request = vfioIrqInfo.encode({ argsz: vfioIrqInfo.size, index: VfioPciIrq.MSIX });
    const reply = this.#connection.ask('DEVICE_GET_IRQ_INFO', request, { least: vfioIrqInfo.size });
    const { index, flags, count } = vfioIrqInfo.read(reply);
    if (index !== VfioPciIrq.MSIX)
      throw this.#connection.garbled(
        'DEVICE_GET_IRQ_INFO',
        `interrupts ${VfioPciIrq.MSIX}, not ${index}`,
        reply,
      );
    return (flags & VfioIrqFlag.EVENTFD) === 0 ? 0 : count;
  }

  #mapMemory(): void {
    const { fd, regions } = this.#memory;
    const { shareMemory } = this.#target;
    for (const { iova, size, fileOffset } of regions) {
      const request = vfioUserDmaMap.encode({
        argsz: vfioUserDmaMap.size,
        flags: VfioDmaFlag.READ | VfioDmaFlag.WRITE,
        offset: shareMemory ? fileOffset : 0n,
        address: iova,
        size,
      });
      const lend = () => this.#connection.ask('DMA_MAP', request, { fds: shareMemory ? [fd] : [] });
      if (shareMemory) lend();
      else this.#mustDo('the server maps memory or does without (leave --no-mmap out)', lend);
    }
  }

  #unfit(what: string): PortError {
    return this.#connection.end(new PortError('PORT_SETUP', `the server shows ${what}`));
  }

  /** What a refusal makes impossible. */
  #mustDo<T>(what: string, deed: () => T): T {
    try {
      return deed();
    } catch (error) {
      if (!(error instanceof VfioUserRefusedError)) throw error;
      throw this.#connection.end(new PortError('PORT_SETUP', `${what}: ${error.message}`, { cause: error }));
    }
  }

  #unlessRefused<T>(deed: () => T): T | undefined {
    try {
      return deed();
    } catch (error) {
      if (error instanceof VfioUserRefusedError) return undefined;
      throw error;
    }
  }
}

function accessOf(region: number, offset: number, count: number): Uint8Array {
  return vfioUserRegionAccess.encode({ offset: BigInt(offset), region, count });
}
