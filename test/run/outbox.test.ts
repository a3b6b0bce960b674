import { expect, test } from 'vitest';
import { Outbox } from '../../src/run/outbox.js';

test('what comes soon after a message waits for what comes later', () => {
  const sent: (readonly number[])[] = [];
  let now = 0;
  const outbox = new Outbox<number>(
    (items) => void sent.push(items),
    10,
    () => now,
  );
  outbox.add(1);
  now = 9;
  outbox.add(2);
  expect(sent).toEqual([]);
  now = 10;
  outbox.add(3);
  expect(sent).toEqual([[1, 2, 3]]);
  now = 19;
  outbox.add(4);
  expect(sent).toHaveLength(1);
  outbox.flush();
  outbox.flush();
  expect(sent).toEqual([[1, 2, 3], [4]]);
});
