/** Devices at a Unix socket that carries descriptors: one that is there, or one that is started by a command of the user's. */
import { closeSync } from 'node:fs';
import type { Control } from '../port/controls.js';
import { anonymousFile } from '../sys/anonymous-file.js';
import { findExecutable } from '../sys/executable.js';
import { hasLibc } from '../sys/libc.js';
import { SUPERVISOR_PROGRAM } from '../sys/supervised.js';
import { acceptsConnections } from '../sys/unix-socket.js';
import { launchBackend, SOCKET_PLACE, SocketFolder, type StartedBackend } from './backend-process.js';
import { controlsAt } from './control-socket.js';
import { type DutExit, type DutProfile, DutSetupError, type Obstacle, type RunningDut } from './dut.js';

/** Where the device is. */
export interface SocketPlace {
  /** Name of the socket at which it listens; a fresh one for a device that is started. */
  readonly socket?: string;
  /**
   * Program and arguments that start it; `{socket}` in them stands for the name of the socket, `{control}` for that of
   * one at which it takes controls. Left out: it is there.
   */
  readonly backend?: readonly string[];
  /** Name of the socket at which a device that is there takes controls. */
  readonly controlSocket?: string;
}

/** The protocols have no word for it. */
const UNKNOWN_VERSION = 'unknown';

/** A device of one kind at a socket. */
export interface SocketDevice {
  /** Device kind. `--dut KIND:SOCKET` names a socket; `KIND` is all that is known of its identity. */
  readonly kind: string;
  readonly profile: DutProfile;
  /** What the port needs, for a device at this socket. */
  attach(socket: string): unknown;
}

/** What hinders a device of that kind; `named` is how `--dut` names one that is there. */
export function socketObstacles(named: string, { socket, backend }: SocketPlace): Obstacle[] {
  const found: Obstacle[] = [];
  if (!hasLibc())
    found.push({
      what: 'koffi is missing: sockets that carry descriptors need it',
      remedy: 'npm install koffi',
    });
  if (socket === undefined && backend === undefined)
    found.push({
      what: 'no back-end is named',
      remedy: `--dut ${named}, or --dut ${named.split(':')[0]} --backend 'COMMAND ${SOCKET_PLACE}'`,
      choice: true,
    });
  if (backend !== undefined && findExecutable(SUPERVISOR_PROGRAM) === undefined)
    found.push({ what: `${SUPERVISOR_PROGRAM} is not installed`, remedy: 'install util-linux' });
  return found;
}

/** Starts the device, or finds it. Throws DutSetupError. */
export function startAtSocket(device: SocketDevice, place: SocketPlace): Promise<RunningDut> {
  return place.backend === undefined ? found(device, place) : started(device, place, place.backend);
}

/** A device that somebody else has started. There is nothing about it that could be stopped. */
async function found(
  { kind, profile, attach }: SocketDevice,
  { socket = '', controlSocket }: SocketPlace,
): Promise<RunningDut> {
  if (!acceptsConnections(socket))
    throw new DutSetupError(
      `nobody listens at ${socket}`,
      `start the back-end, or let --backend 'COMMAND ${SOCKET_PLACE}' start it`,
    );
  const controls = controlSocket === undefined ? undefined : await controlsAt(controlSocket);
  return {
    identity: { name: kind, version: UNKNOWN_VERSION, details: { socket } },
    profile,
    attach: attach(socket),
    exited: new Promise(() => {}),
    controls: controls?.offered ?? [],
    control: (control) => controls?.invoke(control) ?? Promise.resolve(),
    kill: () => {},
    stop: () => Promise.resolve(),
  };
}

/** A device of this process, at a socket in a folder of its own unless the user has named one. */
async function started(
  { kind, profile, attach }: SocketDevice,
  place: SocketPlace,
  command: readonly string[],
): Promise<RunningDut> {
  const folder = new SocketFolder();
  const sockets = { socket: place.socket ?? folder.socket, control: place.controlSocket ?? folder.control };
  const log = anonymousFile({ name: 'vscsi-backend-log', size: 0 });
  const release = () => {
    closeSync(log);
    folder.remove();
  };
  let running: StartedBackend;
  try {
    running = await launchBackend(command, sockets, log);
  } catch (error) {
    release();
    throw error;
  }
  // The end of a process that was replaced is not the end of the device.
  let ended: (exit: DutExit) => void = () => {};
  const exited = new Promise<DutExit>((resolve) => {
    ended = resolve;
  });
  const replaced = new Set<StartedBackend>();
  const follow = (backend: StartedBackend) =>
    backend.process.exited.then((exit) => {
      if (!replaced.has(backend)) ended(exit);
    });
  follow(running);
  return {
    identity: { name: kind, version: UNKNOWN_VERSION, details: { backend: command.join(' ') } },
    profile,
    attach: attach(sockets.socket),
    exited,
    pid: running.process.pid,
    log,
    controls: [...new Set([...(running.controls?.offered ?? []), 'power-cycle' as const])],
    async control(control: Control) {
      if (control.name !== 'power-cycle') {
        await running.controls?.invoke(control);
        return;
      }
      replaced.add(running);
      running.process.kill();
      await running.process.exited;
      running = await launchBackend(command, sockets, log);
      follow(running);
    },
    kill: () => running.process.kill(),
    async stop() {
      running.process.kill();
      await running.process.exited;
      release();
    },
  };
}
