import { describe, expect, test } from 'vitest';
import type { Exchange } from '../../src/harness/exchange.js';
import { Flights } from '../../src/run/flights.js';

/** An exchange that came back, or with neither number is still out. */
function exchange(queue: number, returned?: number, look?: number): Exchange {
  return {
    queue,
    placed: { in: [], out: [] } as unknown as Exchange['placed'],
    chain: {} as Exchange['chain'],
    ...(returned !== undefined && { returned }),
    ...(look !== undefined && { look }),
  };
}

describe('order of returns', () => {
  const asked = exchange(0, 5, 3);
  test.each([
    ['earlier on the same queue', exchange(0, 4, 3), true, true],
    ['later on the same queue, by the same look', exchange(0, 6, 3), false, false],
    ['by an earlier look on another queue', exchange(2, 4, 2), true, true],
    ['by the same look on another queue, read after it', exchange(2, 6, 3), true, false],
    ['by the same look on another queue, read before it', exchange(2, 4, 3), true, false],
    ['by a later look', exchange(2, 6, 4), false, false],
    ['not yet', exchange(2), false, false],
  ])('%s', (_name, other, possibly, surely) => {
    const flights = new Flights();
    flights.add('other', { kind: 'command', exchange: other, staged: false, judged: false });
    expect([true, false].map((lenient) => flights.returnedBefore(asked, lenient).has('other'))).toEqual([
      possibly,
      surely,
    ]);
  });
});
