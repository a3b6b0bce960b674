/** What can be looked up of names; a Map is one. */
export interface ReadonlyNames<V> {
  get(name: string): V | undefined;
  has(name: string): boolean;
  keys(): Iterable<string>;
}

/** Names over others, which stay as they are: cases are many, and most of what each can name is the same. */
export class LayeredMap<V> implements ReadonlyNames<V> {
  readonly #below: ReadonlyNames<V> | undefined;
  readonly #own: Map<string, V>;

  /** A later change of `below` is seen, unless it is hidden by a name of its own. */
  constructor(below?: ReadonlyNames<V>, own: Iterable<readonly [string, V]> = []) {
    this.#below = below;
    this.#own = new Map(own);
  }

  get(name: string): V | undefined {
    const own = this.#own.get(name);
    if (own !== undefined || this.#below === undefined || this.#own.has(name)) return own;
    return this.#below.get(name);
  }

  has(name: string): boolean {
    return this.#own.has(name) || (this.#below?.has(name) ?? false);
  }

  set(name: string, value: V): void {
    this.#own.set(name, value);
  }

  *keys(): Generator<string> {
    yield* this.#own.keys();
    for (const name of this.#below?.keys() ?? []) if (!this.#own.has(name)) yield name;
  }
}

/** All names but one. */
export function without<V>(names: ReadonlyNames<V>, hidden: string): ReadonlyNames<V> {
  return {
    get: (name) => (name === hidden ? undefined : names.get(name)),
    has: (name) => name !== hidden && names.has(name),
    keys: () => [...names.keys()].filter((name) => name !== hidden),
  };
}
