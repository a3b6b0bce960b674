import { expect, test } from 'vitest';
import { bisectExitCode, ExitCode } from '../../src/run/exit-code.js';

test.each([
  ['CONFORMANT', 0],
  ['NOT_CONFORMANT', 1],
  ['DUT_SETUP', 125],
  ['NOTHING_EXECUTED', 125],
  ['USAGE', 128],
  ['REPORT', 128],
  ['INTERRUPTED', 130],
] as const)('%s is %i to git bisect', (name, code) => {
  expect(bisectExitCode(ExitCode[name])).toBe(code);
});
