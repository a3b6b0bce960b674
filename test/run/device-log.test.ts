import { closeSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DeviceLog } from '../../src/run/device-log.js';
import { anonymousFile } from '../../src/sys/anonymous-file.js';

let fd: number;
beforeEach(() => {
  fd = anonymousFile({ name: 'test-log', size: 0, place: 'disk' });
});
afterEach(() => closeSync(fd));

test('gives what was written since it last looked', () => {
  writeSync(fd, 'before\n');
  const log = new DeviceLog(fd);
  expect(log.take()).toBe('');
  writeSync(fd, 'one\n');
  writeSync(fd, 'two\n');
  expect(log.take()).toBe('one\ntwo\n');
  expect(log.take()).toBe('');
});

test('a flood is cut, takes no room for long, and hides nothing that comes later', () => {
  const log = new DeviceLog(fd);
  const flood = Buffer.alloc(1024 * 1024, 'x');
  for (let i = 0; i < 17; i++) writeSync(fd, flood);
  expect(log.take()).toBe('x'.repeat(256 * 1024));
  writeSync(fd, 'after\n');
  expect(log.take()).toBe('after\n');
});
