/** Whatever a driver writes wherever, nothing is thrown, and after a reset the device serves again. */
import { expect, test } from 'vitest';
import { Random } from '../../src/model/random.js';
import { Bench } from './bench.js';

const WIDTHS = [1, 2, 4] as const;
const SEQUENCES = 60;
const STEPS = 120;

/** One random act of a driver that has lost its mind. */
function act(bench: Bench, random: Random, features: bigint): void {
  const width = WIDTHS[random.below(3)] ?? 1;
  const value = [random.next(), random.below(20), 0, 0xffff_ffff][random.below(4)] ?? 0;
  const cut = value % 256 ** width;
  switch (random.below(12)) {
    case 0:
      bench.common(random.below(64), width, cut);
      return;
    case 1:
      bench.reg(4, random.below(36), width, cut);
      return;
    case 2:
      bench.reg(2, random.below(20), width, cut);
      return;
    case 3:
      // Not the BARs: a function that cannot be reached would make the rest of the sequence idle.
      bench.cfg(0x40 + random.below(0xc0), width, cut);
      return;
    case 4:
      bench.reg(3, 0, 1);
      bench.common(random.below(64), width);
      return;
    case 5:
      // Most acts end in DEVICE_NEEDS_RESET, after which little happens.
      bench.start(features);
      return;
    default: {
      const queue = bench.queues.get(random.below(4));
      if (queue === undefined) return;
      const parts = [queue.desc, queue.avail, queue.used];
      const part = parts[random.below(3)];
      if (part) part.bytes[random.below(part.bytes.length)] = value & 0xff;
      if (random.below(2) === 0) queue.publish(random.below(queue.size + 1));
      bench.kick(queue.index);
    }
  }
}

test.each([1, 2, 3, 4])('seed %i', (seed) => {
  const random = new Random(seed);
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const features = (BigInt(random.next()) & 0x3000_0006n) | ((BigInt(random.next()) & 1n) << 40n);
    const bench = new Bench({ seed: random.next() }).start(features);
    for (let step = 0; step < STEPS; step++) act(bench, random, features);
    bench.model.clock.drain();
    bench.cfg(bench.msixAt + 2, 2, 0);
    expect(bench.start().ready().command('12 00 00 00 24 00', { dataIn: 36 })).toMatchObject({
      len: 144,
      status: 0,
      response: 0,
    });
  }
});
