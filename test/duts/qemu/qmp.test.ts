import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QmpClient } from '../../../src/duts/qemu/qmp.js';

const LIMIT = 2000;
const GREETING = { QMP: { version: { qemu: { major: 9, minor: 8, micro: 7 } }, capabilities: ['oob'] } };

let server: Socket;
let client: QmpClient;
beforeEach(async () => {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(listener, 'connection');
  client = new QmpClient(connect(address.port, '127.0.0.1'));
  [server] = (await accepted) as [Socket];
  listener.close();
});
afterEach(() => {
  client.close();
  server.destroy();
});

function say(message: unknown): void {
  server.write(`${JSON.stringify(message)}\r\n`);
}

/** Answers each command by what `reply` makes of it, besides its id. */
function serve(reply: (command: { execute: string; arguments?: unknown }) => object): void {
  let text = '';
  server.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      const command = JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
      say({ ...reply(command), id: command.id });
    }
  });
}

it('negotiates, then carries out commands', async () => {
  const seen: unknown[] = [];
  serve((command) => {
    seen.push([command.execute, command.arguments]);
    return { return: { echo: command.arguments } };
  });
  say(GREETING);
  await client.connect(LIMIT);
  expect(await client.execute('device_add', { id: 'x' }, LIMIT)).toEqual({ echo: { id: 'x' } });
  expect(seen).toEqual([
    ['qmp_capabilities', undefined],
    ['device_add', { id: 'x' }],
  ]);
});

it('tells answers apart by their id, whatever comes in between', async () => {
  const first = client.execute('one', undefined, LIMIT);
  const second = client.execute('two', undefined, LIMIT);
  const event = client.event('RESET', LIMIT);
  say({ event: 'STOP', data: {} });
  say({ return: 2, id: 2 });
  say({ event: 'RESET', data: { guest: false } });
  say({ return: 1, id: 1 });
  expect(await Promise.all([first, second, event])).toEqual([
    1,
    2,
    { name: 'RESET', data: { guest: false } },
  ]);
});

it('puts messages together that come in pieces', async () => {
  const answer = client.execute('one', undefined, LIMIT);
  const line = `${JSON.stringify({ return: 'größer', id: 1 })}\n`;
  for (const byte of Buffer.from(line)) {
    server.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await answer).toBe('größer');
});

describe('what goes wrong', () => {
  it('is told in the words of QEMU', async () => {
    serve(() => ({ error: { class: 'CommandNotFound', desc: 'The command frob has not been found' } }));
    await expect(client.execute('frob', undefined, LIMIT)).rejects.toMatchObject({
      code: 'CommandNotFound',
      message: 'QEMU refuses the QMP command frob: The command frob has not been found',
    });
  });

  it.each([
    ['a greeting', () => client.connect(50), /the QMP greeting did not come within 50 ms/],
    ['an answer', () => client.execute('quit', undefined, 50), /QMP command quit did not come within 50 ms/],
    ['an event', () => client.event('RESET', 50), /the QMP event RESET did not come within 50 ms/],
  ])('is %s that does not come', async (_, wait, message) => {
    await expect(wait()).rejects.toMatchObject({ code: 'TimedOut', message: expect.stringMatching(message) });
  });

  it('is a QEMU that hangs up, now and later', async () => {
    const answer = client.execute('quit', undefined, LIMIT);
    server.end();
    server.resume();
    await expect(answer).rejects.toMatchObject({ code: 'Closed' });
    await expect(client.execute('quit', undefined, LIMIT)).rejects.toMatchObject({ code: 'Closed' });
  });

  it.each(['this is no JSON', '[1, 2]', '7'])('is a line that is no message: %s', async (line) => {
    const answer = client.execute('one', undefined, LIMIT);
    server.write(`${line}\n`);
    await expect(answer).rejects.toThrow(`QEMU sent no QMP message: ${line}`);
  });
});
