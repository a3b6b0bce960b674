import { expect, test } from 'vitest';
import type { ScsiAnswer } from '../../src/harness/request.js';
import { optionalAndUnknown } from '../../src/run/unserved.js';

/** An answer with fixed format sense. */
function refused(key: number, asc: number): ScsiAnswer {
  const sense = new Uint8Array(96);
  sense.set([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, 0]);
  return { response: { response: 0, status: 2, sense_len: 18, residual: 0 }, sense } as unknown as ScsiAnswer;
}

const cdb = (opcode: number, second = 0): Uint8Array => Uint8Array.of(opcode, second, ...new Uint8Array(14));

test('a command that is optional, unknown and not listed', () => {
  expect(optionalAndUnknown(cdb(0x88), refused(5, 0x20), undefined)).toBe('READ(16)');
  expect(optionalAndUnknown(cdb(0x9e, 0x10), refused(5, 0x20), new Set(['40.0']))).toBe('READ CAPACITY(16)');
});

test.each<[string, Uint8Array, ScsiAnswer, ReadonlySet<string> | undefined]>([
  ['listed', cdb(0x88), refused(5, 0x20), new Set(['136.0'])],
  ['listed with its service action', cdb(0x9e, 0x10), refused(5, 0x20), new Set(['158.16'])],
  ['needed by every unit', cdb(0x28), refused(5, 0x20), undefined],
  ['refused for something else', cdb(0x88), refused(5, 0x24), undefined],
  ['in no table', cdb(0xff), refused(5, 0x20), undefined],
])('is judged: %s', (_, command, answer, listed) => {
  expect(optionalAndUnknown(command, answer, listed)).toBeUndefined();
});
