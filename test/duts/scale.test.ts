/** Devices with many units. */
import { expect, test } from 'vitest';
import { modelAdapter, scaledConfig } from '../../src/duts/model/adapter.js';
import { fillUp } from '../../src/duts/scale.js';

const OWN = [
  { target: 0, unit: 0 },
  { target: 0, unit: 1 },
  { target: 1, unit: 0 },
];

test('what is missing is spread evenly, and no address is used twice', () => {
  const { own, added } = fillUp(OWN, { targets: 64, units: 512 });
  expect(own).toEqual(OWN);
  const addresses = [...own, ...added].map(({ target, unit }) => `${target}:${unit}`);
  expect(new Set(addresses).size).toBe(512);
  for (let target = 0; target < 64; target++)
    expect([...own, ...added].filter((each) => each.target === target)).toHaveLength(8);
});

test('a device with fewer units than usual', () => {
  expect(fillUp(OWN, { targets: 1, units: 1 })).toEqual({ own: OWN.slice(0, 1), added: [] });
});

test('the model says what it has, and what is free', async () => {
  const config = scaledConfig({ targets: 64, units: 512 });
  const { profile } = await modelAdapter({ seed: 1, config }).start();
  expect(profile.units).toHaveLength(512);
  expect(profile).toMatchObject({ freeTarget: 64, freeUnit: { target: 0, unit: 8 } });
});
