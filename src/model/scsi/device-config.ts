/** The device configuration of a SCSI host device ("Device configuration layout"). */
import {
  DEFAULT_CDB_SIZE,
  DEFAULT_SENSE_SIZE,
  type virtioScsiConfig,
  virtioScsiEvent,
} from '../../wire/virtio-scsi.js';
import type { Behaviours, ResetPart } from '../behaviours.js';
import type { FieldStore } from '../register-window.js';

export type ConfigField = keyof typeof virtioScsiConfig.fields;

/** Values that a configuration of the model may choose. */
export interface ScsiLimits {
  readonly requestQueues: number;
  readonly segMax: number;
  readonly maxSectors: number;
  readonly commandsPerUnit: number;
  readonly maxTarget: number;
  readonly maxUnit: number;
}

/** sense_size and cdb_size are the driver's to write; larger values than these would not fit any buffer. */
const LARGEST_SIZE = 0x10000;

/** What the configuration needs of the device around it. */
export interface ConfigHost {
  /** Whether writes of the driver count now. */
  writable(): boolean;
  /** Called before each read of the driver. */
  read(): void;
  /** Called after each change that the driver made. */
  changed(): void;
}

export class DeviceConfig implements FieldStore<ConfigField> {
  senseSize = DEFAULT_SENSE_SIZE;
  cdbSize = DEFAULT_CDB_SIZE;
  readonly #limits: ScsiLimits;
  readonly #behaviours: Behaviours;
  readonly #host: ConfigHost;
  #commandsPerUnit: number;

  constructor(limits: ScsiLimits, behaviours: Behaviours, host: ConfigHost) {
    this.#limits = limits;
    this.#behaviours = behaviours;
    this.#host = host;
    this.#commandsPerUnit = limits.commandsPerUnit;
  }

  /** Changes a field as a device may do by itself: how many commands a unit takes goes down by one, and up again. */
  adjust(): void {
    const { commandsPerUnit } = this.#limits;
    this.#commandsPerUnit = this.#commandsPerUnit === commandsPerUnit ? commandsPerUnit - 1 : commandsPerUnit;
  }

  read(name: ConfigField): number {
    this.#host.read();
    return this.#behaviours.configField(name, this.#read(name));
  }

  write(name: ConfigField, value: number | bigint): void {
    if (!this.#host.writable()) return;
    const previous = this.#read(name);
    const writable = (name === 'sense_size' || name === 'cdb_size') && Number(value) <= LARGEST_SIZE;
    const next = this.#behaviours.configWrite(
      name,
      writable ? Number(value) : previous,
      previous,
      Number(value),
    );
    if (name !== 'sense_size' && name !== 'cdb_size') return;
    if (next === previous) return;
    if (name === 'sense_size') this.senseSize = next;
    else this.cdbSize = next;
    this.#host.changed();
  }

  /** Returns whether a field changed. */
  reset(resets: (part: ResetPart) => boolean): boolean {
    const before = [this.senseSize, this.cdbSize];
    if (resets('sense_size')) this.senseSize = DEFAULT_SENSE_SIZE;
    if (resets('cdb_size')) this.cdbSize = DEFAULT_CDB_SIZE;
    return this.senseSize !== before[0] || this.cdbSize !== before[1];
  }

  #read(name: ConfigField): number {
    switch (name) {
      case 'num_queues':
        return this.#limits.requestQueues;
      case 'seg_max':
        return this.#limits.segMax;
      case 'max_sectors':
        return this.#limits.maxSectors;
      case 'cmd_per_lun':
        return this.#commandsPerUnit;
      case 'event_info_size':
        return virtioScsiEvent.size;
      case 'sense_size':
        return this.senseSize;
      case 'cdb_size':
        return this.cdbSize;
      case 'max_channel':
        return 0;
      case 'max_target':
        return this.#limits.maxTarget;
      case 'max_lun':
        return this.#limits.maxUnit;
    }
  }
}
