/** The vhost-user device kind: a back-end that is there, or one that is started by a command of the user's. */
import { closeSync } from 'node:fs';
import type { Control } from '../../port/controls.js';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { findExecutable } from '../../sys/executable.js';
import { hasLibc } from '../../sys/libc.js';
import { SUPERVISOR_PROGRAM } from '../../sys/supervised.js';
import { acceptsConnections } from '../../sys/unix-socket.js';
import { launchBackend, SOCKET_PLACE, SocketFolder, type StartedBackend } from '../backend-process.js';
import { controlsAt } from '../control-socket.js';
import { type DutAdapter, type DutExit, DutSetupError, type Obstacle, type RunningDut } from '../dut.js';
import { type BackendUnits, backendProfile } from '../vhost/backend-profile.js';
import type { VhostUserAttach } from './port.js';

/** How to reach a back-end. */
export interface VhostUserOptions extends BackendUnits {
  /** Name of the socket at which it listens; a fresh one for a back-end that is started. */
  readonly socket?: string;
  /**
   * Program and arguments that start the back-end; `{socket}` in them stands for the name of the socket, `{control}` for
   * that of one at which it takes controls. Left out: it is there.
   */
  readonly backend?: readonly string[];
  /** Name of the socket at which a back-end that is there takes controls. */
  readonly controlSocket?: string;
  /** Request queues to use where the back-end does not tell how many it has; default 1. */
  readonly requestQueues?: number;
  /** How long a reply of the back-end may take, in milliseconds. */
  readonly replyLimitMs?: number;
}

const REPLY_LIMIT_MS = 8000;
/** The protocol has no word for it. */
const UNKNOWN_VERSION = 'unknown';

/** The main-thread half; its worker half is `openVhostUserPort`. */
export function vhostUserAdapter(options: VhostUserOptions): DutAdapter {
  return {
    name: 'vhost-user',
    obstacles: () => Promise.resolve(obstacles(options)),
    transports: ['vhost-user'],
    start: () => start(options),
  };
}

function obstacles({ socket, backend }: VhostUserOptions): Obstacle[] {
  const found: Obstacle[] = [];
  if (!hasLibc())
    found.push({
      what: 'koffi is missing: sockets that carry descriptors need it',
      remedy: 'npm install koffi',
    });
  if (socket === undefined && backend === undefined)
    found.push({
      what: 'no back-end is named',
      remedy: `--dut vhost-user:SOCKET, or --dut vhost-user --backend 'COMMAND ${SOCKET_PLACE}'`,
    });
  if (backend !== undefined && findExecutable(SUPERVISOR_PROGRAM) === undefined)
    found.push({ what: `${SUPERVISOR_PROGRAM} is not installed`, remedy: 'install util-linux' });
  return found;
}

async function start(options: VhostUserOptions): Promise<RunningDut> {
  const [obstacle] = obstacles(options);
  if (obstacle) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const { backend, socket } = options;
  if (backend !== undefined) return startBackend(backend, options);
  return found(socket ?? '', options);
}

function attachOf(socket: string, { requestQueues = 1, replyLimitMs = REPLY_LIMIT_MS }: VhostUserOptions) {
  return {
    socket,
    requestQueues,
    replyLimitMs,
    settleMs: backendProfile({}).settleMs,
  } satisfies VhostUserAttach;
}

/** A back-end that somebody else has started. There is nothing about it that could be stopped. */
async function found(socket: string, options: VhostUserOptions): Promise<RunningDut> {
  if (!acceptsConnections(socket))
    throw new DutSetupError(
      `nobody listens at ${socket}`,
      `start the back-end, or let --backend 'COMMAND ${SOCKET_PLACE}' start it`,
    );
  const { controlSocket } = options;
  const controls = controlSocket === undefined ? undefined : await controlsAt(controlSocket);
  return {
    identity: { name: 'vhost-user', version: UNKNOWN_VERSION, details: { socket } },
    profile: backendProfile(options),
    attach: attachOf(socket, options),
    exited: new Promise(() => {}),
    controls: controls?.offered ?? [],
    control: (control) => controls?.invoke(control) ?? Promise.resolve(),
    kill: () => {},
    stop: () => Promise.resolve(),
  };
}

/** A back-end of this process, at a socket in a folder of its own unless the user has named one. */
async function startBackend(command: readonly string[], options: VhostUserOptions): Promise<RunningDut> {
  const folder = new SocketFolder();
  const sockets = {
    socket: options.socket ?? folder.socket,
    control: options.controlSocket ?? folder.control,
  };
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
    identity: { name: 'vhost-user', version: UNKNOWN_VERSION, details: { backend: command.join(' ') } },
    profile: backendProfile(options),
    attach: attachOf(sockets.socket, options),
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
