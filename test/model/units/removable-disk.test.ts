import { describe, expect, test } from 'vitest';
import { diskConfig } from '../../../src/model/model-config.js';
import { Bench, type Reply, toHex, triple } from '../bench.js';

const READY = '00 00 00 00 00 00';
const CAPACITY = '25 00 00 00 00 00 00 00 00 00';
const EJECT = '1b 00 00 00 02 00';
const LOAD = '1b 00 00 00 03 00';
const WRITE = '2a 00 00 00 00 05 00 00 01 00';
const READ = '28 00 00 00 00 05 00 00 01 00';
const BLOCK: Uint8Array = new Uint8Array(512).fill(0x5a);

const outcome = (reply: Reply) => (reply.status === 2 ? triple(reply.sense) : reply.status);

/** A live device with one removable disk. */
function removable(): Bench {
  const units = [diskConfig(0, 0, 'R', { blocks: 4096n, removable: true })];
  return new Bench({ config: { units } }).start().ready();
}

describe('a removable disk', () => {
  test('says so', () => {
    expect(removable().command('12 00 00 00 24 00', { dataIn: 36 }).data[1]).toBe(0x80);
  });

  test('ejects and loads its medium, with what is on it', () => {
    const bench = removable();
    bench.command(WRITE, { dataOut: BLOCK });
    expect(outcome(bench.command(EJECT))).toBe(0);
    for (const cdb of [READY, READ, CAPACITY])
      expect(outcome(bench.command(cdb, { dataIn: 512 }))).toBe('2/3a/00');
    expect(outcome(bench.command(LOAD))).toBe(0);
    expect(outcome(bench.command(READY))).toBe('6/28/00');
    expect(toHex(bench.command(READ, { dataIn: 512 }).data)).toBe(toHex(BLOCK));
  });

  test('keeps its medium while removal is prevented, until a reset', () => {
    const bench = removable();
    bench.command('1e 00 00 00 01 00');
    expect(outcome(bench.command(EJECT))).toBe('5/53/02');
    bench.model.resetUnit(0, 0);
    bench.ready();
    expect(outcome(bench.command(EJECT))).toBe(0);
  });

  test('cannot be started without a medium', () => {
    const bench = removable();
    bench.model.eject(0, 0);
    expect(outcome(bench.command('1b 00 00 00 01 00'))).toBe('2/3a/00');
  });

  test('takes another medium, of its own size and empty', () => {
    const bench = removable();
    bench.command(WRITE, { dataOut: BLOCK });
    bench.model.insert(0, 0, 'other');
    expect(outcome(bench.command(READY))).toBe('6/28/00');
    expect(toHex(bench.command(CAPACITY, { dataIn: 8 }).data)).toBe('00 00 07 ff 00 00 02 00');
    expect(bench.command(READ, { dataIn: 512 }).data.every((byte) => byte === 0)).toBe(true);
  });

  test('finds on its usual medium what it wrote there before another was in', () => {
    const bench = removable();
    bench.command(WRITE, { dataOut: BLOCK });
    bench.model.insert(0, 0, 'other');
    bench.ready();
    bench.model.eject(0, 0);
    bench.model.insert(0, 0, 'usual');
    bench.ready();
    expect(toHex(bench.command(READ, { dataIn: 512 }).data)).toBe(toHex(BLOCK));
  });
});

test('the medium of another disk cannot be taken out', () => {
  const bench = new Bench({ config: { units: [diskConfig(0, 0, 'D')] } }).start().ready();
  expect(() => bench.model.eject(0, 0)).toThrow('cannot be removed');
  expect(outcome(bench.command(EJECT))).toBe('5/24/00');
});
