import { describe, expect, test } from 'vitest';
import { cdromConfig, diskConfig } from '../../../src/model/model-config.js';
import { Bench, concat, hex, le, type Reply, toHex, triple } from '../bench.js';

const CHANGE = 1n << 2n;
const CD = '01 01 00 00 00 00 00 00';
const READY = '00 00 00 00 00 00';
const EJECT = '1b 00 00 00 02 00';
const LOAD = '1b 00 00 00 03 00';
const EVENTS = '4a 01 00 00 10 00 00 00 08 00';

function drive(features = 0n): Bench {
  const units = [diskConfig(0, 0, 'D0'), cdromConfig(1, 0, 'CD')];
  return new Bench({ config: { units } }).start(features).ready().ready(CD);
}
const outcome = (reply: Reply) => (reply.status === 2 ? triple(reply.sense) : reply.status);
const ask = (bench: Bench, cdb: string, dataIn = 0) => bench.command(cdb, { lun: CD, dataIn });

describe('a CD-ROM drive', () => {
  test('blocks', () => {
    const bench = drive();
    expect(toHex(ask(bench, '25 00 00 00 00 00 00 00 00 00', 8).data)).toBe('00 00 03 ff 00 00 08 00');
    const data = ask(bench, '28 00 00 00 00 05 00 00 02 00', 4096).data;
    expect([data[7], data[2048 + 7], data[14]]).toEqual([5, 6, 4]);
    expect(outcome(ask(bench, '28 00 00 00 04 00 00 00 01 00', 2048))).toBe('5/21/00');
  });

  test('the medium goes and another comes', () => {
    const bench = drive();
    bench.model.eject(1, 0);
    expect(outcome(ask(bench, READY))).toBe('2/3a/02');
    expect(outcome(ask(bench, '25 00 00 00 00 00 00 00 00 00', 8))).toBe('2/3a/02');
    expect(toHex(ask(bench, EVENTS, 8).data)).toBe('00 06 04 10 03 01 00 00');
    bench.model.insert(1, 0, 'other');
    expect(outcome(ask(bench, READY))).toBe('6/28/00');
    expect(outcome(ask(bench, READY))).toBe(0);
    expect(toHex(ask(bench, EVENTS, 8).data)).toBe('00 06 04 10 02 02 00 00');
    expect(toHex(ask(bench, EVENTS, 8).data)).toBe('00 06 04 10 00 02 00 00');
    expect(toHex(ask(bench, '25 00 00 00 00 00 00 00 00 00', 8).data)).toBe('00 00 01 ff 00 00 08 00');
  });

  test('the driver opens and closes the tray, unless removal is prevented', () => {
    const bench = drive();
    ask(bench, '1e 00 00 00 01 00');
    expect(outcome(ask(bench, EJECT))).toBe('5/53/02');
    ask(bench, '1e 00 00 00 00 00');
    expect(outcome(ask(bench, EJECT))).toBe(0);
    expect(outcome(ask(bench, READY))).toBe('2/3a/02');
    expect(outcome(ask(bench, LOAD))).toBe(0);
    expect(outcome(ask(bench, READY))).toBe('6/28/00');
  });

  test('no class of events but that of the medium, and none without polling', () => {
    const bench = drive();
    expect(toHex(ask(bench, '4a 01 00 00 02 00 00 00 08 00', 8).data.subarray(0, 4))).toBe('00 02 80 10');
    expect(outcome(ask(bench, '4a 00 00 00 10 00 00 00 08 00', 8))).toBe('5/24/00');
  });

  test('a change of media is no PARAM_CHANGE, but an asynchronous event for who subscribed', () => {
    const bench = drive(CHANGE);
    const buffers = [1, 2].map(() => bench.send(1, [], [16]));
    bench.model.insert(1, 0, 'other');
    expect(buffers[0]?.used()).toBeUndefined();
    const subscribed = bench.send(0, [concat(le(2, 4), hex(CD), le(0x7e, 4))], [5]);
    expect(toHex(subscribed.in())).toBe('10 00 00 00 00');
    bench.model.eject(1, 0);
    bench.model.insert(1, 0, 'other');
    for (const buffer of buffers)
      expect(toHex(buffer.in())).toBe('02 00 00 00 01 01 00 00 00 00 00 00 10 00 00 00');
  });
});

test('only disks are resized, and media leave only units that let them', () => {
  const bench = drive();
  expect(() => bench.model.resize(1, 0, 1n)).toThrow('no disk');
  expect(() => bench.model.eject(0, 0)).toThrow('cannot be removed');
});
