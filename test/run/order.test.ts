/** The verdict of a case does not depend on what ran before it. */
import { expect, test } from 'vitest';
import { hashOfText } from '../../src/run/hash.js';
import { executionOrder } from '../../src/run/order.js';
import { baseOf } from '../../src/run/select.js';
import { FULL } from '../full.js';
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

/** One that does both is as good as two, as far as one run can tell. */
const ORDERS = FULL
  ? [{ reverse: true }, { shuffle: 1 }, { shuffle: 2 }, { shuffle: 3 }]
  : [{ reverse: true, shuffle: 1 }];
/** Alone means on a device of its own, which takes longer than most cases: one in so many. */
const ALONE_IN = FULL ? 1 : 10;

test('every case of the suite has the same verdict backwards, shuffled and alone', async () => {
  const run = await runOnModel({ seed: 1 });
  const forwards = verdicts(run);
  expect(forwards.length).toBeGreaterThanOrEqual(10);
  for (const order of ORDERS)
    expect(verdicts(await runOnModel({ seed: 1, order })), JSON.stringify(order)).toEqual(forwards);
  const only = (id: string) => hashOfText(id) % ALONE_IN === 0;
  const some = verdicts({ results: run.results.filter(({ id }) => only(baseOf(id))) });
  expect(verdicts(await runEachAlone({ seed: 1, only })), 'alone').toEqual(some);
});
