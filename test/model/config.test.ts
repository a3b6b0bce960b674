import { expect, test } from 'vitest';
import { Model } from '../../src/model/model.js';
import { DEFAULT_MODEL_CONFIG, diskConfig, type ModelConfig } from '../../src/model/model-config.js';
import { Bench } from './bench.js';

test.each<[string, Partial<ModelConfig>]>([
  ['queue size', { queueSize: 100 }],
  ['unit twice', { units: [diskConfig(0, 0, 'A'), diskConfig(0, 0, 'B')] }],
  ['target', { units: [diskConfig(256, 0, 'A')] }],
  ['block size', { units: [diskConfig(0, 0, 'A', { blockSize: 520 })] }],
  ['region', { regions: [2 ** 32] }],
])('a wrong %s is refused', (_name, config) => {
  expect(() => new Model({ ...DEFAULT_MODEL_CONFIG, ...config }, 1)).toThrow(
    expect.objectContaining({ name: 'ModelConfigError' }),
  );
});

test.each<[string, Partial<ModelConfig>]>([
  ['no MSI-X', { vectors: 0 }],
  ['a kick address for all queues', { notifyMultiplier: 0 }],
  ['far kick addresses', { notifyMultiplier: 512 }],
  ['one small queue', { requestQueues: 2, queueSize: 16 }],
  ['one region', { regions: [0x80000] }],
  ['four regions', { regions: [0x40000, 0x40000, 0x40000, 0x40000] }],
  ['many units', { units: Array.from({ length: 300 }, (_, unit) => diskConfig(5, unit, `U${unit}`)) }],
])('the model works with %s', (_name, config) => {
  const bench = new Bench({ config }).start();
  const lun = config.units ? '01 05 41 2b 00 00 00 00' : '01 00 00 00 00 00 00 00';
  expect(bench.command('12 00 00 00 24 00', { lun, dataIn: 36 })).toMatchObject({ status: 0, response: 0 });
  expect(bench.msixAt === 0).toBe(config.vectors === 0);
});
