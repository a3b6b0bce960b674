/** Where the values of a case file stand in its text, as plain data: what a thread has compiled, others can have too. */
import { yaml } from '../sys/lazy-packages.js';
import type { Position } from './types.js';

/** The position of every value of a file, by its path. */
export type Places = ReadonlyMap<string, Position>;

type Path = readonly (string | number)[];

const keyOf = (path: Path): string => path.join('\n');

/** The places of all that is in a parsed document; `positionOf` tells them from offsets in the text. */
export function placesOf(contents: unknown, positionOf: (offset: number) => Position): Places {
  const { isMap, isScalar, isSeq } = yaml();
  const places = new Map<string, Position>();
  const add = (node: unknown, path: Path): void => {
    places.set(keyOf(path), positionOf(offsetOf(node)));
    if (isMap(node))
      for (const { key, value } of node.items)
        add(value ?? key, [...path, isScalar(key) ? String(key.value) : '']);
    else if (isSeq(node)) for (const [index, item] of node.items.entries()) add(item, [...path, index]);
  };
  add(contents, []);
  return places;
}

/** Where the value at a path stands, or the innermost one around it that is in the file. */
export function placeAt(places: Places, path: Path): Position {
  for (let length = path.length; length >= 0; length--) {
    const place = places.get(keyOf(path.slice(0, length)));
    if (place !== undefined) return place;
  }
  return { line: 1, column: 1 };
}

/** Where a node begins in the text. */
export function offsetOf(node: unknown): number {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  return (range as number[] | null | undefined)?.[0] ?? 0;
}
