/**
 * Things that can be looked at, but not touched: to ask somebody what he would do without him doing it. Who calls a
 * function of what is behind glass, or changes it, would have acted.
 */

/** Thrown into whoever acts on what is behind glass. */
class ActedError extends Error {
  constructor() {
    super('what is behind glass was acted on');
    this.name = 'ActedError';
  }
}

const acted = (): never => {
  throw new ActedError();
};

/** Bytes that somebody was shown a copy of. */
type Copied = readonly [copy: Uint8Array, of: Uint8Array];

/** By this key glass tells what is behind it. */
const BEHIND = Symbol('behind');

/** One thing is the same glass whenever it is shown, until the glass is cleared. */
export class Glass {
  // Not by weak references: for so many objects that live so short, they would cost more than all the rest.
  readonly #glassOf = new Map<object, object>();
  #copied: Copied[] = [];

  /** A value behind glass, with all that it holds. Of bytes a copy is shown. */
  show(value: unknown): unknown {
    if (typeof value === 'function') return acted;
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Uint8Array) {
      const copy = value.slice();
      this.#copied.push([copy, value]);
      return copy;
    }
    if (Array.isArray(value)) return Object.freeze(value.map((item) => this.show(item)));
    const known = this.#glassOf.get(value);
    if (known !== undefined) return known;
    const glass = this.#pane(value);
    this.#glassOf.set(value, glass);
    return glass;
  }

  /** What is behind a value; the value itself if that is no glass. */
  behind(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    return (value as { readonly [BEHIND]?: object })[BEHIND] ?? value;
  }

  /** Forgets what was shown. */
  clear(): void {
    this.#glassOf.clear();
    this.#copied = [];
  }

  /** Whether bytes that were shown have been changed since this was asked last. */
  isScratched(): boolean {
    const copied = this.#copied;
    this.#copied = [];
    return copied.some(([copy, of]) => Buffer.compare(copy, of) !== 0);
  }

  #pane(value: object): object {
    // In front of an empty object: a proxy may not show anything else than what a frozen object holds.
    const empty = Object.create(Object.getPrototypeOf(value) as object | null) as object;
    return new Proxy(empty, {
      get: (_, key) => (key === BEHIND ? value : this.show(Reflect.get(value, key, value))),
      has: (_, key) => Reflect.has(value, key),
      ownKeys: () => Reflect.ownKeys(value),
      getOwnPropertyDescriptor: (_, key) => {
        const found = Reflect.getOwnPropertyDescriptor(value, key);
        return (
          found && {
            value: this.show(Reflect.get(value, key, value)),
            enumerable: found.enumerable ?? false,
            configurable: true,
          }
        );
      },
      set: acted,
      defineProperty: acted,
      deleteProperty: acted,
      setPrototypeOf: acted,
    });
  }
}
