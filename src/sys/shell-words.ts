/** Command lines as a POSIX shell writes them. */

/** A text cannot be split into words. */
export class ShellWordsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ShellWordsError';
  }
}

/** Words as one command line that can be pasted into a shell. */
export function shellWords(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** One part of a word: `'…'`, `"…"` with backslashes, a backslash and a character, or plain characters. */
const PART = /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\]+)/y;

/**
 * Splits a command line into words as a shell does: by spaces outside quotes. Nothing is substituted. Throws
 * ShellWordsError for a quote that is not closed.
 */
export function splitShellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; ) {
    if (/\s/.test(text[at] ?? '')) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
      continue;
    }
    PART.lastIndex = at;
    const part = PART.exec(text);
    if (part === null) throw new ShellWordsError(`${text}: the quote at column ${at + 1} is not closed`);
    const [whole, single, double, escaped, plain] = part;
    word = (word ?? '') + (single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? '');
    at += whole.length;
  }
  if (word !== undefined) words.push(word);
  return words;
}
