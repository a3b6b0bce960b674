/** The reference device: a conformant virtio-scsi device with registers, memory, time and units of its own. */
import { MAX_TARGET, MAX_UNIT } from '../wire/lun.js';
import { featureSet } from '../wire/virtio.js';
import { AsyncEvent, virtioScsiConfig } from '../wire/virtio-scsi.js';
import { type Behaviours, conformantBehaviours } from './behaviours.js';
import { VirtualClock } from './clock.js';
import { ModelConfigError } from './errors.js';
import { type MemoryRegion, ModelMemory } from './memory.js';
import { MmioWindow } from './mmio/mmio-window.js';
import { VirtioMmio } from './mmio/virtio-mmio.js';
import { VirtioMmioLegacy } from './mmio/virtio-mmio-legacy.js';
import { CD_BLOCK_SIZE, type ModelConfig, type UnitConfig } from './model-config.js';
import { VirtioPciFunction } from './pci/virtio-pci-function.js';
import { Random } from './random.js';
import { FieldRange, type RegisterRange } from './register-window.js';
import { ScsiHost } from './scsi/host.js';
import type { Target } from './scsi/topology.js';
import { Cdrom } from './units/cdrom.js';
import { Disk } from './units/disk.js';
import type { AccessFault, LogicalUnit, MediumAccess } from './units/logical-unit.js';
import { Sense } from './units/sense.js';
import type { MediumChoice } from './units/tray.js';
import { VhostDevice } from './vhost/vhost-device.js';
import { VirtioDevice } from './virtio/device.js';

/** Entries of the largest virtqueue that there can be ("Virtqueues"). */
const LARGEST_QUEUE = 32768;
/** Data segments of a command: header and response take descriptors as well. */
const DESCRIPTORS_BESIDE_DATA = 2;
/** max_sectors: what every disk moves with one command, in units of 512 bytes. */
const LARGEST_TRANSFER_SECTORS = 8192;

/** What the driver, or what stands in for its machine, sees of a model. */
export type ModelAttachment = VirtioPciFunction | MmioWindow | VhostDevice;

/** What a configuration is built into. */
interface Parts {
  readonly host: ScsiHost;
  readonly device: VirtioDevice;
  readonly attachment: ModelAttachment;
}

/** A device with everything around it. Registers are reached through `attachment`, memory through `memory`. */
export class Model {
  readonly memory: ModelMemory;
  readonly clock = new VirtualClock();
  readonly #config: ModelConfig;
  readonly #behaviours: Behaviours;
  /** The units that there are, as a power cycle makes them anew. */
  readonly #units: UnitConfig[];
  /** Units that were removed, the latest last. */
  readonly #unplugged: { readonly config: UnitConfig; readonly unit: LogicalUnit }[] = [];
  #parts: Parts;

