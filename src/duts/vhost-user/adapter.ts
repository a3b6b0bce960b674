/** The vhost-user device kind: a back-end that is there, or one that is started by a command of the user's. */
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Control } from '../../port/controls.js';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { findExecutable } from '../../sys/executable.js';
import { hasLibc } from '../../sys/libc.js';
import { SUPERVISOR_PROGRAM, type SupervisedProcess, spawnSupervised } from '../../sys/supervised.js';
import { acceptsConnections } from '../../sys/unix-socket.js';
import {
  type DutAdapter,
  type DutExit,
  type DutProfile,
  DutSetupError,
  type Obstacle,
  type RunningDut,
  type UnitProfile,
} from '../dut.js';
import type { VhostUserAttach } from './port.js';

/** How to reach a back-end. */
export interface VhostUserOptions {
  /** Name of the socket at which it listens; a fresh one for a back-end that is started. */
  readonly socket?: string;
  /**
   * Program and arguments that start the back-end; `{socket}` in them stands for the name of the socket. Left out: it
   * is there.
   */
  readonly backend?: readonly string[];
  /** Its units; left out: those of `vscsi serve`. */
  readonly units?: readonly UnitProfile[];
  readonly freeTarget?: number;
  readonly freeUnit?: { readonly target: number; readonly unit: number };
  /** Request queues to use where the back-end does not tell how many it has; default 1. */
  readonly requestQueues?: number;
  /** How long a reply of the back-end may take, in milliseconds. */
  readonly replyLimitMs?: number;
}

/** What is replaced by the name of the socket in the words of a command. */
export const SOCKET_PLACE = '{socket}';

const START_LIMIT_MS = 10_000;
const LOOK_EVERY_MS = 5;
const REPLY_LIMIT_MS = 3000;
const SETTLE_MS = 2;
/** Units, and places without one, of a back-end that nobody described: `vscsi serve` as it is without a profile. */
const USUAL_UNITS: readonly UnitProfile[] = [
  { target: 0, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-0' },
  { target: 0, unit: 1, kind: 'disk' },
  { target: 1, unit: 0, kind: 'cdrom' },
  { target: 2, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI' },
];
const USUAL_FREE_TARGET = 3;
const USUAL_FREE_UNIT = { target: 0, unit: 2 };

function profileOf({ units, freeTarget, freeUnit }: VhostUserOptions): DutProfile {
  const target = freeTarget ?? (units === undefined ? USUAL_FREE_TARGET : undefined);
  const unit = freeUnit ?? (units === undefined ? USUAL_FREE_UNIT : undefined);
  return {
    units: units ?? USUAL_UNITS,
    ...(target !== undefined && { freeTarget: target }),
    ...(unit && { freeUnit: unit }),
    // The back-end reaches what it was given, and nothing else of this process.
    dmaContained: true,
    settleMs: SETTLE_MS,
  };
}

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
  return { socket, requestQueues, replyLimitMs, settleMs: SETTLE_MS } satisfies VhostUserAttach;
}

/** A back-end that somebody else has started. There is nothing about it that could be stopped. */
function found(socket: string, options: VhostUserOptions): RunningDut {
  if (!acceptsConnections(socket))
    throw new DutSetupError(
      `nobody listens at ${socket}`,
      `start the back-end, or let --backend 'COMMAND ${SOCKET_PLACE}' start it`,
    );
  return {
    identity: { name: 'vhost-user', version: '', details: { socket } },
    profile: profileOf(options),
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
  const folder = options.socket === undefined ? mkdtempSync(join(tmpdir(), 'vscsi-vhost-')) : undefined;
  const socket = options.socket ?? join(folder ?? '', 'socket');
  const log = anonymousFile({ name: 'vscsi-backend-log', size: 0 });
  const release = () => {
    closeSync(log);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  let running: SupervisedProcess;
  try {
    running = await launch(command, socket, log);
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
    identity: { name: 'vhost-user', version: '', details: { backend: command.join(' ') } },
    profile: profileOf(options),
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
      running = await launch(command, socket, log);
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

/** Starts the back-end and waits until somebody listens at its socket. Throws DutSetupError. */
async function launch(command: readonly string[], socket: string, log: number): Promise<SupervisedProcess> {
  // One that was killed may have left its name behind.
  rmSync(socket, { force: true });
  const [program = '', ...args] = command.map((word) => word.replaceAll(SOCKET_PLACE, socket));
  const path = findExecutable(program);
  if (path === undefined) throw new DutSetupError(`the back-end cannot be started: there is no ${program}`);
  const process = await spawnSupervised({
    command: path,
    args,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: log,
  });
  let exit: DutExit | undefined;
  process.exited.then((how) => {
    exit = how;
  });
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    if (exit !== undefined) {
      const said = exit.stderr.trim();
      throw new DutSetupError(
        `the back-end ended before it listened, with ${exit.signal ?? `exit code ${exit.code}`}${said && `: ${said}`}`,
      );
    }
    if (acceptsConnections(socket)) return process;
    if (performance.now() > deadline) {
      process.kill();
      throw new DutSetupError(
        `nobody listens at ${socket} ${START_LIMIT_MS} ms after the back-end was started`,
        `its command names the socket by ${SOCKET_PLACE}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
