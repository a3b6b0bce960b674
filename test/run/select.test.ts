import { expect, test } from 'vitest';
import { idMatcher } from '../../src/run/select.js';

test.each([
  [[], 'any.id', true],
  [['scsi.req.*'], 'scsi.req.overrun', true],
  [['scsi.req.*'], 'scsi.config.x', false],
  [['a.b'], 'a.b', true],
  [['a.b'], 'a.b[READ(10),4]', true],
  [['a.b'], 'a.b.c', false],
  [['a.b[READ(10),4]'], 'a.b[READ(10),4]', true],
  [['a.b[READ(10),?]'], 'a.b[READ(10),8]', true],
  [['a.b[READ(10),?]'], 'a.b[READ(10),16]', false],
  [['aXb'], 'a.b', false],
  [['a.b'], 'aXb', false],
  [['x', '*.b'], 'a.b', true],
] as const)('%j selects %s: %s', (globs, id, selected) => {
  expect(idMatcher(globs)(id)).toBe(selected);
});
