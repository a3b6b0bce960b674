import { describe, expect, test } from 'vitest';
import { Bench, concat, hex, toHex, triple } from '../bench.js';

const key = (value: number) => hex(`00 00 00 00 00 00 00 ${value.toString(16)}`);
const list = (own: number, action: number, flags = 0) =>
  concat(key(own), key(action), new Uint8Array(4), Uint8Array.of(flags, 0, 0, 0));

/** PERSISTENT RESERVE OUT: service action, type, own key, key of the action. */
function out(
  bench: Bench,
  action: number,
  type: number,
  own: number,
  target = 0,
  flags = 0,
): string | number {
  const reply = bench.command(`5f ${action.toString(16)} ${type.toString(16)} 00 00 00 00 00 18 00`, {
    dataOut: list(own, target, flags),
  });
  return reply.status === 2 ? triple(reply.sense) : reply.status;
}
const read = (bench: Bench, action: number, length: number) =>
  toHex(bench.command(`5e ${action} 00 00 00 00 00 00 ff 00`, { dataIn: 255 }).data.subarray(0, length));

describe('persistent reservation', () => {
  test('register, reserve, release, clear', () => {
    const bench = new Bench().start().ready();
    expect(read(bench, 0, 8)).toBe('00 00 00 00 00 00 00 00');
    expect(out(bench, 0, 0, 0, 7)).toBe(0);
    expect(read(bench, 0, 16)).toBe('00 00 00 01 00 00 00 08 00 00 00 00 00 00 00 07');
    expect(out(bench, 1, 5, 7)).toBe(0);
    expect(read(bench, 1, 24)).toBe(
      '00 00 00 01 00 00 00 10 00 00 00 00 00 00 00 07 00 00 00 00 00 05 00 00',
    );
    expect(out(bench, 2, 1, 7)).toBe('5/26/04');
    expect(out(bench, 2, 5, 7)).toBe(0);
    expect(out(bench, 3, 0, 7)).toBe(0);
    expect(read(bench, 0, 8)).toBe('00 00 00 02 00 00 00 00');
  });

  test('a reservation outlives a reset', () => {
    const bench = new Bench().start().ready();
    out(bench, 6, 0, 0, 9);
    out(bench, 1, 8, 9);
    bench.start().ready();
    expect(read(bench, 1, 24)).toBe(
      '00 00 00 01 00 00 00 10 00 00 00 00 00 00 00 00 00 00 00 00 00 08 00 00',
    );
  });

  test.each([
    ['RESERVE without registration', [1, 1, 0], 0x18],
    ['REGISTER with a key while unregistered', [0, 0, 5, 6], 0x18],
    ['CLEAR without registration', [3, 0, 0], 0x18],
    ['SPEC_I_PT', [0, 0, 0, 1, 8], '5/26/00'],
  ] as const)('%s', (_name, [action, type, own, target, flags], expected) => {
    const bench = new Bench().start().ready();
    expect(out(bench, action, type, own, target, flags)).toBe(expected);
  });

  test.each([
    ['wrong key', [1, 1, 3], 0x18],
    ['unknown type', [1, 2, 7], '5/24/00'],
    ['unknown scope', [1, 0x11, 7], '5/24/00'],
    ['preempting nobody', [4, 1, 7, 0], '5/26/00'],
    ['preempting a stranger', [4, 1, 7, 8], 0x18],
    ['preempting oneself', [4, 1, 7, 7], 0],
  ] as const)('registered: %s', (_name, [action, type, own, target], expected) => {
    const bench = new Bench().start().ready();
    out(bench, 0, 0, 0, 7);
    expect(out(bench, action, type, own, target)).toBe(expected);
  });

  test('RESERVE(6) conflicts with a registration', () => {
    const bench = new Bench().start().ready();
    expect(bench.command('16 00 00 00 00 00').status).toBe(0);
    out(bench, 0, 0, 0, 7);
    expect(bench.command('16 00 00 00 00 00')).toMatchObject({ status: 0x18, senseLen: 0, response: 0 });
  });

  test('REPORT CAPABILITIES', () => {
    expect(read(new Bench().start().ready(), 2, 8)).toBe('00 08 00 80 ea 01 00 00');
  });

  test('a list of the wrong length', () => {
    const reply = new Bench()
      .start()
      .ready()
      .command('5f 00 00 00 00 00 00 00 10 00', { dataOut: list(0, 1) });
    expect(triple(reply.sense)).toBe('5/1a/00');
  });
});
