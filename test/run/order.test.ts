/** The verdict of a case does not depend on what ran before it. */
import { expect, test } from 'vitest';
import { executionOrder } from '../../src/run/order.js';
import { runEachAlone, runOnModel, verdicts } from './in-process.js';

test('an order holds every number once, and is the same for the same wish', () => {
  const ascending = Array.from({ length: 100 }, (_, i) => i);
  expect(executionOrder(100, {})).toEqual(ascending);
  expect(executionOrder(100, { reverse: true })).toEqual([...ascending].reverse());
  const shuffled = executionOrder(100, { shuffle: 7 });
  expect(shuffled).not.toEqual(ascending);
  expect([...shuffled].sort((a, b) => a - b)).toEqual(ascending);
  expect(executionOrder(100, { shuffle: 7 })).toEqual(shuffled);
  expect(executionOrder(100, { shuffle: 8 })).not.toEqual(shuffled);
  expect(executionOrder(100, { shuffle: 7, reverse: true })).toEqual([...shuffled].reverse());
  expect(executionOrder(0, { shuffle: 1 })).toEqual([]);
});

test('every case of the suite has the same verdict backwards, shuffled and alone', {
  timeout: 300_000,
}, async () => {
  const forwards = verdicts(await runOnModel({ seed: 1 }));
  expect(forwards.length).toBeGreaterThanOrEqual(10);
  for (const order of [{ reverse: true }, { shuffle: 1 }, { shuffle: 2 }, { shuffle: 3 }])
    expect(verdicts(await runOnModel({ seed: 1, order })), JSON.stringify(order)).toEqual(forwards);
  expect(verdicts(await runEachAlone({ seed: 1 })), 'alone').toEqual(forwards);
});
