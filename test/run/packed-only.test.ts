/** A device that takes no features without VIRTIO_F_RING_PACKED ("Feature Bits"). */
import { expect, test } from 'vitest';
import { hasFeature } from '../../src/wire/virtio.js';
import { runOnModel } from './in-process.js';

test('a device with packed rings alone is probed, and tested in the modes that it has', async () => {
  const { results } = await runOnModel({
    seed: 1,
    change: (behaviours) => {
      behaviours.featuresAccepted = (accepted, features) =>
        accepted && hasFeature(features, 'VIRTIO_F_RING_PACKED');
    },
    modes: ['pci.packed*'],
    only: (id) => /^(packed|spc\.inquiry|sbc\.read)\./.test(id),
  });
  expect(
    results.filter(({ verdict }) => verdict !== 'pass').map(({ id, mode, verdict }) => [id, mode, verdict]),
  ).toEqual([]);
  expect(results.length).toBeGreaterThan(300);
});
