/** The controls of a running QEMU, by its machine protocol. */
import type { Control, ControlCapability, FaultError, UnitAddress } from '../../port/controls.js';
import { PortError } from '../../port/errors.js';
import type { QmpClient } from './qmp.js';
import { type FileMedium, mediumNode, type QemuUnit, unitDevice, unitId } from './units.js';

/** What every QEMU offers. */
export const QEMU_CONTROLS: readonly ControlCapability[] = [
  'hold',
  'plug',
  'plug-target',
  'plug-cdrom',
  'media',
  'fault',
  'busy-fault',
  'power-cycle',
];

/** What it offers besides for disks of the adapter's own, whose files grow. */
export const OWN_UNIT_CONTROLS: readonly ControlCapability[] = ['resize'];

/** How long QEMU may take for one command. */
const LIMIT_MS = 5_000;
/** A node of a unit that went is in use until QEMU has forgotten the unit. */
const RETRIES = 50;
const RETRY_MS = 10;
/** An access so long is counted against a limit of one byte a second, so that nothing passes until it is lifted. */
const PRIMING_BYTES = 65536;
const MIB = 2 ** 20;
/** Size of the medium that takes the place of another. */
const OTHER_MEDIUM = 3 * MIB;

/** What the requests of a unit fail with: numbers of Linux, by which QEMU chooses sense data or status. */
const ERRNO: Readonly<Partial<Record<FaultError, Readonly<Record<'read' | 'write', number>>>>> = {
  // ENODATA is an unrecovered read error; EIO has sense data of its own.
  medium: { read: 61, write: 5 },
  // EDOM is TASK SET FULL.
  busy: { read: 33, write: 33 },
};

/** Requests to a back-end that count as one kind of access. */
const ACCESSES = { read: ['read'], write: ['write', 'write-zeroes', 'discard'] } as const;

/** A unit of the machine as it is at present. */
interface Attached {
  /** QEMU's name of the device: its id, or its place in the tree of objects. */
  readonly device: string;
  /** How the adapter has attached it; undefined for a unit that somebody else's arguments did. */
  readonly own?: QemuUnit;
  /** Node of the medium that it has from the start; undefined until somebody has asked. */
  usual?: string;
  held?: boolean;
  /** Names of the filters that make accesses fail, the lowest first. */
  readonly faults: string[];
}

/** Of the answer to query-block; the name is empty for what has none of its own. */
interface BackEnd {
  readonly device: string;
  readonly inserted?: { readonly 'node-name': string };
}

/** What the controls are for. */
export interface QemuControlOptions {
  /** The units that the adapter attached. */
  readonly units: readonly QemuUnit[];
  /** Descriptor of an endless empty file, in the QEMU process, for the media of units to come. */
  readonly spareFd: number;
}

export class QemuControls {
  readonly #qmp: QmpClient;
  readonly #spareFd: number;
  readonly #units = new Map<string, Attached>();
  /** Units that were unplugged and can come back. */
  readonly #away = new Map<string, QemuUnit>();
  /** Nodes that nothing uses any more, as soon as QEMU has noticed. */
  #idle: string[] = [];
  /** Settled as each unplugged unit is gone for good. */
  readonly #leaving = new Set<Promise<void>>();
  /** Bytes of the spare file that have been given to somebody. */
  #spent = 0;
  #names = 0;

  constructor(qmp: QmpClient, { units, spareFd }: QemuControlOptions) {
    this.#qmp = qmp;
    this.#spareFd = spareFd;
    for (const unit of units) this.#attached(unit);
  }

  /** Carries a control out; throws `PortError` CONTROL_REFUSED. */
  async invoke(control: Control): Promise<void> {
    try {
      await this.#carryOut(control);
    } catch (error) {
      if (error instanceof PortError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new PortError('CONTROL_REFUSED', reason, { cause: error });
    }
  }

  async #carryOut(control: Control): Promise<void> {
    switch (control.name) {
      case 'hold':
        for (const each of control.units) await this.#hold(await this.#find(each));
        break;
      case 'release':
        for (const each of control.units) await this.#release(await this.#find(each));
        break;
      case 'plug': {
        const { at, fresh } = control;
        await this.#plug(fresh ? this.#freshUnit(at, fresh) : this.#returning(at), fresh !== undefined);
        break;
      }
      case 'unplug':
        await this.#unplug(control.at);
        break;
      case 'eject':
        await this.#eject(await this.#find(control.at));
        break;
      case 'insert':
        await this.#insert(await this.#find(control.at), control.medium);
        break;
      case 'resize':
        await this.#resize(await this.#find(control.at), control.blocks);
        break;
      case 'fault':
        await this.#fault(await this.#find(control.at), control.on, control.error);
        break;
      case 'clear':
        await this.#clear(await this.#find(control.at));
        break;
      case 'power-cycle':
        await this.#powerCycle();
        break;
      default:
        refuse(`QEMU has no control ${control.name}`);
    }
  }

