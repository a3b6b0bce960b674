/** Whatever a driver writes wherever, nothing is thrown, and after a reset the device serves again. */
import { expect, test } from 'vitest';
import { Random } from '../../src/model/random.js';
import { Bench } from './bench.js';
import { LegacyMmioBench, MmioBench } from './mmio/mmio-bench.js';
import { LegacyPciBench } from './pci/legacy-bench.js';

const WIDTHS = [1, 2, 4] as const;
const SEQUENCES = 60;
const STEPS = 120;

/** A way to the model, and the registers that a driver can write at random there. */
interface Way {
  make(seed: number): Bench;
  poke(bench: Bench, random: Random, width: 1 | 2 | 4, value: number): void;
}

const modernPoke: Way['poke'] = (bench, random, width, value) => {
  switch (random.below(5)) {
    case 0:
      bench.common(random.below(64), width, value);
      return;
    case 1:
      bench.reg(4, random.below(36), width, value);
      return;
    case 2:
      bench.reg(2, random.below(20), width, value);
      return;
    case 3:
      // Not the BARs: a function that cannot be reached would make the rest of the sequence idle.
      bench.cfg(0x40 + random.below(0xc0), width, value);
      return;
    default:
      bench.reg(3, 0, 1);
      bench.common(random.below(64), width);
  }
};

const mmioPoke: Way['poke'] = (bench, random, width, value) => {
  const at = random.below(0x140);
  (bench as MmioBench).mmio(at, value, width);
  (bench as MmioBench).mmio(at & ~3);
};

/** Queues in whole pages, each start anew, take more memory. */
const PAGED = { regions: [0x200000, 0x200000] };

const WAYS: Readonly<Record<string, Way>> = {
  pci: { make: (seed) => new Bench({ seed }), poke: modernPoke },
  'pci-legacy': {
    make: (seed) => new LegacyPciBench({ seed, config: PAGED }),
    poke: (bench, random, width, value) => {
      if (random.below(3) === 0) modernPoke(bench, random, width, value);
      else (bench as LegacyPciBench).io(random.below(64 - 4), width, value);
    },
  },
  mmio: { make: (seed) => new MmioBench({ seed }), poke: mmioPoke },
  'mmio-legacy': { make: (seed) => new LegacyMmioBench({ seed, config: PAGED }), poke: mmioPoke },
};

/** One random act of a driver that has lost its mind. */
function act(bench: Bench, random: Random, features: bigint, poke: Way['poke']): void {
  const width = WIDTHS[random.below(3)] ?? 1;
  const value = [random.next(), random.below(20), 0, 0xffff_ffff][random.below(4)] ?? 0;
  const kind = random.below(12);
  if (kind < 5) {
    poke(bench, random, width, value % 256 ** width);
  } else if (kind === 5) {
    // Most acts end in DEVICE_NEEDS_RESET, after which little happens.
    bench.start(features);
  } else {
    const queue = bench.queues.get(random.below(4));
    if (queue === undefined) return;
    const parts = [queue.desc, queue.avail, queue.used];
    const part = parts[random.below(3)];
    if (part) part.bytes[random.below(part.bytes.length)] = value & 0xff;
    if (random.below(2) === 0) queue.publish(random.below(queue.size + 1));
    bench.kick(queue.index);
  }
}

const runs = Object.keys(WAYS).flatMap((name) => [1, 2, 3].map((seed) => [name, seed] as const));

test.each(runs)('%s, seed %i', (name, seed) => {
  const { make, poke } = WAYS[name] as Way;
  const random = new Random(seed);
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const features = (BigInt(random.next()) & 0x3000_0006n) | ((BigInt(random.next()) & 1n) << 40n);
    const bench = make(random.next()).start(features);
    for (let step = 0; step < STEPS; step++) act(bench, random, features, poke);
    bench.model.clock.drain();
    if (bench.msixAt > 0) bench.cfg(bench.msixAt + 2, 2, 0);
    expect(bench.start().ready().command('12 00 00 00 24 00', { dataIn: 36 })).toMatchObject({
      len: 144,
      status: 0,
      response: 0,
    });
  }
});
