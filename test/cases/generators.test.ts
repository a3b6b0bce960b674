import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  crc16T10Dif,
  prngBytes,
  protectionBytes,
  splitmix64,
  stampBytes,
} from '../../src/cases/generators.js';
import { derivedLevel, type Requirement, readRequirements } from '../../src/cases/requirements.js';
import { didYouMean, editDistance, nearest } from '../../src/cases/suggest.js';
import { hex } from './support.js';

test('a stamped block carries its address, the seed and the offset in every 16 bytes', () => {
  const bytes = stampBytes(3n, 0x1_0000_0002n, 40, 80);
  expect(bytes.subarray(0, 40)).toEqual(
    hex('0000000100000002 00000003 00000000 0000000100000002 00000003 00000010 0000000100000002'),
  );
  expect(bytes.subarray(40, 56)).toEqual(hex('0000000100000003 00000003 00000000'));
  expect(stampBytes(3n, 5n, 512, 100)).toEqual(stampBytes(3n, 5n, 512, 512).subarray(0, 100));
});

test('the random stream is fixed for a seed, for ever', () => {
  expect(Buffer.from(prngBytes(1n, 8)).toString('hex')).toMatchInlineSnapshot(`"294991ee612b813a"`);
  expect(prngBytes(1n, 5)).toEqual(prngBytes(1n, 8).subarray(0, 5));
  expect(prngBytes(2n, 8)).not.toEqual(prngBytes(1n, 8));
  // First outputs of splitmix64 for seed 0, as published with the algorithm.
  const next = splitmix64(0n);
  expect([next(), next()]).toEqual([0xe220a8397b1dcdafn, 0x6e789e6aa1b965f4n]);
});

test('protection information', () => {
  expect(crc16T10Dif(Buffer.from('123456789'))).toBe(0xd0db);
  expect(protectionBytes(new Uint8Array(1024), 0xffff_ffffn, 512, 7)).toEqual(
    hex('00000007ffffffff0000000700000000'),
  );
});

test('near names', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('abc', 'ABC')).toBe(1.5);
  expect(nearest('READ10', ['READ(10)', 'READ(16)', 'WRITE(10)'])).toBe('READ(10)');
  expect(nearest('zebra', ['READ(10)', 'horse'])).toBeUndefined();
  expect(didYouMean('stats', ['status'])).toBe('; did you mean "status"?');
  expect(didYouMean('q', ['status'])).toBe('');
});

test('the catalogue is read the same line by line as by a YAML parser', () => {
  const text = readFileSync(new URL('../../spec-cases/requirements.yaml', import.meta.url), 'utf8');
  const whole = parse(text) as Requirement[];
  expect([...readRequirements(text).values()]).toEqual(
    whole.map(({ id, strength, kind, role, since }) => ({ id, strength, kind, role, since })),
  );
  const other = JSON.stringify(whole.slice(0, 3));
  expect(readRequirements(other).size).toBe(3);
  expect(() => readRequirements('- id: a.b\n  strength: MUST\n')).toThrow(/lacks id, strength/);
});

test('the strongest requirement on the device gives the level', () => {
  const registry = new Map(
    (
      [
        ['a', 'MUST NOT', 'normative', 'device'],
        ['b', 'SHOULD', 'normative', 'device'],
        ['c', 'MAY', 'normative', 'device'],
        ['d', 'INFO', 'format', 'device'],
        ['i', 'INFO', 'inferred', 'device'],
        ['e', 'MUST', 'normative', 'driver'],
      ] as const
    ).map(([id, strength, kind, role]) => [id, { id, strength, kind, role, since: '1.0' }]),
  );
  const cases = [
    [['a', 'b'], 'MUST'],
    [['b', 'c'], 'SHOULD'],
    [['c'], 'MAY'],
    // A format that the standard fixes binds as a MUST does; an inference is worth a warning at most.
    [['d'], 'MUST'],
    [['i', 'c'], 'SHOULD'],
    [['i', 'd'], 'MUST'],
    [['e'], undefined],
    [['x'], undefined],
    [[], undefined],
  ] as const;
  for (const [ids, level] of cases) expect(derivedLevel(ids, registry), ids.join()).toBe(level);
});
