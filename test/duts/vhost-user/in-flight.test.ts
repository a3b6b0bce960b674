/** In-flight buffers: asked for, and given back to the back-end; after a reset, and with the next process, it has another. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { SharedMemory } from '../../../src/duts/shared-memory.js';
import { RingEvents } from '../../../src/duts/vhost/ring-events.js';
import { VhostUserBackend } from '../../../src/duts/vhost-user/backend.js';
import { acceptsConnections } from '../../../src/sys/unix-socket.js';

const BACK_END = fileURLToPath(new URL('./in-flight-back-end.mjs', import.meta.url));

it('gives the back-end its buffer, and asks for another after a reset and of the next process', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-in-flight-'));
  const [socket, log] = [join(folder, 's'), join(folder, 'log')];
  const child = spawn(process.execPath, [BACK_END, socket, log], { stdio: 'inherit' });
  const memory = new SharedMemory();
  const events = new RingEvents(() => {});
  try {
    while (child.exitCode === null && !acceptsConnections(socket)) await delay(10);
    const backend = new VhostUserBackend({ socket, replyLimitMs: 30_000, requestQueues: 1 }, memory, events);
    const iova = memory.regions[0]?.iova ?? 0n;
    const startWith = (queue: number) => {
      backend.setRing(queue, { size: 8, base: 0, desc: iova, driver: iova + 128n, device: iova + 256n });
      backend.start();
    };
    startWith(0);
    // Rings that are stopped and started again go on with what is in flight.
    backend.stopRing(0);
    startWith(0);
    backend.reset();
    startWith(1);
    backend.reconnect();
    startWith(2);
    // An answer to it means that all before it was taken.
    backend.features();
    backend.close();
    const said = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.includes('INFLIGHT'));
    const asked = (queues: number) =>
      `GET_INFLIGHT_FD {"size":0,"offset":0,"queues":${queues},"queueSize":256} `;
    const given = (queues: number) =>
      `SET_INFLIGHT_FD {"size":8192,"offset":0,"queues":${queues},"queueSize":256} true`;
    expect(said).toEqual([asked(1), given(1), given(1), asked(2), given(2), asked(3), given(3)]);
  } finally {
    child.kill('SIGKILL');
    events.close();
    memory.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
