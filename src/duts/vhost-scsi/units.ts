/** The units of a device: a port of LIO, and what holds their blocks. */
import { join } from 'node:path';
import type { UnitAddress } from '../../port/controls.js';
import { type Backstore, LioPort, type LioUnit } from './lio.js';
import { canMapDisks, type MappedDisk, MappedDisks } from './mapped-disks.js';

/** What is to hold the blocks of a unit: a block device only where such disks can be made, else memory. */
export type StoreKind = 'memory' | 'file' | 'block';

export interface UnitPlan extends Omit<LioUnit, 'backstore'> {
  readonly kind: StoreKind;
  readonly bytes: number;
}

/** The bytes of a block where nothing else is said. */
const USUAL_BLOCK = 512;

export class Units {
  readonly #port = new LioPort();
  readonly #disks: MappedDisks;
  readonly #folder: string;
  readonly #mapped = new Map<string, MappedDisk>();
  /** Whether units on block devices can be held, resized and made to fail. */
  readonly mappable = canMapDisks();

  /** Files are made in the folder. Throws the file system's errors. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#disks = new MappedDisks(this.#port.name, folder);
  }

  /** The name by which the kernel is asked to serve them. */
  get wwpn(): string {
    return this.#port.wwpn;
  }

  hasTarget(target: number): boolean {
    return this.#port.hasTarget(target);
  }

  /** As `LioPort.addTarget`. */
  addTarget(target: number, protection: boolean): void {
    this.#port.addTarget(target, protection);
  }

  plug({ kind, bytes, ...unit }: UnitPlan): void {
    const { blockSize = USUAL_BLOCK } = unit;
    const disk = kind === 'block' && this.mappable ? this.#disks.make(bytes, blockSize) : undefined;
    try {
      this.#port.plug({ ...unit, backstore: disk ? blockStore(disk) : this.#store(kind, bytes, unit) });
    } catch (error) {
      if (disk) this.#disks.remove(disk);
      throw error;
    }
    if (disk) this.#mapped.set(key(unit), disk);
  }

  /** Detaches a unit; the kernel waits for its commands, so none can be held any more. */
  unplug(at: UnitAddress): void {
    this.mapped(at)?.release();
    this.#port.unplug(at);
  }

  /** As `LioPort.replug`. */
  replug(at: UnitAddress): boolean {
    return this.#port.replug(at);
  }

  /** Removes what held the blocks of a unit that is detached. */
  forget(at: UnitAddress): void {
    this.#port.forget(at);
    const mapped = this.mapped(at);
    if (mapped === undefined) return;
    this.#mapped.delete(key(at));
    this.#disks.remove(mapped);
  }

  /** What stands between a unit and its block device, if it is on one. */
  mapped(at: UnitAddress): MappedDisk | undefined {
    return this.#mapped.get(key(at));
  }

  /** What is held of any unit goes on. */
  releaseAll(): void {
    this.#disks.releaseAll();
  }

  /** Undoes everything. */
  remove(): void {
    this.releaseAll();
    this.#port.remove();
    this.#disks.close();
  }

  #store(kind: StoreKind, bytes: number, { target, unit }: UnitAddress): Backstore {
    if (kind !== 'file') return { kind: 'ramdisk', bytes };
    return { kind, bytes, path: join(this.#folder, `${this.#port.name}-${target}-${unit}.img`) };
  }
}

function blockStore({ path }: MappedDisk): Backstore {
  return { kind: 'block', path };
}

function key({ target, unit }: UnitAddress): string {
  return `${target}:${unit}`;
}
