/** Text of a device in Markdown: it is never markup there. */

/** Text without markup: any punctuation can be escaped. A line break would end a heading or an item. */
export function plain(text: string): string {
  return oneLine(text)
    .replaceAll(/[\\`*_{}[\]#!|~<>&@]/g, '\\$&')
    .replace(/^[-+=]/, '\\$&')
    .replace(/^(\d+)([.)])/, '$1\\$2');
}

/** A code span; its fence is longer than any in the text, and what would end a cell of a table is escaped. */
export function code(text: string): string {
  const shown = oneLine(text).replaceAll('|', '\\|');
  const fence = '`'.repeat(longestRun(shown) + 1);
  const pad = /^`|`$/.test(shown) ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** A block of text as it is. */
export function fenced(text: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}text\n${text}\n${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
}

/** Line breaks and runs of space as one space. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
