import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { ShellWordsError, shellWords, splitShellWords } from '../../src/sys/shell-words.js';

test.each([
  ['valgrind -q --error-exitcode=99', ['valgrind', '-q', '--error-exitcode=99']],
  ["a 'b c' d", ['a', 'b c', 'd']],
  ['a "b \\"c\\"" d\\ e', ['a', 'b "c"', 'd e']],
  [`x'y'"z"`, ['xyz']],
  ["'' a", ['', 'a']],
  ['  ', []],
])('%j is split into %j', (text, words) => {
  expect(splitShellWords(text)).toEqual(words);
});

test.each(["a 'b", 'a "b', 'a \\'])('%j is refused', (text) => {
  expect(() => splitShellWords(text)).toThrow(ShellWordsError);
});

test('what is written is read back, by us and by a shell', () => {
  const words = ['plain', 'two words', "it's", '"', '$HOME', '', 'a\\b', 'ring[2,*]', ';'];
  expect(splitShellWords(shellWords(words))).toEqual(words);
  const printed = execFileSync('sh', ['-c', `printf '%s\\n' ${shellWords(words)}`], { encoding: 'utf8' });
  expect(printed).toBe(`${words.join('\n')}\n`);
});
