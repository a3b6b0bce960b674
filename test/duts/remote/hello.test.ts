import { closeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DutSetupError } from '../../../src/duts/dut.js';
import { askHello } from '../../../src/duts/remote/hello.js';
import { MOST_LINE_BYTES } from '../../../src/duts/remote/protocol.js';
import { closePipe, makePipes, type Pipe } from '../../../src/sys/pipes.js';
import { ScriptedDevice } from './scripted-device.js';

const LEAST = { version: 1, name: 'mine', device_version: '2' };
const WHOLE = {
  ...LEAST,
  bars: { 0: 4096, 4: 16384 },
  window: 512,
  memory: { file: '/dev/shm/x', regions: [{ base: '0x1000', size: 4096, offset: 8192 }] },
  interrupts: 'event',
  vectors: 4,
  line: true,
  controls: ['hold', 'power-cycle'],
  settle_ms: 5,
  dma_contained: true,
  units: [{ target: 0, unit: 1, kind: 'disk', scratch_serial: 'S' }],
  free_target: 7,
  free_unit: { target: 0, unit: 9 },
};

/** What comes of a device that says these things. */
function asked(...says: (object | string)[]) {
  const device = new ScriptedDevice(...says);
  return { device, hello: askHello(device.toDevice, device.fromDevice, 'mmio') };
}

test.each([LEAST, WHOLE])('facts are taken over', async (answer) => {
  const { device, hello } = asked(answer);
  expect(await hello).toEqual(answer);
  expect(device.asked).toEqual([{ op: 'hello', version: 1, transport: 'mmio' }]);
});

test.each<[string, object | string, RegExp]>([
  ['no JSON', 'Welcome to my device!\n', /is no JSON: Welcome to my device!/],
  ['no object', '[]\n', /it must be object/],
  ['null', 'null\n', /it must be object/],
  ['a refusal', { error: 'not by mmio' }, /refuses hello: not by mmio/],
  ['no version', { name: 'mine', device_version: '2' }, /it must have required property 'version'/],
  ['another version', { version: 2, greeting: 'hi' }, /speaks version 2 of the protocol, the suite 1/],
  ['no name', { version: 1, device_version: '2' }, /required property 'name'/],
  ['a name with a path in it', { ...LEAST, name: '../x' }, /name must match pattern/],
  ['no version of the device', { version: 1, name: 'mine' }, /required property 'device_version'/],
  [
    'a key that there is not',
    { ...LEAST, colour: 'red' },
    /must NOT have additional properties \("colour"\)/,
  ],
  ['a BAR that there is not', { ...LEAST, bars: { 6: 16 } }, /bars must NOT have .*\("6"\)/],
  ['a BAR of nothing', { ...LEAST, bars: { 0: 0 } }, /bars\/0 must be >= 1/],
  ['a window that is too small', { ...LEAST, window: 16 }, /window must be >= 256/],
  ['memory without regions', { ...LEAST, memory: { regions: [] } }, /memory\/regions must NOT have fewer/],
  [
    'a region at a number',
    { ...LEAST, memory: { regions: [{ base: 4096, size: 1 }] } },
    /memory\/regions\/0\/base must be string/,
  ],
  [
    'a memory file somewhere',
    { ...LEAST, memory: { file: 'mem', regions: [{ base: '0x0', size: 1 }] } },
    /memory\/file must match pattern/,
  ],
  ['interrupts by pigeon', { ...LEAST, interrupts: 'pigeon' }, /interrupts must be .* \(dma, event\)/],
  ['a control that there is not', { ...LEAST, controls: ['explode'] }, /controls\/0 must be .*hold/],
  [
    'a unit of no kind',
    { ...LEAST, units: [{ target: 0, unit: 0 }] },
    /units\/0 must have required .*'kind'/,
  ],
  ['an endless line', 'x'.repeat(MOST_LINE_BYTES + 5000), /its line is longer than 262144 bytes/],
  ['silence', '', /it has closed the line/],
  ['half a line', '{"version":1', /it has closed the line/],
  ['chatter', `${JSON.stringify(LEAST)}\n{"interrupt":0}\n`, /says more than it was asked, after hello/],
])('%s is a mistake', async (_, says, message) => {
  const { hello } = asked(says);
  const error = await hello.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DutSetupError);
  expect((error as Error).message).toMatch(message);
});

test('an answer that does not come is not waited for', async () => {
  const [pipe] = (await makePipes(1)) as [Pipe];
  const { toDevice } = new ScriptedDevice();
  await expect(askHello(toDevice, pipe.readEnd, 'pci', 20)).rejects.toThrow(/did not answer within 20 ms/);
  closePipe(pipe);
});

test('nor one whom nobody tells', async () => {
  const [pipe] = (await makePipes(1)) as [Pipe];
  closeSync(pipe.readEnd);
  const { fromDevice } = new ScriptedDevice();
  await expect(askHello(pipe.writeEnd, fromDevice, 'pci')).rejects.toThrow(/it has closed the line/);
  closeSync(pipe.writeEnd);
});
