/** The reference device: a conformant virtio-scsi PCI function with memory, time and units of its own. */
import { MAX_TARGET, MAX_UNIT } from '../wire/lun.js';
import { featureSet } from '../wire/virtio.js';
import { virtioScsiConfig } from '../wire/virtio-scsi.js';
import { type Behaviours, conformantBehaviours } from './behaviours.js';
import { VirtualClock } from './clock.js';
import { ModelConfigError } from './errors.js';
import { ModelMemory } from './memory.js';
import type { ModelConfig, UnitConfig } from './model-config.js';
import { type AccessWidth, FieldRange } from './pci/register-window.js';
import { VirtioPciFunction } from './pci/virtio-pci-function.js';
import { Random } from './random.js';
import { ScsiHost } from './scsi/host.js';
import type { Target } from './scsi/topology.js';
import { Disk } from './units/disk.js';
import type { LogicalUnit } from './units/logical-unit.js';
import { Sense } from './units/sense.js';
import { VirtioDevice } from './virtio/device.js';

/** Data segments of a command: header and response take descriptors as well. */
const DESCRIPTORS_BESIDE_DATA = 2;
/** max_sectors: what every disk moves with one command, in units of 512 bytes. */
const LARGEST_TRANSFER_SECTORS = 8192;

/** A device with everything around it. Registers are reached through `function`, memory through `memory`. */
export class Model {
  readonly memory: ModelMemory;
  readonly clock = new VirtualClock();
  readonly #config: ModelConfig;
  readonly #behaviours: Behaviours;
  #host: ScsiHost;
  #device: VirtioDevice;
  #function: VirtioPciFunction;

  /**
   * `seed` decides where the memory lies. `adjust` may change the behaviour (a mutant).
   * Throws `ModelConfigError` for a configuration that cannot be built.
   */
  constructor(config: ModelConfig, seed: number, adjust: (behaviours: Behaviours) => void = () => {}) {
    if (config.queueSize < 1 || config.queueSize > 32768 || config.queueSize & (config.queueSize - 1))
      throw new ModelConfigError(`queue size ${config.queueSize} is no power of two up to 32768`);
    this.#config = config;
    this.#behaviours = conformantBehaviours();
    adjust(this.#behaviours);
    this.memory = ModelMemory.randomised(config.regions, new Random(seed));
    const parts = this.#build();
    this.#host = parts.host;
    this.#device = parts.device;
    this.#function = parts.function;
  }

  get function(): VirtioPciFunction {
    return this.#function;
  }

  /** Why the device asked for a reset, in order; for people who look for their mistake. */
  get faults(): readonly string[] {
    return this.#device.faults;
  }

  /** Accesses to the BAR memory by bus address. */
  memoryRead(address: bigint, width: AccessWidth): number {
    return this.#function.memoryRead(address, width);
  }

  memoryWrite(address: bigint, width: AccessWidth, value: number): void {
    this.#function.memoryWrite(address, width, value);
  }

  /** Switches the device off and on: configuration space, device and units are as new. Memory keeps its contents. */
  powerCycle(): void {
    this.clock.clear();
    const parts = this.#build();
    this.#host = parts.host;
    this.#device = parts.device;
    this.#function = parts.function;
  }

  /** Keeps the commands of a unit waiting until `release`. */
  hold(target: number, unit: number): void {
    this.#host.tasks.hold(this.#find(target, unit).unit);
  }

  release(target: number, unit: number): void {
    const { unit: found } = this.#find(target, unit);
    this.#device.guard(() => this.#host.tasks.release(found));
  }

  /** Adds a unit while the device runs. */
  plug(config: UnitConfig): void {
    const target = this.#host.topology.target(config.target);
    this.#host.plug(target, config.unit, this.#makeUnit(config, target));
  }

  /** Removes a unit while the device runs. */
  unplug(target: number, unit: number): void {
    this.#host.unplug(this.#find(target, unit).target, unit);
  }

  /** Changes the number of blocks of a disk. */
  resize(target: number, unit: number, blocks: bigint): void {
    const found = this.#find(target, unit);
    if (!(found.unit instanceof Disk)) throw new ModelConfigError(`unit ${target}:${unit} is no disk`);
    found.unit.blocks = blocks;
    this.#host.reports.parametersChanged(found.target, unit, Sense.CAPACITY_CHANGED);
  }

  #find(targetId: number, number: number): { target: Target; unit: LogicalUnit } {
    const target = this.#host.topology.targets.get(targetId);
    const unit = target?.units.get(number);
    if (target === undefined || unit === undefined)
      throw new ModelConfigError(`there is no unit ${targetId}:${number}`);
    return { target, unit };
  }

  #makeUnit(config: UnitConfig, target: Target): LogicalUnit {
    if (!(config.target >= 0 && config.target <= MAX_TARGET && config.unit >= 0 && config.unit <= MAX_UNIT))
      throw new ModelConfigError(`there can be no unit ${config.target}:${config.unit}`);
    if (target.units.has(config.unit))
      throw new ModelConfigError(`unit ${config.target}:${config.unit} exists already`);
    return new Disk(config, target, this.#behaviours);
  }

  #build(): { host: ScsiHost; device: VirtioDevice; function: VirtioPciFunction } {
    const { requestQueues, queueSize, vectors, notifyMultiplier, features, units } = this.#config;
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
    for (const unit of units) {
      const target = host.topology.target(unit.target);
      target.units.set(unit.unit, this.#makeUnit(unit, target));
    }
    const device = new VirtioDevice(host, queueSize, this.memory, this.#behaviours);
    host.attach(device);
    const fn = new VirtioPciFunction(device, this.memory, {
      vectors,
      notifyMultiplier,
      deviceConfig: { length: virtioScsiConfig.size, range: new FieldRange(virtioScsiConfig, host.config) },
    });
    return { host, device, function: fn };
  }
}
