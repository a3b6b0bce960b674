/** Devices that keep to the standards and are unlike the usual ones: no case may blame them. */
import { expect, test } from 'vitest';
import { DEFAULT_MODEL_CONFIG } from '../../src/model/model-config.js';
import { resultKey } from '../../src/run/modes.js';
import { type CaseResult, RED } from '../../src/run/results.js';
import { runOnModel } from './in-process.js';
import { UNUSUAL_DEVICES } from './unusual-devices.js';

const blame = (result: CaseResult): string =>
  `${resultKey(result)}: ${result.findings.map(({ expected, got }) => `${expected}, got ${got}`).join('; ')}`;

test.each(UNUSUAL_DEVICES)('$name', async ({ config, change, atLeast }) => {
  const { results } = await runOnModel({
    seed: 7,
    config: { ...DEFAULT_MODEL_CONFIG, ...config },
    ...(change && { change }),
  });
  const red = results.filter(({ verdict }) => RED.has(verdict));
  expect(red.map(blame)).toEqual([]);
  expect(results.filter(({ verdict }) => verdict !== 'skip').length).toBeGreaterThan(atLeast);
});
