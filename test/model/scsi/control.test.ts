import { describe, expect, test } from 'vitest';
import { Bench, concat, hex, le, toHex } from '../bench.js';

const UNIT_0 = '01 00 00 00 00 00 00 00';
const READ = '28 00 00 00 00 00 00 00 01 00';

function tmf(bench: Bench, subtype: number, lun = UNIT_0, tag = 0n) {
  return bench.send(0, [concat(le(0, 4), le(subtype, 4), hex(lun), le(tag, 8))], [1]);
}
function read(bench: Bench, tag: bigint, lun = UNIT_0, queue = 2) {
  return bench.send(queue, [Bench.request(READ, { tag, lun })], [108 + 512]);
}

describe('task management', () => {
  test.each([
    ['ABORT TASK, nothing there', 0, UNIT_0, 0],
    ['ABORT TASK SET', 1, UNIT_0, 0],
    ['CLEAR ACA', 2, UNIT_0, 11],
    ['CLEAR TASK SET', 3, UNIT_0, 0],
    ['I_T NEXUS RESET', 4, UNIT_0, 0],
    ['I_T NEXUS RESET ignores the unit', 4, '01 00 40 77 00 00 00 00', 0],
    ['LOGICAL UNIT RESET', 5, UNIT_0, 0],
    ['QUERY TASK, nothing there', 6, UNIT_0, 0],
    ['QUERY TASK SET, nothing there', 7, UNIT_0, 0],
    ['unknown function', 8, UNIT_0, 11],
    ['missing unit', 5, '01 00 00 09 00 00 00 00', 12],
    ['missing target', 5, '01 09 00 00 00 00 00 00', 3],
    ['nexus of a missing target', 4, '01 09 00 00 00 00 00 00', 3],
  ])('%s', (_name, subtype, lun, response) => {
    const sent = tmf(new Bench().start(), subtype, lun);
    expect([sent.used(), ...sent.in()]).toEqual([1, response]);
  });

  test.each([
    [0, 'ABORT TASK', [2, undefined, undefined]],
    [1, 'ABORT TASK SET', [2, 2, undefined]],
    [3, 'CLEAR TASK SET', [2, 2, undefined]],
    [4, 'I_T NEXUS RESET', [4, 4, 4]],
    [5, 'LOGICAL UNIT RESET', [4, 4, undefined]],
    [6, 'QUERY TASK', [undefined, undefined, undefined]],
    [7, 'QUERY TASK SET', [undefined, undefined, undefined]],
  ])('%i %s completes what it selects, before itself', (subtype, name, expected) => {
    const bench = new Bench().start().ready().ready('01 00 00 01 00 00 00 00');
    bench.model.hold(0, 0);
    bench.model.hold(0, 1);
    const tasks = [
      read(bench, 0x1_0000_0001n),
      read(bench, 0x2_0000_0001n, '01 00 40 00 00 00 00 00', 3),
      read(bench, 0x1_0000_0001n, '01 00 00 01 00 00 00 00'),
    ];
    const sent = tmf(bench, subtype, UNIT_0, 0x1_0000_0001n);
    expect(sent.in()[0]).toBe(name.startsWith('QUERY') ? 10 : 0);
    expect(tasks.map((task) => (task.used() === undefined ? undefined : Bench.reply(task).response))).toEqual(
      expected,
    );
    bench.model.release(0, 0);
    bench.model.release(0, 1);
    expect(tasks.every((task) => task.used() !== undefined)).toBe(true);
  });

  test('a reset unit reports unit attention', () => {
    const bench = new Bench().start().ready();
    tmf(bench, 5);
    expect(bench.command('00 00 00 00 00 00').sense[12]).toBe(0x29);
  });
});

describe('asynchronous notification', () => {
  test.each([
    ['query', 1, UNIT_0, '00 00 00 00 00'],
    ['subscribe', 2, UNIT_0, '00 00 00 00 00'],
    ['missing unit', 1, '01 00 00 09 00 00 00 00', '00 00 00 00 0c'],
    ['missing target', 2, '01 09 00 00 00 00 00 00', '00 00 00 00 03'],
  ])('%s', (_name, type, lun, expected) => {
    const bench = new Bench().start();
    const sent = bench.send(0, [concat(le(type, 4), hex(lun), le(0x7e, 4))], [5]);
    expect([sent.used(), toHex(sent.in())]).toEqual([5, expected]);
  });
});

test.each([
  ['unknown type', concat(le(3, 4), new Uint8Array(20)), [1]],
  ['short request', le(0, 4), [1]],
  ['no type at all', Uint8Array.of(0), [1]],
])('%s: FAILURE', (_name, bytes, writable) => {
  const sent = new Bench().start().send(0, [bytes], writable);
  expect([sent.used(), ...sent.in()]).toEqual([1, 9]);
});

