/** Names of numbers, for people. */

/** The name that a table of constants has for a value; undefined where it has none. */
export function nameOf(table: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.entries(table).find(([, code]) => code === value)?.[0];
}

/** The names of the bits that are set, and what is left over in hex. */
export function bitNames(table: Readonly<Record<string, number>>, value: number): string[] {
  const names = Object.entries(table).filter(([, bit]) => (value & bit) !== 0);
  const rest = names.reduce((left, [, bit]) => left & ~bit, value);
  return [...names.map(([name]) => name), ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])];
}
