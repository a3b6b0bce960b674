/** The remote device kind: whatever speaks the remote protocol, at the ends of a command or at a socket. */
import { closeSync, createReadStream, createWriteStream } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { findExecutable } from '../../sys/executable.js';
import { hasLibc } from '../../sys/libc.js';
import { makePipes, type Pipe } from '../../sys/pipes.js';
import { SUPERVISOR_PROGRAM, type SupervisedProcess, spawnSupervised } from '../../sys/supervised.js';
import {
  type DutAdapter,
  type DutExit,
  type DutProfile,
  DutSetupError,
  type Obstacle,
  type RunningDut,
} from '../dut.js';
import { askHello } from './hello.js';
import type { RemoteAttach } from './port.js';
import type { Hello, RemoteTransport } from './protocol.js';

/** How to reach a remote device: by exactly one of both. */
export interface RemoteOptions {
  /** Program and arguments that speak the protocol on standard input and output. */
  readonly command?: readonly string[];
  /** `unix:PATH`, or `tcp:HOST:PORT`. */
  readonly address?: string;
  /** By which it can be driven, the usual one first; default `pci`. */
  readonly transports?: readonly RemoteTransport[];
}

/** The main-thread half; its worker half is `openRemotePort`. */
export function remoteAdapter(options: RemoteOptions): DutAdapter {
  const { transports = ['pci'] } = options;
  return {
    name: 'remote',
    obstacles: () => Promise.resolve(obstacles(options)),
    transports,
    start: (transport = transports[0]) => start(options, transport as RemoteTransport),
  };
}

function obstacles({ command, address }: RemoteOptions): Obstacle[] {
  if (command === undefined && address === undefined)
    return [
      {
        what: 'no remote device is named',
        remedy:
          "--dut remote --backend 'COMMAND', or --dut remote:unix:SOCKET, or --dut remote:tcp:HOST:PORT",
      },
    ];
  if (command !== undefined && findExecutable(SUPERVISOR_PROGRAM) === undefined)
    return [{ what: `${SUPERVISOR_PROGRAM} is not installed`, remedy: 'install util-linux' }];
  return [];
}

/** Whoever is at the other ends of the two pipes. */
interface Peer {
  readonly details: Readonly<Record<string, string>>;
  readonly exited: Promise<DutExit>;
  readonly pid?: number;
  readonly log?: number;
  kill(): void;
  /** After `kill`. */
  release(): void;
}

async function start(options: RemoteOptions, transport: RemoteTransport): Promise<RunningDut> {
  const [obstacle] = obstacles(options);
  if (obstacle) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const [toDevice, fromDevice] = (await makePipes(2)) as [Pipe, Pipe];
  let peer: Peer | undefined;
  try {
    peer = await (options.command === undefined
      ? connected(options.address ?? '', toDevice, fromDevice)
      : spawned(options.command, toDevice, fromDevice));
    const hello = await Promise.race([
      askHello(toDevice.writeEnd, fromDevice.readEnd, transport),
      peer.exited.then((exit) => {
        throw new DutSetupError(`the remote device ended before it said hello, with ${ending(exit)}`);
      }),
    ]);
    if (hello.memory?.file !== undefined && !hasLibc())
      throw new DutSetupError(
        'koffi is missing, and mapping the memory of the device needs it',
        'npm install koffi',
      );
    return running(hello, peer, {
      transport,
      toDevice: toDevice.writeEnd,
      fromDevice: fromDevice.readEnd,
      hello,
    });
  } catch (error) {
    peer?.kill();
    await peer?.exited;
    peer?.release();
    closeSync(toDevice.writeEnd);
    closeSync(fromDevice.readEnd);
    throw error;
  }
}

function running(hello: Hello, peer: Peer, attach: RemoteAttach): RunningDut {
  const { exited, pid, log, kill } = peer;
  return {
    identity: {
      name: hello.name,
      version: hello.device_version,
      details: { ...peer.details, memory: memoryWord(hello) },
    },
    profile: profileOf(hello),
    attach,
    exited,
    ...(pid !== undefined && { pid }),
    ...(log !== undefined && { log }),
    // The worker asks the device itself.
    controls: [],
    control: () => Promise.resolve(),
    kill,
    async stop() {
      kill();
      await exited;
      peer.release();
      closeSync(attach.toDevice);
      closeSync(attach.fromDevice);
    },
  };
}

