import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** How long a test may take, in milliseconds: long enough for a busy machine, since only a hang is to be found by it. */
const LIMIT = 300_000;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: LIMIT,
    hookTimeout: LIMIT,
    // Left to itself, Vitest keeps one processor for its own process, which has next to nothing to do.
    maxWorkers: availableParallelism(),
  },
});
