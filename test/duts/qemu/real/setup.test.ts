/** Starts that fail, variants of starting, and what is said about them. */

import { afterEach, describe, expect, it } from 'vitest';
import { DutSetupError, NO_CONTROLS } from '../../../../src/duts/dut.js';
import { qemuAdapter } from '../../../../src/duts/qemu/adapter.js';
import { openQemuPort } from '../../../../src/duts/qemu/port.js';
import { type QemuOptions, type RunningQemu, startQemu } from '../../../../src/duts/qemu/start.js';
import { openDescriptors } from '../../../sys/descriptors.js';
import { inquire } from './raw-driver.js';

let running: RunningQemu | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function failure(options: QemuOptions): Promise<DutSetupError> {
  try {
    running = await startQemu(options);
  } catch (error) {
    expect(error).toBeInstanceOf(DutSetupError);
    return error as DutSetupError;
  }
  throw new Error('QEMU has started');
}

it('has no obstacle here', async () => {
  expect(await qemuAdapter().obstacles()).toEqual([]);
});

it('names a missing binary and the remedy', async () => {
  const options = { binary: 'qemu-system-of-dreams' };
  const [obstacle] = await qemuAdapter(options).obstacles();
  expect(obstacle?.what).toContain('qemu-system-of-dreams');
  expect(obstacle?.remedy).toContain('--qemu');
  const error = await failure(options);
  expect(error.message).toBe(obstacle?.what);
  expect(error.remedy).toBe(obstacle?.remedy);
});

describe('a start that fails', () => {
  it.each<[string, QemuOptions, RegExp]>([
    [
      'an unknown device property',
      { device: { num_queue: '2' } },
      /Property 'virtio-scsi-pci.num_queue' not found/,
    ],
    ['an unknown machine', { machine: 'q53' }, /unsupported machine type/],
    ['an unknown accelerator', { accel: 'warp' }, /invalid accelerator warp/],
    ['a wrapper that is missing', { wrap: ['no-such-wrapper'] }, /no-such-wrapper/],
    ['a binary that is no QEMU', { binary: 'true' }, /offers none of the accelerators/],
    ['a binary that ends at once', { binary: 'true', accel: 'tcg' }, /QMP greeting did not come.*status 0/s],
    ['a binary that says nothing', { wrap: ['sleep', '60'], startLimitMs: 300 }, /sleep|300 ms/],
    ['a reserved property', { device: { addr: '7' } }, /addr is set by the suite itself/],
    ['too little memory', { memoryMiB: 1 }, /got 1$/],
  ])('%s is explained and leaves nothing open', async (_, options, message) => {
    await failure({ binary: 'no-such-binary' });
    const before = openDescriptors();
    expect((await failure(options)).message).toMatch(message);
    expect(openDescriptors()).toEqual(before);
  });
});

it('closes what it has opened', async () => {
  await (await startQemu()).stop();
  const before = openDescriptors();
  await (await startQemu()).stop();
  expect(openDescriptors()).toEqual(before);
});

it('passes properties and arguments on, commas included', async () => {
  running = await startQemu({ device: { num_queues: '3' }, args: ['-name', 'a,,b'] });
  expect(running.identity.details.command).toContain('num_queues=3');
  expect(running.identity.details.command).not.toContain('num_queues=2');
});

it('ends a QEMU that a wrapper has forked', async () => {
  running = await startQemu({ wrap: ['sh', '-c', '"$@"; exit 3', 'sh'] });
  const port = openQemuPort(running.attach, NO_CONTROLS);
  expect(inquire(port, 0, 0).response[11]).toBe(0);
  running.kill();
  expect((await running.exited).signal).toBe('SIGKILL');
  // Only QEMU holds the other ends: that they are closed says that it is gone.
  expect(() => inquire(port, 0, 0)).toThrow(expect.objectContaining({ code: 'DUT_GONE' }));
});

it('keeps what QEMU writes to standard error', async () => {
  running = await startQemu({ wrap: ['sh', '-c', 'echo some last words >&2; exec "$@"', 'sh'] });
  running.kill();
  expect((await running.exited).stderr).toContain('some last words');
});

it('starts several at a time', async () => {
  const duts = await Promise.all([startQemu(), startQemu({ mmap: false }), startQemu()]);
  for (const dut of duts) {
    const port = openQemuPort(dut.attach, NO_CONTROLS);
    expect(inquire(port, 0, 0).response[11]).toBe(0);
    port.close();
  }
  await Promise.all(duts.map((dut) => dut.stop()));
});
