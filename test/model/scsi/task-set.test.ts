import { describe, expect, test } from 'vitest';
import { TaskAttr } from '../../../src/wire/virtio-scsi.js';
import { Bench, concat, hex, le } from '../bench.js';

const READ = '28 00 00 00 00 00 00 00 01 00';
const TEST_UNIT_READY = '00 00 00 00 00 00';
const UNIT_0 = '01 00 00 00 00 00 00 00';
const { SIMPLE, ORDERED, HEAD, ACA } = TaskAttr;

/** A live device, and the tags of the commands in the order in which they are answered. */
function recorded(): { bench: Bench; answered: bigint[] } {
  const answered: bigint[] = [];
  const adjust = (behaviours: { answer: unknown }) => {
    behaviours.answer = (answer: unknown, task: { tag: bigint }) => {
      answered.push(task.tag);
      return answer;
    };
  };
  const bench = new Bench({ adjust }).start().ready();
  answered.length = 0;
  return { bench, answered };
}

function send(bench: Bench, attr: number, tag: number, cdb = READ, dataIn = 512) {
  const request = Bench.request(cdb, { attr, tag: BigInt(tag) });
  return bench.send(2, [request], dataIn > 0 ? [108, dataIn] : [108]);
}

/** The order in which commands with these attributes, told apart by their places, are answered. */
function order(attributes: readonly number[]): number[] {
  const { bench, answered } = recorded();
  bench.model.hold(0, 0);
  attributes.forEach((attribute, at) => {
    send(bench, attribute, at);
  });
  expect(answered).toEqual([]);
  bench.model.release(0, 0);
  return answered.map(Number);
}

describe('commands that wait', () => {
  test.each([
    ['SIMPLE in order of arrival', [SIMPLE, SIMPLE, SIMPLE], [0, 1, 2]],
    ['HEAD OF QUEUE before SIMPLE', [SIMPLE, SIMPLE, HEAD], [2, 0, 1]],
    ['HEAD OF QUEUE before ORDERED', [SIMPLE, ORDERED, HEAD], [2, 0, 1]],
    ['several HEAD OF QUEUE', [SIMPLE, HEAD, HEAD], [1, 2, 0]],
    ['ORDERED between', [SIMPLE, ORDERED, SIMPLE, ORDERED, SIMPLE], [0, 1, 2, 3, 4]],
    ['undefined ones as SIMPLE', [ORDERED, 0xff, HEAD], [2, 0, 1]],
  ])('%s', (_name, attributes, expected) => {
    expect(order(attributes)).toEqual(expected);
  });

  test('what is behind an ORDERED command starts when that was aborted', () => {
    const { bench, answered } = recorded();
    bench.model.hold(0, 0);
    send(bench, ORDERED, 7);
    send(bench, SIMPLE, 8);
    bench.send(0, [concat(le(0, 4), le(0, 4), hex(UNIT_0), le(7n, 8))], [1]);
    expect(answered).toEqual([7n]);
    bench.model.release(0, 0);
    expect(answered).toEqual([7n, 8n]);
  });

  test('a function for all of them starts none on the way', () => {
    const { bench, answered } = recorded();
    bench.model.hold(0, 0);
    const sent = [send(bench, ORDERED, 1), send(bench, SIMPLE, 2)];
    bench.send(0, [concat(le(0, 4), le(1, 4), hex(UNIT_0), le(0n, 8))], [1]);
    expect(sent.map((each) => Bench.reply(each).response)).toEqual([2, 2]);
    expect(answered).toEqual([1n, 2n]);
  });
});

test('ACA is refused, since no unit has such a condition, and the next command is served', () => {
  const { bench } = recorded();
  const reply = Bench.reply(send(bench, ACA, 1, TEST_UNIT_READY, 0));
  expect([reply.status, reply.sense[2], reply.sense[12]]).toEqual([2, 5, 0x49]);
  expect(Bench.reply(send(bench, SIMPLE, 2, TEST_UNIT_READY, 0)).status).toBe(0);
});
