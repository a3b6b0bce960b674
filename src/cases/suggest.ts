/** "Did you mean": the nearest of the right names. */

/** Edit distance (insert, delete, replace); letter case counts half. */
export function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [i, a] of [...left].entries()) {
    const next = [i + 1];
    for (const [j, b] of [...right].entries()) {
      const replace = a === b ? 0 : a.toLowerCase() === b.toLowerCase() ? 0.5 : 1;
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + replace));
    }
    row = next;
  }
  return row[right.length] ?? left.length;
}

/** The right name that `word` is most likely a slip of, or undefined when none is near. */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, word.length / 3) + 0.1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) > least) continue;
    const distance = editDistance(word, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(word: string, names: Iterable<string>): string {
  const name = nearest(word, names);
  return name === undefined ? '' : `; did you mean "${name}"?`;
}
