import { expect, test } from 'vitest';
import type { Exchange } from '../../src/harness/exchange.js';
import { BeyondLimits, keepToCommands, keepToSegments } from '../../src/harness/limits.js';
import type { ChainElement } from '../../src/harness/ring.js';
import { encodeLun } from '../../src/wire/lun.js';
import { QueueIndex } from '../../src/wire/virtio-scsi.js';

const piece = (writable: boolean): ChainElement => ({ iova: 0n, length: 1, writable });
const pieces = (readable: number, writable: number): ChainElement[] => [
  ...Array.from({ length: readable }, () => piece(false)),
  ...Array.from({ length: writable }, () => piece(true)),
];

test.each([
  ['header and answer beside the data', pieces(1, 4)],
  ['data in both directions', pieces(4, 4)],
  ['a table', [{ ...piece(false), table: pieces(1, 4) }]],
])('as many segments as seg_max says are fine: %s', (_, elements) => {
  expect(() => keepToSegments(elements, { seg_max: 3, cmd_per_lun: 1 })).not.toThrow();
  expect(() => keepToSegments(elements, { seg_max: 0, cmd_per_lun: 1 })).not.toThrow();
  expect(() => keepToSegments(elements, { seg_max: 2, cmd_per_lun: 1 })).toThrow(BeyondLimits);
});

const command = (unit: number, queue: number = QueueIndex.REQUEST): Exchange =>
  ({ queue, placed: { out: [{ initial: encodeLun(0, unit) }] } }) as unknown as Exchange;
const flying = (...exchanges: Exchange[]) => new Map(exchanges.map((each) => [each, each]));
const limits = { seg_max: 1, cmd_per_lun: 2 };

test('commands are counted for each unit, over all queues', () => {
  const others = flying(command(0), command(0, QueueIndex.REQUEST + 1));
  expect(() => keepToCommands(others, [command(1)], limits)).not.toThrow();
  expect(() => keepToCommands(others, [command(0)], limits)).toThrow(/cmd_per_lun/);
  expect(() => keepToCommands(others, [command(0)], { ...limits, cmd_per_lun: 0 })).not.toThrow();
});

test('what is for no unit is not counted', () => {
  const control = Array.from({ length: 3 }, () => command(0, QueueIndex.CONTROL));
  expect(() => keepToCommands(flying(), control, limits)).not.toThrow();
});