  /**
   * `seed` decides where the memory lies. `adjust` may change the behaviour (a mutant).
   * Throws `ModelConfigError` for a configuration that cannot be built.
   */
  constructor(config: ModelConfig, seed: number, adjust: (behaviours: Behaviours) => void = () => {}) {
    if (config.queueSize < 1 || config.queueSize > LARGEST_QUEUE || config.queueSize & (config.queueSize - 1))
      throw new ModelConfigError(`queue size ${config.queueSize} is no power of two up to ${LARGEST_QUEUE}`);
    this.#config = config;
    this.#units = [...config.units];
    this.#behaviours = conformantBehaviours();
    adjust(this.#behaviours);
    this.memory = ModelMemory.randomised(config.regions, new Random(seed));
    this.#parts = this.#build();
  }

  /** What the driver sees of the device. A power cycle replaces it. */
  get attachment(): ModelAttachment {
    return this.#parts.attachment;
  }

  /** The PCI function; throws `ModelConfigError` where the model is none. */
  get function(): VirtioPciFunction {
    const { attachment } = this.#parts;
    if (!(attachment instanceof VirtioPciFunction))
      throw new ModelConfigError('the model is no PCI function');
    return attachment;
  }

  /** The registers of virtio-mmio; throws `ModelConfigError` where the model has none. */
  get window(): MmioWindow {
    const { attachment } = this.#parts;
    if (!(attachment instanceof MmioWindow))
      throw new ModelConfigError('the model has no virtio-mmio window');
    return attachment;
  }

  /** The side of a vhost back-end; throws `ModelConfigError` where the model has registers. */
  get vhost(): VhostDevice {
    const { attachment } = this.#parts;
    if (!(attachment instanceof VhostDevice)) throw new ModelConfigError('the model is no vhost back-end');
    return attachment;
  }

  /** Why the device asked for a reset, in order; for people who look for their mistake. */
  get faults(): readonly string[] {
    return this.#parts.device.faults;
  }

  /** Gives the device other memory in place of what it had. Throws `ModelConfigError` when regions overlap. */
  replaceMemory(regions: readonly MemoryRegion[]): void {
    this.memory.replace(regions);
    this.#parts.device.memoryReplaced();
  }

  /**
   * Switches the device off and on: registers, device and units are as new. Which units there are, how large they are
   * and what is in their drives stays, and so does memory.
   */
  powerCycle(): void {
    this.clock.clear();
    this.#parts = this.#build();
  }

  /** Keeps the commands of a unit waiting until `release`. */
  hold(target: number, unit: number): void {
    this.#parts.host.tasks.hold(this.#find(target, unit).unit);
  }

  /** Works on what has been kept waiting; nothing is of a unit that has gone. */
  release(target: number, unit: number): void {
    const found = this.#parts.host.topology.targets.get(target)?.units.get(unit);
    if (found) this.#parts.device.guard(() => this.#parts.host.tasks.release(found));
  }

  /** Adds a unit while the device runs. Throws `ModelConfigError` for a place that is taken or does not exist. */
  plug(config: UnitConfig): void {
    this.#appear(config, this.#makeUnit(config));
  }

  /** Removes a unit while the device runs. */
  unplug(targetId: number, number: number): void {
    const { target, unit } = this.#find(targetId, number);
    const [config] = this.#units.splice(this.#configIndex(targetId, number), 1);
    this.#parts.host.unplug(target, number);
    if (config) this.#unplugged.push({ config, unit });
  }

  /** Brings back the unit that was last removed from there, with what is on its medium. */
  replug(targetId: number, number: number): void {
    const at = this.#unplugged.findLastIndex(
      ({ config: { target, unit } }) => target === targetId && unit === number,
    );
    const [found] = at < 0 ? [] : this.#unplugged.splice(at, 1);
    if (found === undefined) throw new ModelConfigError(`no unit ${targetId}:${number} was removed`);
    found.unit.reset('hard', Sense.POWER_ON);
    this.#appear(found.config, found.unit);
  }

  /** Changes the number of blocks of a disk. */
  resize(targetId: number, number: number, blocks: bigint): void {
    const { target, unit } = this.#find(targetId, number);
    if (!(unit instanceof Disk)) throw new ModelConfigError(`unit ${targetId}:${number} is no disk`);
    unit.resize(blocks);
    this.#keepBlocks(targetId, number, blocks);
    this.#parts.host.reports.parametersChanged(target, number, unit, Sense.CAPACITY_CHANGED);
  }

  /** Takes the medium out of a unit. Throws `ModelConfigError` where it cannot be removed. */
  eject(targetId: number, number: number): void {
    const { target, unit } = this.#removable(targetId, number);
    unit.eject();
    this.#keepBlocks(targetId, number, 0n);
    this.#parts.host.reports.happened(target, number, unit, AsyncEvent.MEDIA_CHANGE);
  }

  /** Puts a medium into a unit, in place of any that is there. Throws `ModelConfigError` where it cannot be removed. */
  insert(targetId: number, number: number, which: MediumChoice): void {
    const { target, unit } = this.#removable(targetId, number);
    const { reports } = this.#parts.host;
    unit.insert(which);
    this.#keepBlocks(targetId, number, unit.blocks);
    reports.parametersChanged(target, number, unit, Sense.MEDIUM_MAY_HAVE_CHANGED);
    reports.happened(target, number, unit, AsyncEvent.MEDIA_CHANGE);
  }

  /** Lets accesses to the medium of a unit fail from now on. */
  setFault(target: number, unit: number, access: MediumAccess, fault: AccessFault): void {
    this.#find(target, unit).unit.faults.set(access, fault);
  }

  /** Lets accesses to the medium of a unit work again. */
  clearFaults(target: number, unit: number): void {
    this.#find(target, unit).unit.faults.clear();
  }

  /** Resets a unit as others than the driver can. */
  resetUnit(targetId: number, number: number): void {
    const { target, unit } = this.#find(targetId, number);
    this.#parts.host.resetUnit(target, number, unit);
  }

  /** Changes the device configuration, as a device may do by itself. */
  changeConfiguration(): void {
    const { device, host } = this.#parts;
    device.changeConfiguration(() => host.config.adjust());
  }

