/** Characters that a terminal takes for orders. */

/** A character that is not to stand for itself, shown as `\x1b`. */
export const escaped = (char: string): string =>
  `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;

/** All but tab and line feed, of which text consists. */
const CONTROLS = /[^\P{Cc}\t\n]/gu;

/** A value with all texts in it as they can be shown anywhere: what others have written might move the cursor, or worse. */
export function showable<T>(value: T): T {
  if (typeof value === 'string') return value.replaceAll(CONTROLS, escaped) as T;
  if (Array.isArray(value)) return value.map(showable) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [showable(key), showable(each)])) as T;
}
