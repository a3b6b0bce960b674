/** Which modules of the kernel are loaded, and in which order. */

/** The names on which a module depends, as its file says. */
export function dependenciesOf(file: Buffer): readonly string[] {
  const field = '\0depends=';
  const at = file.indexOf(field, 0, 'latin1');
  if (at < 0) return [];
  const start = at + field.length;
  const list = file.toString('latin1', start, file.indexOf(0, start));
  return list === '' ? [] : list.split(',').map(moduleName);
}

/** Names of modules are the same with `-` and with `_`. */
export function moduleName(name: string): string {
  return name
    .replace(/^.*\//, '')
    .replace(/\.ko(\.[a-z0-9]+)?$/, '')
    .replaceAll('-', '_');
}

/**
 * The modules to load for these, each after all on which it depends. What is built into the kernel needs no loading.
 * Throws an `Error` for a name that the kernel does not have.
 */
export function loadOrder(
  wanted: readonly string[],
  dependencies: (name: string) => readonly string[] | 'builtin' | undefined,
): readonly string[] {
  const order = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    if (order.has(name) || path.includes(name)) return;
    const needed = dependencies(name);
    if (needed === undefined)
      throw new Error(
        `the kernel has no module ${name}${path.length > 0 ? `, needed by ${path.at(-1)}` : ''}`,
      );
    if (needed === 'builtin') return;
    for (const each of needed) visit(each, [...path, name]);
    order.add(name);
  };
  for (const name of wanted) visit(moduleName(name), []);
  return [...order];
}
