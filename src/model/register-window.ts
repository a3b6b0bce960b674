/** Registers as the driver sees them: windows of bytes over fields, and several windows in one BAR. */
import type { ByteOrder, Kind, Layout } from '../wire/layout.js';

/** Width of one access in bytes. */
export type AccessWidth = 1 | 2 | 4;

/** A range of registers, addressed from 0. Values are unsigned. */
export interface RegisterRange {
  read(offset: number, width: AccessWidth): number;
  write(offset: number, width: AccessWidth, value: number): void;
}

/** Access to the fields of a layout by name. */
export interface FieldStore<Name extends string> {
  read(name: Name): number | bigint;
  write(name: Name, value: number | bigint): void;
}

interface IntegerField<Name extends string> {
  readonly name: Name;
  readonly offset: number;
  readonly kind: Kind<number | bigint>;
  readonly size: number;
}

/** The number in the first bytes, least significant first. */
function readNumber(view: DataView, width: AccessWidth): number {
  if (width === 4) return view.getUint32(0, true);
  return width === 2 ? view.getUint16(0, true) : view.getUint8(0);
}

/**
 * Gives a layout of integer fields to accesses of any width and offset. A partial write keeps the other bytes of the
 * field, so the halves of a 64-bit field are independent registers ("PCI-specific Initialization And Device Operation").
 */
export class FieldRange<S extends Record<string, Kind<number> | Kind<bigint>>> implements RegisterRange {
  readonly #fields: readonly IntegerField<keyof S & string>[];
  readonly #byOffset: ReadonlyMap<number, IntegerField<keyof S & string>>;
  readonly #store: FieldStore<keyof S & string>;
  readonly #order: () => ByteOrder;
  readonly #scratch = new DataView(new ArrayBuffer(8));

  /** `order` is the byte order of the fields; where it is not little, the bytes of an access still ascend by address. */
  constructor(
    layout: Layout<S>,
    store: FieldStore<keyof S & string>,
    order: () => ByteOrder = () => 'little',
  ) {
    this.#fields = Object.values(layout.fields) as never;
    this.#byOffset = new Map(this.#fields.map((field) => [field.offset, field]));
    this.#store = store;
    this.#order = order;
  }

  read(offset: number, width: AccessWidth): number {
    const whole = this.#whole(offset, width);
    if (whole) {
      this.#load(whole);
      return readNumber(this.#scratch, width);
    }
    const out = new DataView(new ArrayBuffer(4));
    for (const field of this.#overlapping(offset, width)) {
      this.#load(field);
      for (let at = 0; at < field.size; at++) {
        const place = field.offset + at - offset;
        if (place >= 0 && place < width) out.setUint8(place, this.#scratch.getUint8(at));
      }
    }
    return out.getUint32(0, true);
  }

  write(offset: number, width: AccessWidth, value: number): void {
    const whole = this.#whole(offset, width);
    if (whole) {
      this.#scratch.setUint32(0, value, true);
      this.#store.write(whole.name, whole.kind.read(this.#scratch, 0, this.#order() === 'little'));
      return;
    }
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setUint32(0, value, true);
    for (const field of this.#overlapping(offset, width)) {
      // Only what is kept is read: reading may have an effect of its own.
      if (field.offset < offset || field.offset + field.size > offset + width) this.#load(field);
      for (let at = 0; at < field.size; at++) {
        const place = field.offset + at - offset;
        if (place >= 0 && place < width) this.#scratch.setUint8(at, bytes.getUint8(place));
      }
      this.#store.write(field.name, field.kind.read(this.#scratch, 0, this.#order() === 'little'));
    }
  }

  /** The field that an access covers and that covers the access: nearly all are so. */
  #whole(offset: number, width: number) {
    const field = this.#byOffset.get(offset);
    return field?.size === width ? field : undefined;
  }

  #overlapping(offset: number, width: number) {
    return this.#fields.filter(
      (field) => field.offset < offset + width && field.offset + field.size > offset,
    );
  }

  #load(field: { name: keyof S & string; kind: Kind<number | bigint> }): void {
    field.kind.write(this.#scratch, 0, this.#store.read(field.name), this.#order() === 'little');
  }
}

/** A window placed in a BAR. */
export interface Placement {
  readonly offset: number;
  readonly length: number;
  readonly range: RegisterRange;
}

/** The contents of one BAR. What no window covers reads 0 and ignores writes. */
export class BarContents implements RegisterRange {
  readonly size: number;
  readonly #placements: readonly Placement[];

  /** `size` is a power of two; the placements lie within it and do not overlap. */
  constructor(size: number, placements: readonly Placement[]) {
    this.size = size;
    this.#placements = placements;
  }

  read(offset: number, width: AccessWidth): number {
    const at = this.#find(offset, width);
    return at ? at.range.read(offset - at.offset, width) : 0;
  }

  write(offset: number, width: AccessWidth, value: number): void {
    const at = this.#find(offset, width);
    at?.range.write(offset - at.offset, width, value);
  }

  #find(offset: number, width: number): Placement | undefined {
    return this.#placements.find((p) => offset >= p.offset && offset + width <= p.offset + p.length);
  }
}
