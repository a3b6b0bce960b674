import { closeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { RemoteChannel } from '../../../src/duts/remote/channel.js';
import { type Aside, MOST_LINE_BYTES, type Request } from '../../../src/duts/remote/protocol.js';
import { DutGoneError, PortError } from '../../../src/port/errors.js';
import { makePipes, type Pipe } from '../../../src/sys/pipes.js';
import { ScriptedDevice } from './scripted-device.js';

const READ: Request = { op: 'read', space: 'bar0', offset: 4, width: 2 };

/** A channel to a device that says these things, and what came beside answers. */
function channelTo(...says: (object | string)[]) {
  const device = new ScriptedDevice(...says);
  const asides: Aside[] = [];
  const channel = new RemoteChannel(device.toDevice, device.fromDevice, (aside) => {
    asides.push(aside);
    return 'dma' in aside && aside.dma === 'read' ? { data: '00ff' } : undefined;
  });
  return { channel, device, asides };
}

/** What a deed throws. */
function thrown(deed: () => unknown): PortError {
  try {
    deed();
  } catch (error) {
    if (error instanceof PortError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('asks, and gives the answer', () => {
  const { channel, device } = channelTo({ value: 7 }, { asserted: true });
  expect(channel.askNumber(READ, 'value', 0xffff)).toBe(7);
  expect(channel.ask({ op: 'line' })).toEqual({ asserted: true });
  expect(device.asked).toEqual([READ, { op: 'line' }]);
  expect(channel.gone).toBe(false);
});

test('takes what is said before the answer, in order, and answers DMA reads alone', () => {
  const before = [
    { interrupt: 3 },
    { dma: 'read', address: '0x10', length: 2 },
    { dma: 'write', address: '0xFF', data: 'ab' },
  ];
  const { channel, device, asides } = channelTo(...before, { value: 1 });
  expect(channel.askNumber(READ, 'value', 1)).toBe(1);
  expect(asides).toEqual(before);
  expect(device.asked).toEqual([READ, { data: '00ff' }]);
});

test('an answer may come in pieces, and several in one', () => {
  const text = '{"value":1,"note":"ä"}\n{"value":2}\n';
  const { channel } = channelTo(text);
  expect(channel.ask(READ)).toEqual({ value: 1, note: 'ä' });
  expect(channel.askNumber(READ, 'value', 2)).toBe(2);
});

describe('an answer that cannot be understood', () => {
  test.each<[string, object | string, RegExp]>([
    ['junk', 'what?\n', /expected a line of JSON, got what\?/],
    ['an array', '[1]\n', /expected an object, got \[1\]/],
    ['null', 'null\n', /expected an object, got null/],
    ['a value that is none', { value: '7' }, /"value" from 0 to 65535, got "7"/],
    ['a value with too many bits', { value: 0x10000 }, /"value" from 0 to 65535, got 65536/],
    ['a fraction', { value: 0.5 }, /got 0.5/],
    ['a negative value', { value: -1 }, /got -1/],
    ['another answer', { data: '00' }, /"value" from 0 to 65535, got undefined/],
    ['an endless line', 'x'.repeat(MOST_LINE_BYTES + 70_000), /a line of at most 262144 bytes/],
    ['an interrupt that is none', { interrupt: 'one' }, /well-formed DMA and interrupt messages/],
    ['a negative interrupt', { interrupt: -1 }, /well-formed/],
    ['DMA of another kind', { dma: 'move', address: '0x0', length: 1 }, /well-formed/],
    ['DMA without a place', { dma: 'read', length: 1 }, /well-formed/],
    ['DMA at a number', { dma: 'read', address: 16, length: 1 }, /well-formed/],
    ['DMA of too much', { dma: 'read', address: '0x0', length: 65537 }, /well-formed/],
    ['DMA of less than nothing', { dma: 'read', address: '0x0', length: -1 }, /well-formed/],
    ['DMA of no bytes', { dma: 'write', address: '0x0', data: 'zz' }, /well-formed/],
    ['DMA of half a byte', { dma: 'write', address: '0x0', data: '000' }, /well-formed/],
    ['DMA of too many bytes', { dma: 'write', address: '0x0', data: '00'.repeat(65537) }, /well-formed/],
  ])('%s', (_, says, message) => {
    const error = thrown(() => channelTo(says).channel.askNumber(READ, 'value', 0xffff));
    expect(error.code).toBe('PORT_PROTOCOL');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('"op":"read"');
    expect(error.message.length).toBeLessThan(500);
  });
});

test('what the device refuses is an error with its words', () => {
  const { channel } = channelTo({ error: 'no such register' }, { error: 'no disk' });
  expect(thrown(() => channel.ask(READ))).toMatchObject({
    code: 'PORT_PROTOCOL',
    message: expect.stringMatching(/refuses .*"op":"read".*: no such register/),
  });
  const control: Request = { op: 'control', control: { name: 'power-cycle' } };
  expect(thrown(() => channel.ask(control))).toMatchObject({ code: 'CONTROL_REFUSED' });
  expect(channel.gone).toBe(false);
});

test.each(['', '{"value":', '{"interrupt":1}\n'])('a line that ends with %j is closed', (says) => {
  const { channel } = channelTo(says);
  expect(() => channel.ask(READ)).toThrow(/closed before the answer to .*"op":"read"/);
  expect(channel.gone).toBe(true);
  expect(() => channel.ask(READ)).toThrow(DutGoneError);
});

test('so is one that nobody reads', async () => {
  const [pipe] = (await makePipes(1)) as [Pipe];
  closeSync(pipe.readEnd);
  const { fromDevice } = new ScriptedDevice();
  const channel = new RemoteChannel(pipe.writeEnd, fromDevice, () => undefined);
  expect(() => channel.ask(READ)).toThrow(/takes no more lines \(EPIPE\)/);
  expect(channel.gone).toBe(true);
  closeSync(pipe.writeEnd);
});