  #find(targetId: number, number: number): { target: Target; unit: LogicalUnit } {
    const target = this.#parts.host.topology.targets.get(targetId);
    const unit = target?.units.get(number);
    if (target === undefined || unit === undefined)
      throw new ModelConfigError(`there is no unit ${targetId}:${number}`);
    return { target, unit };
  }

  #removable(targetId: number, number: number): { target: Target; unit: Cdrom | Disk } {
    const { target, unit } = this.#find(targetId, number);
    if (unit instanceof Cdrom || (unit instanceof Disk && unit.removable)) return { target, unit };
    throw new ModelConfigError(`the medium of unit ${targetId}:${number} cannot be removed`);
  }

  #appear(config: UnitConfig, unit: LogicalUnit): void {
    const { host } = this.#parts;
    this.#units.push(config);
    host.plug(host.topology.target(config.target), config.unit, unit);
  }

  #configIndex(target: number, unit: number): number {
    return this.#units.findIndex((each) => each.target === target && each.unit === unit);
  }

  /** Notes a size for the next time that the unit is made. */
  #keepBlocks(target: number, unit: number, blocks: bigint): void {
    const at = this.#configIndex(target, unit);
    const config = this.#units[at];
    if (config) this.#units[at] = { ...config, blocks };
  }

  #makeUnit(config: UnitConfig): LogicalUnit {
    const { target, unit, kind, blockSize } = config;
    if (!(target >= 0 && target <= MAX_TARGET && unit >= 0 && unit <= MAX_UNIT))
      throw new ModelConfigError(`there can be no unit ${target}:${unit}`);
    if (this.#units.some((each) => each !== config && each.target === target && each.unit === unit))
      throw new ModelConfigError(`unit ${target}:${unit} exists already`);
    const numbers = () => this.#parts.host.topology.unitNumbers(target);
    if (kind === 'disk') return new Disk(config, numbers, this.#behaviours, () => this.clock.now());
    if (blockSize !== CD_BLOCK_SIZE)
      throw new ModelConfigError(`blocks of a CD-ROM have ${CD_BLOCK_SIZE} bytes, not ${blockSize}`);
    return new Cdrom(config, numbers, this.#behaviours);
  }

  #build(): Parts {
    const { requestQueues, queueSize, features, guestByteOrder, bus } = this.#config;
    const host = new ScsiHost(
      {
        requestQueues,
        segMax: queueSize - DESCRIPTORS_BESIDE_DATA,
        maxSectors: LARGEST_TRANSFER_SECTORS,
        commandsPerUnit: queueSize,
        maxTarget: MAX_TARGET,
        maxUnit: MAX_UNIT,
      },
      featureSet(...features),
      this.clock,
      this.#behaviours,
    );
    for (const unit of this.#units)
      host.topology.target(unit.target).units.set(unit.unit, this.#makeUnit(unit));
    // A back-end cannot say how large its queues are: the front-end decides.
    const largest = bus === 'vhost' ? LARGEST_QUEUE : queueSize;
    const device = new VirtioDevice(host, largest, guestByteOrder, this.memory, this.#behaviours);
    host.attach(device);
    return { host, device, attachment: this.#attach(device, host) };
  }

  /** The device configuration as accesses find it. */
  #watched(config: RegisterRange, legacy: boolean): RegisterRange {
    return {
      read: (offset, width) =>
        this.#behaviours.configAccess(config.read(offset, width), { offset, width, legacy }),
      write: (offset, width, value) => config.write(offset, width, value),
    };
  }

  #attach(device: VirtioDevice, host: ScsiHost): Parts['attachment'] {
    const { bus, vectors, notifyMultiplier } = this.#config;
    const range = this.#watched(new FieldRange(virtioScsiConfig, host.config), false);
    // The legacy interface has the configuration in the guest's byte order.
    const order = () => device.order('configuration');
    const legacyRange = this.#watched(new FieldRange(virtioScsiConfig, host.config, order), true);
    if (bus === 'vhost') return new VhostDevice(device, range, virtioScsiConfig.size);
    if (bus === 'mmio') return new VirtioMmio(device, range);
    if (bus === 'mmio-legacy') return new VirtioMmioLegacy(device, legacyRange);
    return new VirtioPciFunction(device, this.memory, {
      vectors,
      notifyMultiplier,
      deviceConfig: { length: virtioScsiConfig.size, range },
      ...(bus === 'pci-transitional' && { legacyConfig: legacyRange }),
    });
  }
}
