/**
 * Declarative byte layouts. A layout is written once as `struct(name, {field: kind, …})` in wire order, without
 * padding (virtio 1.4, "Structure Specifications"), and serves for reading, writing, offsets and descriptions.
 *
 * Byte order: the kinds `v16`, `v32` and `v64` follow the virtio interface in use, little-endian on a modern
 * device and the guest's own order on a legacy one; `be…` kinds are SCSI's and fixed.
 */

import { copyOf } from './fresh-bytes.js';

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
    read: (view, offset) => copyOf(new Uint8Array(view.buffer, view.byteOffset + offset, size)),
    write: (view, offset, value) => {
      if (value.length > size) throw new RangeError(`${value.length} bytes do not fit a field of ${size}`);
      new Uint8Array(view.buffer, view.byteOffset + offset, size).set(value);
    },
  };
}

/** What was looked at last is looked at again most often, and a view costs more than its use. */
let lastView: DataView = new DataView(new ArrayBuffer(0));

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
    const view = this.#viewOf(source, offset);
    const start = source.byteOffset + offset;
    const little = order === 'little';
    const out: Record<string, unknown> = {};
    for (const field of this.#list) out[field.name] = field.kind.read(view, start + field.offset, little);
    return out as { [K in keyof S]: ValueOf<S[K]> };
  }

  /** Writes the given fields into `target` at `offset`; fields left out stay as they are. */
  write(
    target: Uint8Array,
    values: { readonly [K in keyof S]?: ValueOf<S[K]> },
    offset = 0,
    order: ByteOrder = 'little',
  ): void {
    const view = this.#viewOf(target, offset);
    const start = target.byteOffset + offset;
    const little = order === 'little';
    for (const name in values) {
      const field = this.fields[name] as Field | undefined;
      if (field === undefined) throw new RangeError(`${this.name} has no field ${name}`);
      field.kind.write(view, start + field.offset, values[name], little);
    }
  }

  /** A view of all that `bytes` are a part of; throws RangeError when the structure does not fit at `offset`. */
  #viewOf(bytes: Uint8Array, offset: number): DataView {
    if (offset < 0 || offset + this.size > bytes.length)
      throw new RangeError(`${this.name} at ${offset} does not fit ${bytes.length} bytes`);
    if (lastView.buffer !== bytes.buffer) lastView = new DataView(bytes.buffer);
    return lastView;
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
