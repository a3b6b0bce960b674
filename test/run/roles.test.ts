import { expect, test } from 'vitest';
import type { ProbedUnit } from '../../src/run/probe.js';
import { bindRoles } from '../../src/run/roles.js';

const unit = (number: number, limits: Record<string, bigint>): ProbedUnit => ({
  profile: { kind: 'disk', target: 0, unit: number },
  pqPdt: 0,
  deviceType: 0,
  version: 6,
  blocks: 1024,
  blockSize: 512,
  serial: undefined,
  scratch: false,
  listed: undefined,
  vpdPages: [],
  limits,
});

test('a unit with protection information for parts of a block plays no role of protected units', () => {
  const halved = unit(1, { protection_type: 1n, protection_exponent: 1n });
  const whole = unit(2, { protection_type: 1n, protection_exponent: 0n });
  const bound = (units: ProbedUnit[]) =>
    bindRoles(units).map(({ role, unit: { profile } }) => [role, profile.unit]);
  expect(bound([unit(0, {}), halved])).toEqual([
    ['disk', 0],
    ['disk2', 1],
  ]);
  expect(bound([unit(0, {}), halved, whole])).toContainEqual(['disk-pi', 2]);
});
