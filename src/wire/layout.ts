/**
 * Declarative byte layouts. A layout is written once as `struct(name, {field: kind, …})` in wire order, without
 * padding (virtio 1.4, "Structure Specifications"), and serves for reading, writing, offsets and descriptions.
 *
 * Byte order: the kinds `v16`, `v32` and `v64` follow the virtio interface in use, little-endian on a modern
 * device and the guest's own order on a legacy one; `be…` kinds are SCSI's and fixed.
 */

/** Byte order of the `v…` kinds; `little` is the modern interface. */
export type ByteOrder = 'little' | 'big';

/** One field kind: its size in bytes and how its value is read and written at `offset`. */
export interface Kind<T> {
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  read(view: DataView, offset: number, little: boolean): T;
  write(view: DataView, offset: number, value: T, little: boolean): void;
}

export const u8: Kind<number> = {
  name: 'u8',
  size: 1,
  read: (view, offset) => view.getUint8(offset),
  write: (view, offset, value) => view.setUint8(offset, value),
};
export const v16: Kind<number> = {
  name: 'v16',
  size: 2,
  read: (view, offset, little) => view.getUint16(offset, little),
  write: (view, offset, value, little) => view.setUint16(offset, value, little),
};
export const v32: Kind<number> = {
  name: 'v32',
  size: 4,
  read: (view, offset, little) => view.getUint32(offset, little),
  write: (view, offset, value, little) => view.setUint32(offset, value, little),
};
export const v64: Kind<bigint> = {
  name: 'v64',
  size: 8,
  read: (view, offset, little) => view.getBigUint64(offset, little),
  write: (view, offset, value, little) => view.setBigUint64(offset, value, little),
};
export const be16: Kind<number> = {
  name: 'be16',
  size: 2,
  read: (view, offset) => view.getUint16(offset),
  write: (view, offset, value) => view.setUint16(offset, value),
};
export const be24: Kind<number> = {
  name: 'be24',
  size: 3,
  read: (view, offset) => (view.getUint16(offset) << 8) | view.getUint8(offset + 2),
  write: (view, offset, value) => {
    view.setUint16(offset, value >>> 8);
    view.setUint8(offset + 2, value & 0xff);
  },
};
export const be32: Kind<number> = {
  name: 'be32',
  size: 4,
  read: (view, offset) => view.getUint32(offset),
  write: (view, offset, value) => view.setUint32(offset, value),
};
export const be64: Kind<bigint> = {
  name: 'be64',
  size: 8,
  read: (view, offset) => view.getBigUint64(offset),
  write: (view, offset, value) => view.setBigUint64(offset, value),
};

/** A byte string of fixed length; reading copies it, writing shorter bytes leaves the rest as it was. */
export function bytes(size: number): Kind<Uint8Array> {
  return {
    name: `bytes[${size}]`,
    size,
    read: (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, size).slice(),
    write: (view, offset, value) => {
      if (value.length > size) throw new RangeError(`${value.length} bytes do not fit a field of ${size}`);
      new Uint8Array(view.buffer, view.byteOffset + offset, size).set(value);
    },
  };
}

/** One field of a layout: where it is and of what kind. */
export interface Field<T = unknown> {
  readonly name: string;
  /** Offset in bytes from the start of the structure. */
  readonly offset: number;
  /** Size in bytes. */
  readonly size: number;
  readonly kind: Kind<T>;
}

type ValueOf<K> = K extends { read(view: DataView, offset: number, little: boolean): infer T } ? T : never;
/** The decoded form of a layout. */
export type Decoded<L> = L extends Layout<infer S> ? { [K in keyof S]: ValueOf<S[K]> } : never;

/** A structure: field table plus codec. `K` maps field names to their kinds. */
export class Layout<S extends Record<string, unknown>> {
  readonly name: string;
  /** Size of the whole structure in bytes. */
  readonly size: number;
  /** The fields by name, in wire order. */
  readonly fields: { readonly [K in keyof S]: Field<ValueOf<S[K]>> };
  /** The same fields as a list: reading goes through them for every answer of a device. */
  readonly #list: readonly Field[];

  constructor(name: string, spec: S) {
    this.name = name;
    const fields: Record<string, Field> = {};
    let offset = 0;
    for (const [field, kind] of Object.entries(spec) as [string, Kind<unknown>][]) {
      fields[field] = { name: field, offset, size: kind.size, kind };
      offset += kind.size;
    }
    this.fields = fields as typeof this.fields;
    this.#list = Object.values(fields);
    this.size = offset;
  }

  /** Decodes the structure at `offset` of `source`; throws RangeError when it does not fit. */
  read(source: Uint8Array, offset = 0, order: ByteOrder = 'little'): { [K in keyof S]: ValueOf<S[K]> } {
    const view = new DataView(source.buffer, source.byteOffset + offset, this.size);
    const out: Record<string, unknown> = {};
    for (const field of this.#list) out[field.name] = field.kind.read(view, field.offset, order === 'little');
    return out as { [K in keyof S]: ValueOf<S[K]> };
  }

  /** Writes the given fields into `target` at `offset`; fields left out stay as they are. */
  write(
    target: Uint8Array,
    values: { readonly [K in keyof S]?: ValueOf<S[K]> },
    offset = 0,
    order: ByteOrder = 'little',
  ): void {
    const view = new DataView(target.buffer, target.byteOffset + offset, this.size);
    for (const [name, value] of Object.entries(values)) {
      const field = this.fields[name] as Field | undefined;
      if (field === undefined) throw new RangeError(`${this.name} has no field ${name}`);
      field.kind.write(view, field.offset, value, order === 'little');
    }
  }

  /** The structure as fresh bytes; fields left out are zero. */
  encode(values: { readonly [K in keyof S]?: ValueOf<S[K]> }, order: ByteOrder = 'little'): Uint8Array {
    const out = new Uint8Array(this.size);
    this.write(out, values, 0, order);
    return out;
  }
}

/** Declares a structure by its fields in wire order. */
export function struct<
  S extends { readonly [K in keyof S]: Kind<never> | Kind<number> | Kind<bigint> | Kind<Uint8Array> },
>(name: string, spec: S): Layout<S> {
  return new Layout<S>(name, spec);
}
