/** Targets of the kernel's SCSI target subsystem (LIO), made and undone through configfs. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { UnitAddress } from '../../port/controls.js';

/** Where configfs shows LIO. */
export const LIO = '/sys/kernel/config/target';
const PAGE = 4096;

/** What holds the blocks of a unit. */
export type Backstore =
  /** Pages of memory. */
  | { readonly kind: 'ramdisk'; readonly bytes: number }
  /** A file, which is made. */
  | { readonly kind: 'file'; readonly bytes: number; readonly path: string }
  /** A block device. */
  | { readonly kind: 'block'; readonly path: string };

export interface LioUnit extends UnitAddress {
  readonly serial: string;
  readonly backstore: Backstore;
  /** Bytes; left out for what the backstore has by itself. */
  readonly blockSize?: number;
  /** Protection information of type 1. */
  readonly protection?: boolean;
}

/** Begins the worldwide names of the ports that are made here; nine hexadecimal digits follow. */
const NAME_PREFIX = 'naa.6001405';
/** Of those digits' 36 bits: which process made the port, and how many it had made before. */
const COUNT_BITS = 12;
const PROCESS_BITS = 24;

/** Names of what process `pid` makes as its port of this number. */
function namesOf(pid: number, count: number): { readonly wwpn: string; readonly store: string } {
  const serial = (pid % 2 ** PROCESS_BITS) * 2 ** COUNT_BITS + (count % 2 ** COUNT_BITS);
  return { wwpn: `${NAME_PREFIX}${serial.toString(16).padStart(9, '0')}`, store: `vscsi-${pid}-${count}` };
}

let ports = 0;

/** Removes what processes that are gone have left: those that had no chance to do it themselves. */
export function removeLeftovers(): void {
  for (const port of foldersIn(join(LIO, 'vhost'), NAME_PREFIX)) {
    const pid = Math.floor(Number.parseInt(port.slice(-9), 16) / 2 ** COUNT_BITS);
    if (!isAlive(pid)) removePort(port);
  }
  for (const hba of foldersIn(join(LIO, 'core'), ''))
    for (const store of foldersIn(hba, 'vscsi-')) {
      const pid = Number(/vscsi-(\d+)-/.exec(store)?.[1]);
      if (!isAlive(pid)) rmdirSync(store);
    }
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** One name under which vhost reaches targets, with the units behind it. */
export class LioPort {
  readonly wwpn: string;
  readonly #name: string;
  readonly #units = new Map<string, { readonly unit: LioUnit; readonly store: string }>();
  readonly #targets = new Set<number>();

  /** Throws the file system's errors. */
  constructor() {
    const { wwpn, store } = namesOf(process.pid, ports++);
    this.#name = store;
    this.wwpn = wwpn;
    // The first port of this kind makes the kernel's part of it known to LIO.
    mkdirSync(join(LIO, 'vhost'), { recursive: true });
    mkdirSync(this.#port);
  }

  /** What tells that which belongs to this port apart. */
  get name(): string {
    return this.#name;
  }

  get #port(): string {
    return join(LIO, 'vhost', this.wwpn);
  }

  #tpg(target: number): string {
    return join(this.#port, `tpgt_${target}`);
  }

  #lun({ target, unit }: UnitAddress): string {
    return join(this.#tpg(target), 'lun', `lun_${unit}`);
  }

  /** Makes a target, to which units can be attached; with `protection`, protection information is passed through. */
  addTarget(target: number, protection: boolean): void {
    const folder = this.#tpg(target);
    mkdirSync(folder);
    this.#targets.add(target);
    // Both are looked at when the nexus is made.
    if (protection) writeFileSync(join(folder, 'attrib', 'fabric_prot_type'), '1');
    writeFileSync(join(folder, 'nexus'), `${this.wwpn.slice(0, -1)}f`);
  }

  hasTarget(target: number): boolean {
    return this.#targets.has(target);
  }

  /** Attaches a unit, of which the driver is told if the device is live. */
  plug(unit: LioUnit): void {
    const store = this.#makeStore(unit);
    this.#units.set(key(unit), { unit, store });
    this.#link(unit, store);
  }

  /** Detaches a unit. Its backstore stays until it comes back or `forget` is called. */
  unplug(at: UnitAddress): void {
    const lun = this.#lun(at);
    unlinkSync(join(lun, 'unit'));
    rmdirSync(lun);
  }

  /** Attaches again what was detached from an address; whether there was anything. */
  replug(at: UnitAddress): boolean {
    const known = this.#units.get(key(at));
    if (known) this.#link(at, known.store);
    return known !== undefined;
  }

  /** Removes the backstore of a unit that is detached. */
  forget(at: UnitAddress): void {
    const known = this.#units.get(key(at));
    if (known === undefined) return;
    this.#units.delete(key(at));
    rmdirSync(known.store);
  }

  /** Undoes everything. */
  remove(): void {
    removePort(this.#port);
    for (const { unit } of [...this.#units.values()]) this.forget(unit);
  }

  #link(at: UnitAddress, store: string): void {
    mkdirSync(this.#lun(at));
    symlinkSync(store, join(this.#lun(at), 'unit'));
  }

  #makeStore({ target, unit, serial, backstore, blockSize, protection }: LioUnit): string {
    const hba = { ramdisk: 'rd_mcp_0', file: 'fileio_0', block: 'iblock_0' }[backstore.kind];
    mkdirSync(join(LIO, 'core', hba), { recursive: true });
    const store = join(LIO, 'core', hba, `${this.#name}-${target}-${unit}`);
    mkdirSync(store);
    try {
      const set = (file: string, value: string) => writeFileSync(join(store, file), value);
      set('control', storeControl(backstore));
      set('enable', '1');
      // LIO has it open; without a name nobody has to remove it.
      if (backstore.kind === 'file') rmSync(backstore.path);
      set(join('wwn', 'vpd_unit_serial'), serial);
      if (blockSize !== undefined) set(join('attrib', 'block_size'), String(blockSize));
      if (protection) set(join('attrib', 'pi_prot_type'), '1');
    } catch (error) {
      rmdirSync(store);
      throw error;
    }
    return store;
  }
}

function key({ target, unit }: UnitAddress): string {
  return `${target}:${unit}`;
}

function storeControl(backstore: Backstore): string {
  switch (backstore.kind) {
    case 'ramdisk':
      return `rd_pages=${Math.ceil(backstore.bytes / PAGE)}`;
    case 'file':
      writeFileSync(backstore.path, '');
      truncateSync(backstore.path, backstore.bytes);
      return `fd_dev_name=${backstore.path},fd_dev_size=${backstore.bytes}`;
    case 'block':
      return `udev_path=${backstore.path}`;
  }
}

function removePort(port: string): void {
  for (const tpg of foldersIn(port, 'tpgt_')) {
    for (const lun of foldersIn(join(tpg, 'lun'), 'lun_')) {
      for (const link of readdirSync(lun, { withFileTypes: true }))
        if (link.isSymbolicLink()) unlinkSync(join(lun, link.name));
      rmdirSync(lun);
    }
    // Refused while somebody serves it; then removing the target says so.
    try {
      writeFileSync(join(tpg, 'nexus'), 'NULL');
    } catch {}
    rmdirSync(tpg);
  }
  rmdirSync(port);
}

function foldersIn(folder: string, prefix: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(folder, name));
}
