/** JSON for files under version control: keys sorted, one line for each entry of the second level. */

/** Plain string order, which no locale changes. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => byText(a, b));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

/**
 * Text of an object of plain values and objects. The keys of the first level keep their order; below it they are
 * sorted, so that the same content is always the same text and a small change is a change of few lines.
 */
export function stableJson(value: object): string {
  const parts = Object.entries(value).map(([key, item]: [string, unknown]) => {
    const plain = sorted(item);
    if (!isObject(plain)) return `  ${JSON.stringify(key)}: ${JSON.stringify(plain)}`;
    const lines = Object.entries(plain).map(
      ([name, entry]) => `    ${JSON.stringify(name)}: ${JSON.stringify(entry)}`,
    );
    return `  ${JSON.stringify(key)}: {${lines.length > 0 ? `\n${lines.join(',\n')}\n  ` : ''}}`;
  });
  return `{\n${parts.join(',\n')}\n}\n`;
}