describe('events', () => {
  const HOTPLUG = 1n << 1n;
  const CHANGE = 1n << 2n;
  const extra = {
    target: 3,
    unit: 300,
    kind: 'disk',
    serial: 'X',
    blockSize: 512,
    blocks: 64n,
    thin: true,
    delay: 0,
  } as const;

  test('plug and unplug', () => {
    const bench = new Bench().start(HOTPLUG);
    const first = bench.send(1, [], [16]);
    const second = bench.send(1, [], [20]);
    expect(first.used()).toBeUndefined();
    bench.model.plug(extra);
    expect([first.used(), toHex(first.in())]).toEqual([
      16,
      '01 00 00 00 01 03 41 2c 00 00 00 00 01 00 00 00',
    ]);
    bench.model.unplug(3, 300);
    expect(second.used()).toBe(16);
    expect(toHex(second.in())).toBe('01 00 00 00 01 03 41 2c 00 00 00 00 02 00 00 00 a5 a5 a5 a5');
    expect(bench.command('12 00 00 00 24 00', { lun: '01 03 41 2c 00 00 00 00', dataIn: 36 }).response).toBe(
      3,
    );
  });

  test('no transport event without F_HOTPLUG', () => {
    const bench = new Bench().start();
    const sent = bench.send(1, [], [16]);
    bench.model.plug(extra);
    expect(sent.used()).toBeUndefined();
  });

  test('a loss is told once', () => {
    const bench = new Bench().start(HOTPLUG);
    bench.model.plug(extra);
    const sent = [1, 2].map(() => bench.send(1, [], [16]));
    expect(toHex(sent[0]?.in() ?? new Uint8Array()).slice(0, 11)).toBe('00 00 00 80');
    bench.model.unplug(3, 300);
    expect(toHex(sent[1]?.in() ?? new Uint8Array()).slice(0, 11)).toBe('01 00 00 00');
  });

  test('resize: PARAM_CHANGE and unit attention', () => {
    const bench = new Bench().start(CHANGE).ready();
    const sent = bench.send(1, [], [16]);
    bench.model.resize(0, 0, 100n);
    expect(toHex(sent.in())).toBe('03 00 00 00 01 00 00 00 00 00 00 00 2a 09 00 00');
    const reply = bench.command('00 00 00 00 00 00');
    expect([reply.sense[2], reply.sense[12], reply.sense[13]]).toEqual([6, 0x2a, 9]);
  });

  test('a reset from outside: commands end with RESET, then the event, and unit attention', () => {
    const bench = new Bench().start(HOTPLUG).ready();
    const sent = bench.send(1, [], [16]);
    bench.model.hold(0, 0);
    const task = read(bench, 1n);
    bench.model.resetUnit(0, 0);
    bench.model.release(0, 0);
    expect(Bench.reply(task).response).toBe(4);
    expect(toHex(sent.in())).toBe('01 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00');
    expect(bench.command('00 00 00 00 00 00').sense[12]).toBe(0x29);
  });

  test('a new neighbour raises 3F/0E, which REPORT LUNS clears', () => {
    const bench = new Bench().start().ready();
    bench.model.plug({ ...extra, target: 0, unit: 2 });
    bench.command('a0 00 00 00 00 00 00 00 00 08 00 00', { dataIn: 8 });
    expect(bench.command('00 00 00 00 00 00').status).toBe(0);
  });
});

describe('outstanding commands', () => {
  test('a device reset completes them with FAILURE, and nothing afterwards', () => {
    const bench = new Bench().start().ready();
    bench.model.hold(0, 0);
    const task = read(bench, 1n);
    bench.common(20, 1, 0);
    expect(Bench.reply(task).response).toBe(9);
    bench.model.release(0, 0);
    expect(bench.queue(2).usedIdx).toBe(2);
  });

  test('a queue reset drops them', () => {
    const bench = new Bench().start(1n << 40n).ready();
    bench.model.hold(0, 0);
    const task = read(bench, 1n);
    bench.common(22, 2, 2);
    bench.common(58, 2, 1);
    bench.model.release(0, 0);
    expect(task.used()).toBeUndefined();
  });

  test('delay is virtual time', () => {
    const config = { units: [{ ...Bench.disk, delay: 5000 }] };
    const bench = new Bench({ config }).start();
    const sent = bench.send(2, [Bench.request('12 00 00 00 24 00')], [144]);
    bench.model.clock.step(4999);
    expect(sent.used()).toBeUndefined();
    bench.model.clock.step(1);
    expect([sent.used(), bench.model.clock.now()]).toEqual([144, 5000]);
  });
});
