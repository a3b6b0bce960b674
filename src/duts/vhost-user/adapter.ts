/** The vhost-user device kind: a back-end that is there, or one that is started by a command of the user's. */
import { closeSync } from 'node:fs';
import type { Control } from '../../port/controls.js';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { findExecutable } from '../../sys/executable.js';
import { hasLibc } from '../../sys/libc.js';
import { SUPERVISOR_PROGRAM, type SupervisedProcess } from '../../sys/supervised.js';
import { acceptsConnections } from '../../sys/unix-socket.js';
import { type DutAdapter, type DutExit, DutSetupError, type Obstacle, type RunningDut } from '../dut.js';
import { launchBackend, SOCKET_PLACE, SocketFolder } from '../vhost/backend-process.js';
import { type BackendUnits, backendProfile } from '../vhost/served-profile.js';
import type { VhostUserAttach } from './port.js';

/** How to reach a back-end. */
export interface VhostUserOptions extends BackendUnits {
  /** Name of the socket at which it listens; a fresh one for a back-end that is started. */
  readonly socket?: string;
  /**
   * Program and arguments that start the back-end; `{socket}` in them stands for the name of the socket. Left out: it
   * is there.
   */
  readonly backend?: readonly string[];
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
function found(socket: string, options: VhostUserOptions): RunningDut {
  if (!acceptsConnections(socket))
    throw new DutSetupError(
      `nobody listens at ${socket}`,
      `start the back-end, or let --backend 'COMMAND ${SOCKET_PLACE}' start it`,
    );
  return {
    identity: { name: 'vhost-user', version: UNKNOWN_VERSION, details: { socket } },
    profile: backendProfile(options),
    attach: attachOf(socket, options),
    exited: new Promise(() => {}),
    controls: [],
    control: () => Promise.resolve(),
    kill: () => {},
    stop: () => Promise.resolve(),
  };
}

/** A back-end of this process, at a socket in a folder of its own unless the user has named one. */
async function startBackend(command: readonly string[], options: VhostUserOptions): Promise<RunningDut> {
  const folder = new SocketFolder();
  const socket = options.socket ?? folder.socket;
  const log = anonymousFile({ name: 'vscsi-backend-log', size: 0 });
  const release = () => {
    closeSync(log);
    folder.remove();
  };
  let running: SupervisedProcess;
  try {
    running = await launchBackend(command, socket, log);
  } catch (error) {
    release();
    throw error;
  }
  // The end of a process that was replaced is not the end of the device.
  let ended: (exit: DutExit) => void = () => {};
  const exited = new Promise<DutExit>((resolve) => {
    ended = resolve;
  });
  const replaced = new Set<SupervisedProcess>();
  const follow = (process: SupervisedProcess) =>
    process.exited.then((exit) => {
      if (!replaced.has(process)) ended(exit);
    });
  follow(running);
  return {
    identity: { name: 'vhost-user', version: UNKNOWN_VERSION, details: { backend: command.join(' ') } },
    profile: backendProfile(options),
    attach: attachOf(socket, options),
    exited,
    pid: running.pid,
    log,
    controls: ['power-cycle'],
    async control(control: Control) {
      if (control.name !== 'power-cycle') return;
      replaced.add(running);
      running.kill();
      await running.exited;
      running = await launchBackend(command, socket, log);
      follow(running);
    },
    kill: () => running.kill(),
    async stop() {
      running.kill();
      await running.exited;
      release();
    },
  };
}
