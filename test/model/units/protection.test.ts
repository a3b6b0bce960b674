import { describe, expect, test } from 'vitest';
import { crc16T10Dif } from '../../../src/cases/generators.js';
import { diskConfig } from '../../../src/model/model-config.js';
import { guardOf } from '../../../src/model/units/protection.js';
import { Bench, concat, le, toHex, triple } from '../bench.js';

const T10_PI = 1n << 3n;
const FEATURES = ['VIRTIO_F_VERSION_1', 'VIRTIO_SCSI_F_T10_PI'] as const;
const PROTECTED_WRITE = '2a 20 00 00 00 05 00 00 01 00';
const PROTECTED_READ = '28 20 00 00 00 05 00 00 01 00';
const NONE: Uint8Array = new Uint8Array(0);
const BLOCK: Uint8Array = new Uint8Array(512).fill(0xff);

test.each([
  ['123456789', 0xd0db],
  ['', 0],
  ['\u0000'.repeat(32), 0],
])('the guard of %j, by model and suite apart', (text, guard) => {
  const bytes = new TextEncoder().encode(text);
  expect(guardOf(bytes)).toBe(guard);
  expect(crc16T10Dif(bytes)).toBe(guard);
});

/** A live device with one protected disk. */
function bench(): Bench {
  const units = [diskConfig(0, 0, 'PI', { protection: 1 })];
  const made = new Bench({ config: { features: FEATURES, units } }).start(T10_PI);
  send(made, '00 00 00 00 00 00');
  return made;
}

function send(made: Bench, cdb: string, { piOut = NONE, piIn = 0, dataOut = NONE, dataIn = 0 } = {}) {
  const out = concat(Bench.request(cdb), le(piOut.length, 4), le(piIn, 4), piOut, dataOut);
  return Bench.reply(made.send(2, [out], [108 + piIn + dataIn]));
}

describe('a disk with protection information', () => {
  const guard = guardOf(BLOCK);
  const tuple = Uint8Array.of(guard >> 8, guard & 0xff, 0xab, 0xcd, 0, 0, 0, 5);

  test('keeps what it was given, and gives it before the data', () => {
    const made = bench();
    expect(send(made, PROTECTED_WRITE, { piOut: tuple, dataOut: BLOCK }).status).toBe(0);
    const { data } = send(made, PROTECTED_READ, { piIn: 8, dataIn: 512 });
    expect(toHex(data.subarray(0, 8))).toBe(toHex(tuple));
    expect(data.subarray(8)).toEqual(BLOCK);
  });

  test('makes its own for blocks that come without', () => {
    const made = bench();
    send(made, PROTECTED_WRITE, { piOut: tuple, dataOut: BLOCK });
    send(made, '2a 00 00 00 00 05 00 00 01 00', { dataOut: BLOCK });
    const { data } = send(made, PROTECTED_READ, { piIn: 8, dataIn: 512 });
    expect(toHex(data.subarray(2, 8))).toBe('00 00 00 00 00 05');
  });

  test.each([
    ['guard', 0, 'b/10/01'],
    ['reference tag', 7, 'b/10/03'],
  ])('refuses a wrong %s', (_, at, sense) => {
    const wrong = tuple.slice();
    wrong[at] = (wrong[at] ?? 0) ^ 1;
    expect(triple(send(bench(), PROTECTED_WRITE, { piOut: wrong, dataOut: BLOCK }).sense)).toBe(sense);
  });

  test('wants room for it', () => {
    expect(send(bench(), PROTECTED_READ, { dataIn: 512 }).response).toBe(1);
    expect(send(bench(), PROTECTED_WRITE, { dataOut: BLOCK }).response).toBe(1);
  });

  test('fails a request that counts more than it has', () => {
    const out = concat(Bench.request(PROTECTED_READ), le(9, 4), le(0, 4));
    expect(Bench.reply(bench().send(2, [out], [108])).response).toBe(9);
  });

  test('says what it has', () => {
    expect(send(bench(), '12 00 00 00 24 00', { dataIn: 36 }).data[5]).toBe(1);
    expect(send(bench(), '9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00', { dataIn: 32 }).data[12]).toBe(1);
    expect(send(bench(), '12 01 86 00 40 00', { dataIn: 64 }).data[4]).toBe(5);
  });
});

describe('type 2', () => {
  const units = [diskConfig(0, 0, 'PI', { protection: 2 })];
  const made = () => {
    const bench = new Bench({ config: { features: FEATURES, units } }).start(T10_PI);
    send(bench, '00 00 00 00 00 00');
    return bench;
  };
  const long = (action: string, protect: string, tag: string) =>
    `7f 00 00 00 00 00 00 18 00 ${action} ${protect} 00 00 00 00 00 00 00 00 05 00 00 00 ${tag} 00 00 00 00 00 00 00 01`;
  const guard = guardOf(BLOCK);
  const tuple = Uint8Array.of(guard >> 8, guard & 0xff, 0, 0, 0, 0, 0, 0x77);

  test('the 32-byte commands tell the reference tag, the shorter ones cannot', () => {
    const bench = made();
    expect(send(bench, long('0b', '20', '77'), { piOut: tuple, dataOut: BLOCK }).status).toBe(0);
    expect(toHex(send(bench, long('09', '20', '77'), { piIn: 8, dataIn: 512 }).data.subarray(0, 8))).toBe(
      toHex(tuple),
    );
    expect(triple(send(bench, long('09', '20', '78'), { piIn: 8, dataIn: 512 }).sense)).toBe('b/10/03');
    expect(triple(send(bench, PROTECTED_READ, { piIn: 8, dataIn: 512 }).sense)).toBe('5/20/00');
    expect(send(bench, '28 00 00 00 00 05 00 00 01 00', { dataIn: 512 }).status).toBe(0);
    expect(send(bench, long('0a', '20', '77')).status).toBe(0);
    expect(triple(send(bench, long('0a', '20', '78')).sense)).toBe('b/10/03');
  });

  test('a CDB that says another length is refused', () => {
    expect(triple(send(made(), long('09', '00', '00').replace('18', '10'), { dataIn: 512 }).sense)).toBe(
      '5/24/00',
    );
  });
});
