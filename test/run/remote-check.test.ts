/** The checks of the remote protocol: on the model, which passes all, and with one thing wrong at a time. */
import { closeSync, createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { RemoteLine } from '../../src/duts/remote/line.js';
import { REMOTE_TRANSPORTS, type RemoteTransport } from '../../src/duts/remote/protocol.js';
import { checkRemote, type RemoteCheck } from '../../src/run/remote-check.js';
import { makePipes, type Pipe } from '../../src/sys/pipes.js';
import { ScriptedDevice } from '../duts/remote/scripted-device.js';
import { remoteModel } from '../serve/remote-model.js';

type Message = Record<string, unknown>;
/** What a device says instead of its answer: lines, or `undefined` for nothing. */
type Twist = (answer: Message, request: Message) => object | string | readonly object[] | undefined;

const NOT_JSON: Message = { op: 'junk' };

function requestIn(line: string): Message {
  try {
    return JSON.parse(line) as Message;
  } catch {
    return NOT_JSON;
  }
}

/** What is found out about the model when it says something else. */
async function checked(
  twist: Twist = (answer) => answer,
  transport: RemoteTransport = 'pci',
  memoryFile?: string,
): Promise<RemoteCheck[]> {
  const server = remoteModel(memoryFile);
  const [to, from] = (await makePipes(2)) as [Pipe, Pipe];
  const input = createReadStream('', { fd: to.readEnd });
  const output = createWriteStream('', { fd: from.writeEnd });
  createInterface({ input }).on('line', (line) => {
    const said = twist(server.answer(line) as Message, requestIn(line));
    for (const each of said === undefined ? [] : Array.isArray(said) ? said : [said])
      output.write(typeof each === 'string' ? `${each}\n` : `${JSON.stringify(each)}\n`);
  });
  const checks: RemoteCheck[] = [];
  const line = new RemoteLine(to.writeEnd, from.readEnd);
  for await (const check of checkRemote(line, transport, { hello: 2000, answer: 300 })) checks.push(check);
  closeSync(to.writeEnd);
  await new Promise((resolve) => output.end(resolve));
  closeSync(from.readEnd);
  return checks;
}

const wrong = (checks: RemoteCheck[]) => checks.filter(({ mistake }) => mistake !== undefined);

test.each(REMOTE_TRANSPORTS)('nothing is wrong with the model by %s', async (transport) => {
  const checks = await checked(undefined, transport);
  expect(wrong(checks)).toEqual([]);
  expect(checks.length).toBeGreaterThan(20);
});

test('nor with its memory in a file', async () => {
  const checks = await checked(undefined, 'pci', join(new ScriptedDevice().folder, 'memory'));
  expect(wrong(checks)).toEqual([]);
  expect(checks.map(({ name }) => name)).toContain('the memory file is there, and the regions are in it');
});

/** Another answer to the reads of one register. */
const register =
  (space: string, offset: number, value: number): Twist =>
  (answer, request) =>
    request.op === 'read' && request.space === space && request.offset === offset ? { value } : answer;
/** Another answer to one op. */
const to =
  (op: string, other: object): Twist =>
  (answer, request) =>
    request.op === op && !('error' in answer) ? other : answer;
/** Other facts in hello. */
const facts =
  (change: object): Twist =>
  (answer, request) =>
    request.op === 'hello' && !('error' in answer) ? { ...answer, ...change } : answer;
/** No error, but something else. */
const unrefused =
  (other: object, op: unknown): Twist =>
  (answer, request) =>
    'error' in answer && request.op === op ? other : answer;

/** No BAR 0 any more after a power cycle. */
function losesBars(): Twist {
  let cycled = false;
  return (answer, { op, space, offset }) => {
    if (op === 'control' && !('error' in answer)) cycled = true;
    return cycled && op === 'read' && space === 'config' && offset === 0x10 ? { value: 0 } : answer;
  };
}

const REGION = { base: '0x1000', size: 4096 };

test.each<[string, Twist, RegExp, RegExp, RemoteTransport?]>([
  ['takes any version', unrefused({}, 'hello'), /a version that there is not/, /the answer to .* is \{\}/],
  ['has no BARs', facts({ bars: {} }), /registers of the transport/, /without "bars"/],
  ['is of another vendor', register('config', 0, 0x8086), /vendor and device id/, /0x8086.*0x1af4/],
  ['is a network card', register('config', 2, 0x1041), /vendor and device id/, /0x1041.*0x1048/],
  ['is one of the other sort', register('config', 2, 0x1048), /device id/, /0x1004/, 'pci-legacy'],
  ['reads other bytes', register('config', 1, 0), /agree/, /byte 1 is 0x00, and has to be 0x1a/],
  [
    'gives more than was asked for',
    (answer, { op, width }) => (op === 'read' && width === 1 ? { value: 256 } : answer),
    /agree/,
    /gives 256/,
  ],
  [
    'ends its configuration space early',
    (answer, { op, offset }) => (op === 'read' && offset === 256 ? { error: 'beyond' } : answer),
    /up to 4096 bytes/,
    /beyond/,
  ],
  ['cannot be turned on', register('config', 4, 0), /command register/, /decoding bit is 0x0000/],
  ['has no capabilities', register('config', 4, 0), /capabilities of virtio/, /no capability list/],
  ['has its structures elsewhere', facts({ bars: { 1: 4096 } }), /capabilities of virtio/, /in BAR 4/],
  ['has small BARs', facts({ bars: { 0: 16, 4: 16 } }), /within the BARs/, /which has 16 bytes/],
  [
    'has no queues',
    (answer, { op, space, width }) =>
      op === 'read' && space === 'bar4' && width === 2 ? { value: 0 } : answer,
    /has queues/,
    /num_queues is 0/,
  ],
  [
    'has no reset',
    (answer, { op, space, width }) =>
      op === 'read' && space === 'bar4' && width === 1 ? { value: 1 } : answer,
    /reset is over/,
    /the status is 0x01/,
  ],
  [
    'has its BAR 0 in memory',
    register('config', 0x10, 0xfeb0_0000),
    /BAR 0/,
    /it reads 0xfeb00000/,
    'pci-legacy',
  ],
  ['is no virtio-mmio', register('window', 0, 0), /magic/, /MagicValue is 0x00000000/, 'mmio'],
  ['is version 2', register('window', 4, 2), /version/, /Version is 0x00000002/, 'mmio-legacy'],
  ['is a console', register('window', 8, 3), /device id/, /DeviceID is 0x00000003/, 'mmio'],
  [
    'has its memory twice',
    facts({ memory: { regions: [REGION, REGION] } }),
    /apart/,
    /0x1000 and 0x1000 meet/,
  ],
  [
    'has memory far away',
    facts({ memory: { regions: [{ base: '0xffffffffffffffff', size: 1 }] } }),
    /2\^53/,
    /does not/,
  ],
  [
    'has no memory file',
    facts({ memory: { file: '/nowhere/m', regions: [REGION] } }),
    /memory file/,
    /ENOENT/,
  ],
  [
    'has a short memory file',
    facts({ memory: { file: '/dev/null', regions: [REGION] } }),
    /memory file/,
    /ends at 4096, the file at 0/,
  ],
  ['forgets', to('memory-read', { data: '00'.repeat(65536) }), /read back/, /other bytes come back/],
  [
    'keeps memory to itself',
    unrefused({ data: '00000000' }, 'memory-read'),
    /memory that there is not/,
    /memory-read.* is /,
  ],
  ['writes anywhere', unrefused({}, 'memory-write'), /memory that there is not/, /memory-write.* is \{\}/],
  [
    'is vague about its line',
    to('line', { asserted: 'perhaps' }),
    /line can be asked/,
    /asserted must be boolean/,
  ],
  ['has no vectors', facts({ interrupts: 'event' }), /vectors/, /0 or left out/],
  ['says more in its answers', to('poll', { value: 1 }), /poll/, /additional properties \("value"\)/],
  ['does not settle', to('settle', { error: 'never' }), /settle/, /never/],
  ['loses its BARs', losesBars(), /power-cycle/, /BAR 0 is 0x00000000/],
  ['takes any op', unrefused({}, 'frobnicate'), /an op that there is not/, /is \{\}/],
  ['takes junk', unrefused({}, 'junk'), /a line that is no JSON/, /no JSON.* is \{\}/],
  ['takes any control', unrefused({}, 'control'), /a control that there is not/, /is \{\}/],
  ['reads any space', unrefused({ value: 0 }, 'read'), /a space that there is not/, /is 0$/],
  [
    'says nothing in its errors',
    unrefused({ error: '' }, 'frobnicate'),
    /an op that there is not/,
    /error must NOT have fewer/,
  ],
  ['answers with words', (answer, { op }) => (op === 'poll' ? 'sure' : answer), /poll/, /no JSON: sure/],
  ['answers with a list', (answer, { op }) => (op === 'poll' ? '[]' : answer), /poll/, /no object: \[\]/],
  [
    'does DMA by itself',
    (answer, { op }) => (op === 'poll' ? [{ dma: 'write', address: '0x0', data: '00' }, answer] : answer),
    /of its own accord/,
    /dma.*write/,
  ],
  [
    'interrupts by itself',
    (answer, { op }) => (op === 'poll' ? [{ interrupt: 0 }, answer] : answer),
    /of its own accord/,
    /interrupt/,
  ],
  [
    'has vectors with names',
    (answer, { op }) => (op === 'poll' ? { interrupt: 'one' } : answer),
    /poll/,
    /interrupt must be integer/,
  ],
])('a device that %s is found out', async (_, twist, name, mistake, transport) => {
  const checks = wrong(await checked(twist, transport));
  expect(checks).toContainEqual(
    expect.objectContaining({ name: expect.stringMatching(name), mistake: expect.stringMatching(mistake) }),
  );
});
test('a DMA read meanwhile is refused, and the answer waited for', async () => {
  let answers = 0;
  const checks = await checked((answer, request) => {
    if (request.op === 'poll') return [{ dma: 'read', address: '0x0', length: 4 }];
    // What the suite says to it is no request.
    if ('error' in request && ++answers === 1) return {};
    return answer;
  });
  expect(answers).toBe(1);
  expect(wrong(checks).map(({ name }) => name)).toEqual(['nothing was said of its own accord']);
});

test.each<[string, Twist, RegExp]>([
  ['is silent', (answer, { op }) => (op === 'settle' ? undefined : answer), /did not answer within 300 ms/],
  [
    'talks without end',
    (answer, { op }) => (op === 'settle' ? Array.from({ length: 1001 }, () => ({ interrupt: 0 })) : answer),
    /1000 messages instead of answering/,
  ],
  [
    'has endless lines',
    (answer, { op }) => (op === 'settle' ? 'x'.repeat(300_000) : answer),
    /longer than 262144/,
  ],
])('after a device that %s nothing else is looked at', async (_, twist, mistake) => {
  const checks = await checked(twist);
  expect(checks.at(-1)).toEqual({
    name: 'settle is answered',
    mistake: expect.stringMatching(mistake),
    last: true,
  });
});

test('without hello nothing is', async () => {
  const checks = await checked((_, { version }) => (version === 1 ? { error: 'go away' } : { error: 'no' }));
  expect(checks).toHaveLength(2);
  expect(checks[1]).toMatchObject({ last: true, mistake: expect.stringMatching(/go away/) });
});
