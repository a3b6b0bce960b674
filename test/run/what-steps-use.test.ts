/** What a case uses, told from its steps: the units that it addresses, and whether it sets queues up. */
import { describe, expect, test } from 'vitest';
import { addressedUnits } from '../../src/run/addressed-units.js';
import { usesQueues } from '../../src/run/uses-queues.js';
import { expandSteps } from '../cases/support.js';

const planOf = (steps: string, device = '') =>
  expandSteps(steps, `needs: [disk, cdrom, free-target]\n${device}`);

const READY = 'cdb: TEST UNIT READY';

describe('the units that a case addresses', () => {
  test.each<[string, string, readonly string[] | 'any']>([
    ['none', '- read: dev.status\n  expect: 0', []],
    ['by role', `- command: {lun: disk, ${READY}}`, ['disk']],
    ['in a repeat', `- repeat: {n: 1..2}\n  steps:\n    - command: {lun: cdrom, ${READY}}`, ['cdrom']],
    ['in a chain', `- chain: [{out: {request: {lun: disk, ${READY}}}}, {in: 108}]\n  queue: 2`, ['disk']],
    [
      'by numbers',
      `- command: {lun: {target: =free_target, unit: 0}, ${READY}}\n  expect: {response: BAD_TARGET}`,
      'any',
    ],
    ['by bytes', '- chain: [{out: "00*51"}, {in: 108}]\n  queue: 2\n  expect: {answer: any}', 'any'],
  ])('%s', (_, steps, units) => {
    const found = addressedUnits(planOf(steps).steps);
    expect(found === 'any' ? found : [...found]).toEqual(units);
  });
});

describe('queues', () => {
  const RESET = 'device: {state: reset}';
  test.each<[string, string, string, boolean]>([
    ['registers of a reset device', '- read: dev.status\n  expect: 0', RESET, false],
    ['registers of a live device', '- read: dev.status\n  expect: 0', '', true],
    [
      'features that are negotiated',
      '- setup: {until: features}\n- read: dev.status\n  expect: 11',
      RESET,
      true,
    ],
    ['a set-up short of features', '- setup: {until: driver}\n- read: dev.status\n  expect: 3', RESET, false],
    [
      'a set-up in a repeat',
      '- repeat: {n: 1..2}\n  steps:\n    - setup: {until: queues}\n- read: dev.status\n  expect: 11',
      RESET,
      true,
    ],
    ['a kick', '- kick: 2\n- read: dev.status\n  expect: 0', RESET, true],
  ])('%s', (_, steps, device, uses) => {
    expect(usesQueues(planOf(steps, device))).toBe(uses);
  });
});