const memoryWord = ({ memory }: Hello): string =>
  memory === undefined ? 'by DMA messages' : memory.file === undefined ? 'copied' : 'mapped';

function profileOf({
  units,
  free_target,
  free_unit,
  dma_contained = false,
  settle_ms = 0,
}: Hello): DutProfile {
  return {
    units: (units ?? []).map(({ target, unit, kind, scratch_serial }) => ({
      target,
      unit,
      kind,
      ...(scratch_serial !== undefined && { scratchSerial: scratch_serial }),
    })),
    ...(units === undefined && { scan: true }),
    ...(free_target !== undefined && { freeTarget: free_target }),
    ...(free_unit && { freeUnit: free_unit }),
    dmaContained: dma_contained,
    settleMs: settle_ms,
  };
}

const ending = ({ code, signal, stderr }: DutExit): string =>
  `${signal ?? `exit code ${code}`}${stderr.trim() && `: ${stderr.trim()}`}`;

/** A process of this one, at whose standard input and output the device is. */
async function spawned(command: readonly string[], toDevice: Pipe, fromDevice: Pipe): Promise<Peer> {
  const [program = '', ...args] = command;
  const path = findExecutable(program);
  const closeTheirs = () => {
    closeSync(toDevice.readEnd);
    closeSync(fromDevice.writeEnd);
  };
  if (path === undefined) {
    closeTheirs();
    throw new DutSetupError(`the remote device cannot be started: there is no ${program}`);
  }
  const log = anonymousFile({ name: 'vscsi-remote-log', size: 0 });
  let process: SupervisedProcess;
  try {
    process = await spawnSupervised({
      command: path,
      args,
      stdin: toDevice.readEnd,
      stdout: fromDevice.writeEnd,
      stderr: log,
    });
  } finally {
    // Its own copies stay; that the last one is closed tells that it has ended.
    closeTheirs();
  }
  return {
    details: { command: command.join(' ') },
    exited: process.exited,
    pid: process.pid,
    log,
    kill: () => process.kill(),
    release: () => closeSync(log),
  };
}

/** A device at a socket, to which this thread carries what comes through the pipes. */
async function connected(address: string, toDevice: Pipe, fromDevice: Pipe): Promise<Peer> {
  const closeTheirs = () => {
    closeSync(toDevice.readEnd);
    closeSync(fromDevice.writeEnd);
  };
  let socket: Socket;
  try {
    socket = await open(address);
  } catch (error) {
    closeTheirs();
    const reason = error instanceof Error ? error.message : String(error);
    throw error instanceof DutSetupError ? error : new DutSetupError(`nobody is at ${address}: ${reason}`);
  }
  const toSocket = createReadStream('', { fd: toDevice.readEnd });
  const fromSocket = createWriteStream('', { fd: fromDevice.writeEnd });
  const broken = () => void socket.destroy();
  toSocket.on('error', broken);
  fromSocket.on('error', broken);
  socket.on('error', broken);
  toSocket.pipe(socket);
  socket.pipe(fromSocket);
  const exited = new Promise<DutExit>((resolve) => {
    socket.once('close', () => {
      fromSocket.end();
      resolve({ code: null, signal: null, stderr: '' });
    });
  });
  return { details: { address }, exited, kill: () => socket.destroy(), release: () => toSocket.destroy() };
}

const CONNECT_LIMIT_MS = 5000;

function open(address: string): Promise<Socket> {
  const [, path] = /^unix:(.+)$/.exec(address) ?? [];
  const [, host = '', port = ''] = /^tcp:(.+):(\d+)$/.exec(address) ?? [];
  if (path === undefined && host === '')
    throw new DutSetupError(`${address} is no address of a remote device`, 'unix:PATH or tcp:HOST:PORT');
  return new Promise((resolve, reject) => {
    const socket = path === undefined ? connect(Number(port), host) : connect(path);
    socket.setNoDelay(true);
    const timer = setTimeout(() => socket.destroy(new Error('no connection')), CONNECT_LIMIT_MS);
    socket.once('error', reject);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
