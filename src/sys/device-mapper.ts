/** Block devices that the kernel's device mapper makes of others, told by ioctls of linux/dm-ioctl.h. */
import { libc } from './libc.js';

/** Through which the mapper is asked. */
export const MAPPER_CONTROL = '/dev/mapper/control';

/** What a device consists of, from its first sector on; the mapper has more kinds. */
export interface MapperTarget {
  /** Sectors of 512 bytes. */
  readonly sectors: number;
  readonly type: 'linear' | 'delay' | 'error';
  readonly parameters: string;
}

/** struct dm_ioctl: size of the whole, and where its fields are. */
export const MAPPER_HEADER = {
  size: 312,
  version: 0,
  dataSize: 12,
  dataStart: 16,
  targetCount: 20,
  flags: 28,
  device: 40,
  name: 48,
} as const;
/** struct dm_target_spec, likewise; the parameters follow, and end with a zero byte. */
export const MAPPER_TARGET = { size: 40, length: 8, next: 20, type: 24 } as const;
/** Targets begin at multiples of this. */
const ALIGNMENT = 8;
const INTERFACE_VERSION = 4;

function request(number: number): number {
  return 3 * 2 ** 30 + MAPPER_HEADER.size * 2 ** 16 + 0xfd * 2 ** 8 + number;
}

/** Requests, by their names in the header. */
export const MAPPER_REQUESTS = {
  DM_DEV_CREATE: request(3),
  DM_DEV_REMOVE: request(4),
  DM_DEV_SUSPEND: request(6),
  DM_TABLE_LOAD: request(9),
} as const;
export const MAPPER_FLAGS = {
  DM_SUSPEND_FLAG: 1 << 1,
  DM_SKIP_LOCKFS_FLAG: 1 << 10,
  DM_NOFLUSH_FLAG: 1 << 11,
} as const;

/** One device, which exists until it is removed. Everything throws `LibcError`. */
export class MappedDevice {
  readonly #name: string;
  readonly #control: number;
  readonly #minor: number;

  /** Makes a device, which is usable at once. */
  constructor(name: string, target: MapperTarget) {
    this.#name = name;
    this.#control = libc().open(MAPPER_CONTROL);
    try {
      const device = this.#ask('DM_DEV_CREATE').readBigUInt64LE(MAPPER_HEADER.device);
      this.#minor = Number((device & 0xffn) | ((device >> 12n) & 0xfff00n));
      try {
        this.replace(target);
      } catch (error) {
        this.#ask('DM_DEV_REMOVE');
        throw error;
      }
    } catch (error) {
      libc().close(this.#control);
      throw error;
    }
  }

  /** Where it is found. */
  get path(): string {
    return `/dev/dm-${this.#minor}`;
  }

  /** Gives it another content; what was suspended goes on with that. */
  replace(target: MapperTarget): void {
    this.load(target);
    this.resume();
  }

  /** As `replace`, but from the next `resume` on. */
  load(target: MapperTarget): void {
    this.#ask('DM_TABLE_LOAD', { target });
  }

  /** From now on what is asked of the device waits. */
  suspend(): void {
    const { DM_SUSPEND_FLAG, DM_SKIP_LOCKFS_FLAG, DM_NOFLUSH_FLAG } = MAPPER_FLAGS;
    this.#ask('DM_DEV_SUSPEND', { flags: DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG });
  }

  /** What waited goes on. */
  resume(): void {
    this.#ask('DM_DEV_SUSPEND');
  }

  /** Nobody may have it open. */
  remove(): void {
    this.#ask('DM_DEV_REMOVE');
    libc().close(this.#control);
  }

  #ask(
    name: keyof typeof MAPPER_REQUESTS,
    { flags = 0, target }: { readonly flags?: number; readonly target?: MapperTarget } = {},
  ): Buffer {
    const argument = mapperArgument(this.#name, flags, target);
    libc().ioctl(this.#control, MAPPER_REQUESTS[name], argument);
    return argument;
  }
}

/** struct dm_ioctl with what follows it. */
export function mapperArgument(name: string, flags: number, target?: MapperTarget): Buffer {
  const parameters = Buffer.from(`${target?.parameters ?? ''}\0`, 'latin1');
  const length = Math.ceil((MAPPER_TARGET.size + parameters.length) / ALIGNMENT) * ALIGNMENT;
  const bytes = Buffer.alloc(MAPPER_HEADER.size + length);
  bytes.writeUInt32LE(INTERFACE_VERSION, MAPPER_HEADER.version);
  bytes.writeUInt32LE(bytes.length, MAPPER_HEADER.dataSize);
  bytes.writeUInt32LE(MAPPER_HEADER.size, MAPPER_HEADER.dataStart);
  bytes.writeUInt32LE(flags, MAPPER_HEADER.flags);
  bytes.write(name, MAPPER_HEADER.name, 'latin1');
  if (target === undefined) return bytes;
  bytes.writeUInt32LE(1, MAPPER_HEADER.targetCount);
  const at = MAPPER_HEADER.size;
  bytes.writeBigUInt64LE(BigInt(target.sectors), at + MAPPER_TARGET.length);
  bytes.writeUInt32LE(length, at + MAPPER_TARGET.next);
  bytes.write(target.type, at + MAPPER_TARGET.type, 'latin1');
  parameters.copy(bytes, at + MAPPER_TARGET.size);
  return bytes;
}