  async #execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    return this.#qmp.execute(command, args, LIMIT_MS);
  }

  #attached(unit: QemuUnit, device = unitId(unit)): void {
    this.#units.set(unitId(unit), { device, own: unit, faults: [] });
  }

  async #find(at: UnitAddress): Promise<Attached> {
    const id = unitId(at);
    const known = this.#units.get(id);
    if (known) return known;
    const device = await this.#search(at);
    if (device === undefined) return refuse(`QEMU has no unit ${at.target}:${at.unit}`);
    const found: Attached = { device, faults: [] };
    this.#units.set(id, found);
    return found;
  }

  /** A unit that the arguments of a profile have attached, by its place in the tree of objects. */
  async #search({ target, unit }: UnitAddress): Promise<string | undefined> {
    for (const folder of ['/machine/peripheral', '/machine/peripheral-anon']) {
      const entries = (await this.#execute('qom-list', { path: folder })) as { name: string; type: string }[];
      for (const { name } of entries.filter(({ type }) => type.startsWith('child<scsi-'))) {
        const path = `${folder}/${name}`;
        const get = (property: string) => this.#execute('qom-get', { path, property });
        if ((await get('scsi-id')) === target && (await get('lun')) === unit) return path;
      }
    }
    return undefined;
  }

  /**
   * Allows one byte a second, and uses up the allowance of a day. What comes then waits in QEMU's block layer, where
   * resets and cancelling find it.
   */
  async #hold(unit: Attached): Promise<void> {
    if (unit.held) return;
    // QEMU drains all disks as a unit goes for good, and lets one request pass at each that is held.
    await Promise.all(this.#leaving);
    unit.held = true;
    await this.#throttle(unit, 1);
    // In quiet mode: what it printed would come between the lines of qtest.
    await this.#execute('human-monitor-command', {
      'command-line': `qemu-io -d ${unit.device} "read -q 0 ${PRIMING_BYTES}"`,
    });
  }

  async #release(unit: Attached): Promise<void> {
    if (!unit.held) return;
    unit.held = false;
    await this.#throttle(unit, 0);
  }

  async #throttle({ device }: Attached, bytesPerSecond: number): Promise<void> {
    const unlimited = { bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
    await this.#execute('block_set_io_throttle', { id: device, bps: bytesPerSecond, ...unlimited });
  }

  #freshUnit(at: UnitAddress, fresh: NonNullable<Extract<Control, { name: 'plug' }>['fresh']>): QemuUnit {
    const { kind, blocks, blockSize } = fresh;
    return {
      ...at,
      kind,
      serial: `VSCSI-NEW-${at.target}-${at.unit}`,
      blockSize,
      medium: this.#newMedium(blocks * blockSize, kind === 'cdrom'),
    };
  }

  #newMedium(size: number, readOnly: boolean): FileMedium {
    const offset = this.#spent;
    this.#spent += Math.ceil(size / MIB) * MIB;
    return { node: this.#newName('medium'), fd: this.#spareFd, piece: { offset, size }, readOnly };
  }

  #newName(what: string): string {
    return `${what}-${this.#names++}`;
  }

  #returning(at: UnitAddress): QemuUnit {
    return this.#away.get(unitId(at)) ?? refuse(`no unit ${at.target}:${at.unit} was unplugged`);
  }

  async #plug(unit: QemuUnit, fresh: boolean): Promise<void> {
    await this.#forgetIdle();
    if (fresh) await this.#execute('blockdev-add', mediumNode(unit.medium));
    // QEMU keeps the name of a unit for some milliseconds after it has gone.
    const device = this.#newName(unitId(unit));
    try {
      await this.#patiently(() => this.#execute('device_add', { ...unitDevice(unit), id: device }));
    } catch (error) {
      if (fresh) this.#idle.push(unit.medium.node);
      throw error;
    }
    this.#attached(unit, device);
    if (!fresh) this.#away.delete(unitId(unit));
  }

  async #unplug(at: UnitAddress): Promise<void> {
    const unit = await this.#find(at);
    await this.#clear(unit);
    await this.#release(unit);
    const { device, own } = unit;
    const spare = own && 'fd' in own.medium && own.medium.fd === this.#spareFd ? own.medium.node : undefined;
    const gone = this.#qmp
      .event('DEVICE_DELETED', LIMIT_MS, (data) => data.device === device || data.path === device)
      .then(
        () => {
          if (spare !== undefined) this.#idle.push(spare);
        },
        // A node that stays costs some memory; the process may as well have ended.
        () => {},
      )
      .finally(() => this.#leaving.delete(gone));
    this.#leaving.add(gone);
    // The bus has lost the unit when QEMU answers.
    await this.#execute('device_del', { id: device });
    this.#units.delete(unitId(at));
    if (own && spare === undefined) this.#away.set(unitId(at), own);
  }

  /** Removes nodes that have gone out of use; those that QEMU still holds wait for the next time. */
  async #forgetIdle(): Promise<void> {
    const nodes = this.#idle;
    this.#idle = [];
    for (const node of nodes)
      await this.#execute('blockdev-del', { 'node-name': node }).catch(() => this.#idle.push(node));
  }

  /** Tries again for a while what QEMU refuses because a unit that went has not let go of its node. */
  async #patiently(deed: () => Promise<unknown>): Promise<void> {
    for (let tries = 0; ; tries++)
      try {
        await deed();
        return;
      } catch (error) {
        if (tries === RETRIES) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
  }

  /** The node that a unit uses; empty for a drive without a medium. */
  async #nodeOf({ device }: Attached): Promise<string> {
    const path = device.startsWith('/') ? device : `/machine/peripheral/${device}`;
    const drive = (await this.#execute('qom-get', { path, property: 'drive' })) as string;
    if (drive === '') return drive;
    // The argument -drive makes a back-end with a name of its own, which goes as soon as the unit is given another.
    const backEnds = (await this.#execute('query-block')) as BackEnd[];
    return backEnds.find((each) => each.device === drive)?.inserted?.['node-name'] ?? drive;
  }

  async #eject(unit: Attached): Promise<void> {
    await this.#clear(unit);
    unit.usual ??= await this.#nodeOf(unit);
    await this.#execute('blockdev-open-tray', { id: unit.device, force: true });
    await this.#execute('blockdev-remove-medium', { id: unit.device });
  }

  async #insert(unit: Attached, which: 'usual' | 'other'): Promise<void> {
    await this.#clear(unit);
    const before = await this.#nodeOf(unit);
    await this.#eject(unit);
    await this.#forgetIdle();
    let node = unit.usual ?? '';
    if (which === 'other') {
      const medium = this.#newMedium(OTHER_MEDIUM, unit.own?.kind !== 'disk');
      await this.#execute('blockdev-add', mediumNode(medium));
      node = medium.node;
    }
    await this.#execute('blockdev-insert-medium', { id: unit.device, 'node-name': node });
    await this.#execute('blockdev-close-tray', { id: unit.device });
    if (before !== '' && before !== unit.usual) this.#idle.push(before);
  }

  async #resize(unit: Attached, blocks: number): Promise<void> {
    const { own } = unit;
    if (own === undefined || !('fd' in own.medium) || own.medium.piece !== undefined)
      return refuse('only the disks with files of their own can be resized');
    await this.#execute('block_resize', { 'node-name': own.medium.node, size: blocks * own.blockSize });
  }

  /** Puts a filter between unit and medium. */
  async #fault(unit: Attached, on: 'read' | 'write', error: FaultError): Promise<void> {
    const errno = ERRNO[error]?.[on];
    if (errno === undefined) return refuse(`QEMU has no fault ${error}`);
    const below = await this.#nodeOf(unit);
    const filter = this.#newName('fault');
    await this.#execute('blockdev-add', {
      driver: 'blkdebug',
      'node-name': filter,
      image: below,
      'inject-error': ACCESSES[on].map((iotype) => ({ event: 'none', iotype, errno, once: false })),
    });
    unit.faults.push(below, filter);
    await this.#setNode(unit, filter);
  }

  async #clear(unit: Attached): Promise<void> {
    const nodes = unit.faults.splice(0);
    const [lowest] = nodes;
    if (lowest === undefined) return;
    await this.#setNode(unit, lowest);
    for (let i = nodes.length - 1; i > 0; i -= 2)
      await this.#execute('blockdev-del', { 'node-name': nodes[i] });
  }

  async #setNode({ device }: Attached, node: string): Promise<void> {
    const path = device.startsWith('/') ? device : `/machine/peripheral/${device}`;
    await this.#execute('qom-set', { path, property: 'drive', value: node });
  }

  async #powerCycle(): Promise<void> {
    for (const unit of this.#units.values()) await this.#release(unit);
    const done = this.#qmp.event('RESET', LIMIT_MS);
    // Whichever fails first is reported; the other must not count as unhandled.
    done.catch(() => {});
    await this.#execute('system_reset');
    await done;
  }
}

function refuse(why: string): never {
  throw new PortError('CONTROL_REFUSED', why);
}
