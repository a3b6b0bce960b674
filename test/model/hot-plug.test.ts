import { expect, test } from 'vitest';
import { cdromConfig, diskConfig } from '../../src/model/model-config.js';
import { Bench, triple } from './bench.js';

const HOTPLUG = 1n << 1n;
const READ = '28 00 00 00 00 05 00 00 01 00';
const CAPACITY = '25 00 00 00 00 00 00 00 00 00';
const NEW = '01 00 00 02 00 00 00 00';

const started = () =>
  new Bench({ config: { units: [diskConfig(0, 0, 'D0'), cdromConfig(1, 0, 'CD')] } }).start(HOTPLUG);
const lastBlock = (bench: Bench, lun: string) =>
  Number(new DataView(bench.command(CAPACITY, { lun, dataIn: 8 }).data.buffer).getUint32(0));

test('a unit that comes back has its medium, and tells of power on', () => {
  const bench = started().ready();
  bench.model.plug(diskConfig(0, 2, 'X'));
  bench.ready(NEW);
  bench.command('2a 00 00 00 00 05 00 00 01 00', { lun: NEW, dataOut: new Uint8Array(512).fill(7) });
  bench.model.unplug(0, 2);
  expect(bench.command(READ, { lun: NEW, dataIn: 512 }).sense[12]).toBe(0x25);
  bench.model.replug(0, 2);
  expect(triple(bench.command('00 00 00 00 00 00', { lun: NEW }).sense)).toBe('6/29/00');
  expect(bench.command(READ, { lun: NEW, dataIn: 512 }).data[511]).toBe(7);
});

test('commands in flight come back when their unit goes, and it is not held any more when it returns', () => {
  const bench = started().ready();
  bench.model.hold(0, 0);
  const sent = bench.send(2, [Bench.request(READ)], [108 + 512]);
  bench.model.unplug(0, 0);
  expect(Bench.reply(sent).response).toBe(9);
  bench.model.replug(0, 0);
  bench.ready();
  expect(bench.command(READ, { dataIn: 512 }).status).toBe(0);
  expect(() => bench.model.release(0, 5)).not.toThrow();
});

test('a power cycle leaves units, sizes and media as they are', () => {
  const bench = started();
  bench.model.plug(diskConfig(0, 2, 'X'));
  bench.model.resize(0, 0, 77n);
  bench.model.insert(1, 0, 'other');
  bench.model.powerCycle();
  bench.model.resize(0, 2, 66n);
  expect(() => bench.model.plug(diskConfig(0, 0, 'Y'))).toThrow('exists already');
  bench.model.unplug(0, 0);
  expect(() => bench.model.unplug(0, 0)).toThrow('there is no unit');
  expect(() => bench.model.replug(3, 0)).toThrow('was removed');
});

test('a disk that was resized tells its new size', () => {
  const config = { units: [diskConfig(0, 0, 'D0', { blocks: 99n })] };
  const bench = new Bench({ config }).start().ready();
  bench.model.resize(0, 0, 50n);
  bench.ready();
  expect(lastBlock(bench, '01 00 00 00 00 00 00 00')).toBe(49);
});
