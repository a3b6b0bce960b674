/** Choosing cases by id. */

/**
 * A matcher for case ids: `*` stands for any text, `?` for one character; everything else, brackets of expanded ids
 * included, is literal. Without globs everything matches. A glob also matches the expansions of the id that it names.
 */
export function idMatcher(globs: readonly string[]): (id: string) => boolean {
  if (globs.length === 0) return () => true;
  const patterns = globs.map((glob) => {
    const literal = glob
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${literal}(\\[.*\\])?$`);
  });
  return (id) => patterns.some((pattern) => pattern.test(id));
}
