/** What the device mapper and the loop driver are told, compared with the kernel's own headers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  MAPPER_FLAGS,
  MAPPER_HEADER,
  MAPPER_REQUESTS,
  MAPPER_TARGET,
  mapperArgument,
} from '../../src/sys/device-mapper.js';
import { LO_FLAGS_AUTOCLEAR, LOOP_CONFIG, LOOP_REQUESTS } from '../../src/sys/loop-device.js';

/** Values of C expressions, as the headers have them. */
function fromHeaders(expressions: readonly string[]): number[] {
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-block-'));
  try {
    const program = join(folder, 'values');
    const lines = expressions.map((each) => `printf("%lld\\n", (long long)(${each}));`);
    const headers = ['stddef.h', 'stdio.h', 'sys/ioctl.h', 'linux/dm-ioctl.h', 'linux/loop.h'];
    const source = `${headers.map((name) => `#include <${name}>\n`).join('')}int main(void) { ${lines.join('\n')} }\n`;
    writeFileSync(`${program}.c`, source);
    execFileSync('cc', ['-o', program, `${program}.c`], { stdio: ['ignore', 'pipe', 'pipe'] });
    return execFileSync(program, { encoding: 'utf8' }).trim().split('\n').map(Number);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('has the numbers, flags and places of the kernel', () => {
  const at = (type: string, field: string) => `offsetof(struct ${type}, ${field})`;
  const expected: Readonly<Record<string, number>> = {
    ...Object.fromEntries(
      Object.entries({ ...MAPPER_REQUESTS, ...LOOP_REQUESTS }).map(([name, value]) => [
        `(unsigned)${name}`,
        value,
      ]),
    ),
    ...MAPPER_FLAGS,
    LO_FLAGS_AUTOCLEAR,
    'sizeof(struct dm_ioctl)': MAPPER_HEADER.size,
    [at('dm_ioctl', 'version')]: MAPPER_HEADER.version,
    [at('dm_ioctl', 'data_size')]: MAPPER_HEADER.dataSize,
    [at('dm_ioctl', 'data_start')]: MAPPER_HEADER.dataStart,
    [at('dm_ioctl', 'target_count')]: MAPPER_HEADER.targetCount,
    [at('dm_ioctl', 'flags')]: MAPPER_HEADER.flags,
    [at('dm_ioctl', 'dev')]: MAPPER_HEADER.device,
    [at('dm_ioctl', 'name')]: MAPPER_HEADER.name,
    'sizeof(struct dm_target_spec)': MAPPER_TARGET.size,
    [at('dm_target_spec', 'length')]: MAPPER_TARGET.length,
    [at('dm_target_spec', 'next')]: MAPPER_TARGET.next,
    [at('dm_target_spec', 'target_type')]: MAPPER_TARGET.type,
    'sizeof(struct loop_config)': LOOP_CONFIG.size,
    [at('loop_config', 'fd')]: LOOP_CONFIG.fd,
    [at('loop_config', 'block_size')]: LOOP_CONFIG.blockSize,
    [at('loop_config', 'info.lo_flags')]: LOOP_CONFIG.flags,
  };
  const values = fromHeaders(Object.keys(expected));
  expect(Object.fromEntries(Object.keys(expected).map((name, i) => [name, values[i]]))).toEqual(expected);
});

it('tells a table of one target, padded, with its parameters behind it', () => {
  const argument = mapperArgument('a name', MAPPER_FLAGS.DM_SUSPEND_FLAG, {
    sectors: 2 ** 33,
    type: 'linear',
    parameters: '/dev/loop0 0',
  });
  expect(argument.length % 8).toBe(0);
  expect(argument.readUInt32LE(MAPPER_HEADER.dataSize)).toBe(argument.length);
  expect(argument.readUInt32LE(MAPPER_HEADER.flags)).toBe(2);
  expect(argument.readUInt32LE(MAPPER_HEADER.targetCount)).toBe(1);
  const target = argument.subarray(MAPPER_HEADER.size);
  expect(target.readBigUInt64LE(MAPPER_TARGET.length)).toBe(2n ** 33n);
  expect(target.subarray(MAPPER_TARGET.size).toString('latin1')).toMatch(/^\/dev\/loop0 0\0+$/);
  expect(mapperArgument('a name', 0).readUInt32LE(MAPPER_HEADER.targetCount)).toBe(0);
});
