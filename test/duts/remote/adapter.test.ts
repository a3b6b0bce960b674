/** How a remote device is reached: as a process of the suite's, and at sockets. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DutSetupError } from '../../../src/duts/dut.js';
import { remoteAdapter } from '../../../src/duts/remote/adapter.js';
import type { RemoteAttach } from '../../../src/duts/remote/port.js';
import { openDescriptors } from '../../sys/descriptors.js';
import { ScriptedDevice } from './scripted-device.js';

const HELLO = {
  version: 1,
  name: 'mine',
  device_version: '2',
  units: [{ target: 0, unit: 1, kind: 'disk', scratch_serial: 'S' }],
  free_target: 5,
  settle_ms: 3,
};
const LINE = `${JSON.stringify(HELLO)}\n`;

/** A command that reads a line, does this, and then waits for the end of its input. */
const command = (deed: string): string[] => ['sh', '-c', `read -r line; ${deed}; cat >/dev/null`];

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
/** Node closes some of its own a little later. */
async function nothingLeft(): Promise<void> {
  const left = () => openDescriptors().filter((each) => !before.includes(each));
  for (let round = 0; round < 100 && left().length > 0; round++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  expect(left()).toEqual([]);
}

describe('a command', () => {
  test('says what it is, is known by its process, and ends when it is stopped', async () => {
    const dut = await remoteAdapter({ command: command(`echo here >&2; echo '${LINE.trim()}'`) }).start();
    expect(dut.identity).toEqual({
      name: 'mine',
      version: '2',
      details: { command: expect.stringMatching(/^sh -c /), memory: 'by DMA messages' },
    });
    expect(dut.profile).toEqual({
      units: [{ target: 0, unit: 1, kind: 'disk', scratchSerial: 'S' }],
      freeTarget: 5,
      dmaContained: false,
      settleMs: 3,
    });
    expect((dut.attach as RemoteAttach).transport).toBe('pci');
    expect(dut.pid).toBeGreaterThan(0);
    await dut.stop();
    expect(await dut.exited).toMatchObject({ signal: 'SIGKILL' });
    await nothingLeft();
  });

  test('is asked for the transport that is wanted', async () => {
    const adapter = remoteAdapter({
      command: command(
        `case $line in *mmio-legacy*) echo '${LINE.trim()}';; *) echo '{"error":"no"}';; esac`,
      ),
      transports: ['mmio-legacy', 'mmio'],
    });
    expect(adapter.transports).toEqual(['mmio-legacy', 'mmio']);
    await (await adapter.start()).stop();
    await expect(adapter.start('mmio')).rejects.toThrow('refuses hello: no');
  });

  test.each([
    [['nowhere/to-be-found'], /there is no nowhere\/to-be-found/],
    [
      ['sh', '-c', 'echo broken >&2; exit 3'],
      /(ended before it said hello, with exit code 3: broken|closed the line)/,
    ],
    [['sh', '-c', 'kill -9 $$'], /(ended before it said hello, with SIGKILL|closed the line)/],
    [command('echo hi'), /is no JSON: hi/],
  ])('%j is no device', async (words, message) => {
    const error = await remoteAdapter({ command: words })
      .start()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DutSetupError);
    expect((error as Error).message).toMatch(message);
    await nothingLeft();
  });
});

describe('a socket', () => {
  let server: Server;
  let connections: Socket[];
  beforeEach(() => {
    connections = [];
    server = createServer((socket) => {
      connections.push(socket);
      socket.on('error', () => {});
      socket.once('data', () => socket.write(LINE));
    });
  });
  afterEach(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });

  /** Listens at a path or, without one, at a port of its own, and says where. */
  async function listens(path?: string): Promise<string> {
    if (path === undefined) server.listen(0, '127.0.0.1');
    else server.listen(path);
    await once(server, 'listening');
    return path === undefined ? `tcp:127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}`;
  }

  test.each(['unix', 'tcp'])('by %s is connected to, and left', async (kind) => {
    const address = await listens(kind === 'unix' ? join(new ScriptedDevice().folder, 's') : undefined);
    const dut = await remoteAdapter({ address }).start();
    expect(dut.identity.details).toEqual({ address, memory: 'by DMA messages' });
    const [socket] = connections;
    const closed = socket && once(socket, 'close');
    await dut.stop();
    await closed;
    expect(await dut.exited).toEqual({ code: null, signal: null, stderr: '' });
  });

  test('that the device closes ends the device', async () => {
    const dut = await remoteAdapter({ address: await listens() }).start();
    connections[0]?.destroy();
    await dut.exited;
    await dut.stop();
  });

  test('that is closed at once is no device', async () => {
    server.removeAllListeners('connection');
    server.on('connection', (socket) => socket.destroy());
    await expect(remoteAdapter({ address: await listens() }).start()).rejects.toThrow(DutSetupError);
  });

  test.each([
    ['unix:/nowhere/at/all', /nobody is at unix:\/nowhere\/at\/all: .*ENOENT/],
    ['tcp:localhost:1', /nobody is at tcp:localhost:1/],
    ['nowhere', /nowhere is no address of a remote device/],
    ['tcp:localhost', /is no address/],
  ])('%s is refused', async (address, message) => {
    await expect(remoteAdapter({ address }).start()).rejects.toThrow(message);
    await nothingLeft();
  });
});

test.each([
  [{}, /no remote device is named/],
  [{ command: ['true'], address: 'unix:/s' }, /both a command and an address/],
])('%j is an obstacle', async (options, what) => {
  const adapter = remoteAdapter(options);
  expect((await adapter.obstacles())[0]?.what).toMatch(what);
  await expect(adapter.start()).rejects.toThrow(what);
});
