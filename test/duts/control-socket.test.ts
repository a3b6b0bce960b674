/** The suite's side of a control socket, with a server that answers in its own ways. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { controlsAt } from '../../src/duts/control-socket.js';

let folder: string;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-control-'));
});
afterEach(() => {
  server?.close();
  rmSync(folder, { recursive: true });
});

/** A server that answers the first line of each connection; what it was asked. */
async function answering(...answers: readonly string[]): Promise<{ path: string; asked: unknown[] }> {
  const path = join(folder, 'control');
  const asked: unknown[] = [];
  server = createServer((socket) => {
    socket.once('data', (data) => {
      asked.push(JSON.parse(data.toString()));
      socket.end(answers[asked.length - 1] ?? '');
    });
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
  return { path, asked };
}

test('asks what is offered, then for each control', async () => {
  const { path, asked } = await answering(
    '{"offered": ["media"]}\n',
    '{}\n',
    '{"error": "no such drive"}\n',
    '',
  );
  const { offered, invoke } = await controlsAt(path);
  expect(offered).toEqual(['media']);
  const eject = { name: 'eject', at: { target: 1, unit: 0 } } as const;
  await invoke(eject);
  expect(asked).toEqual([{ name: 'offered' }, eject]);
  await expect(invoke(eject)).rejects.toMatchObject({ code: 'CONTROL_REFUSED', message: 'no such drive' });
  await expect(invoke(eject)).rejects.toMatchObject({
    code: 'CONTROL_REFUSED',
    message: 'the connection was closed without an answer',
  });
});

test.each([
  ['', /closed without an answer/],
  ['{"offered": ["flight"]}\n', /no reply to a control/],
  ['x'.repeat(100_000), /an answer without end/],
])('a server that says %.20s offers nothing', async (answer, message) => {
  const { path } = await answering(answer);
  await expect(controlsAt(path)).rejects.toThrow(message);
});

test('nobody there is said, with the name', async () => {
  await expect(controlsAt(join(folder, 'nobody'))).rejects.toThrow(/no controls at .*nobody: .*ENOENT/);
});
