/** The model in a process of its own, at a Unix socket: one connection after another. */

import { rmSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Model } from '../model/model.js';
import { PollSet } from '../sys/events.js';
import { libc } from '../sys/libc.js';
import { acceptUnix, listenUnix } from '../sys/unix-socket.js';
import type { Connection } from './connection.js';
import type { ControlSocket } from './control-socket.js';

/** As long as signals may have to wait. */
const SLICE_MS = 100;
/** After something was done, more is looked for so long before the thread sleeps. */
const SPIN_MS = 0.1;

export interface ServeOptions {
  /** Name of the socket. */
  readonly socket: string;
  readonly model: Model;
  /** Where others may do something to the device; closed by whoever made it. */
  readonly controls?: ControlSocket;
  /** Ends the service. */
  readonly stop: AbortSignal;
  /** Serves whoever has connected to this socket. */
  readonly connect: (socket: number) => Connection;
  /** Called when others can connect. */
  readonly onListening: () => void;
}

/** Serves until it is stopped; the name of the socket is gone then. Throws `LibcError` when it cannot listen. */
export async function serve(options: ServeOptions): Promise<void> {
  const { socket, model, controls, stop, connect, onListening } = options;
  const listener = listenUnix(socket);
  try {
    onListening();
    const waiting = new PollSet([listener, ...(controls ? [controls.fd] : [])]);
    while (!stop.aborted) {
      if (!waiting.wait(SLICE_MS)) await nextTurn();
      else if (waiting.readable(0)) await serveOne(connect(acceptUnix(listener)), model, stop);
      else controls?.attend();
    }
  } finally {
    libc().close(listener);
    rmSync(socket, { force: true });
  }
}

async function serveOne(connection: Connection, model: Model, stop: AbortSignal): Promise<void> {
  try {
    let turn = performance.now();
    let before = turn;
    let busyUntil = 0;
    // The time that was slept has gone by before what the device is woken by.
    const catchUp = () => {
      const now = performance.now();
      model.clock.advance(now - before);
      before = now;
      return now;
    };
    while (!stop.aborted) {
      const now = catchUp();
      const sleep = Math.min(SLICE_MS, model.clock.untilNext ?? SLICE_MS);
      const what = connection.serve(now < busyUntil ? 0 : sleep, catchUp);
      if (what === 'gone') return;
      if (what === 'busy') busyUntil = performance.now() + SPIN_MS;
      if (now - turn >= SLICE_MS) {
        await nextTurn();
        turn = performance.now();
      }
    }
  } finally {
    connection.close();
  }
}
