/** Whoever is at the other end of the line of a remote device: a process that the suite starts, or what is at a socket. */
import { closeSync, createReadStream, createWriteStream } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { findExecutable } from '../../sys/executable.js';
import { makePipes, type Pipe } from '../../sys/pipes.js';
import { type SupervisedProcess, spawnSupervised } from '../../sys/supervised.js';
import { type DutExit, DutSetupError } from '../dut.js';

/** Where a remote device is: exactly one of both. */
export interface RemotePlace {
  /** Program and arguments that speak the protocol on standard input and output. */
  readonly command?: readonly string[];
  /** `unix:PATH`, or `tcp:HOST:PORT`. */
  readonly address?: string;
}

/** Whoever is at the other end. */
export interface RemotePeer {
  /** Descriptors of the suite's end, both blocking. */
  readonly toDevice: number;
  readonly fromDevice: number;
  readonly details: Readonly<Record<string, string>>;
  readonly exited: Promise<DutExit>;
  readonly pid?: number;
  /** Descriptor of the file that gathers its standard error. */
  readonly log?: number;
  kill(): void;
  /** Ends it and closes all descriptors. */
  close(): Promise<void>;
}

/** The far ends of the two pipes, and what is there. */
interface FarEnd extends Pick<RemotePeer, 'details' | 'exited' | 'pid' | 'log' | 'kill'> {
  /** After its end. */
  release(): void;
}

/** Starts the process, or connects to the socket. Throws DutSetupError. */
export async function openPeer({ command, address = '' }: RemotePlace): Promise<RemotePeer> {
  const [to, from] = (await makePipes(2)) as [Pipe, Pipe];
  let farEnd: FarEnd;
  try {
    farEnd = await (command === undefined ? connected(address, to, from) : spawned(command, to, from));
  } catch (error) {
    closeSync(to.writeEnd);
    closeSync(from.readEnd);
    throw error;
  }
  const { release, ...rest } = farEnd;
  return {
    ...rest,
    toDevice: to.writeEnd,
    fromDevice: from.readEnd,
    async close() {
      rest.kill();
      await rest.exited;
      release();
      closeSync(to.writeEnd);
      closeSync(from.readEnd);
    },
  };
}

/** A process of this one, at whose standard input and output the device is. */
async function spawned(command: readonly string[], toDevice: Pipe, fromDevice: Pipe): Promise<FarEnd> {
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
async function connected(address: string, toDevice: Pipe, fromDevice: Pipe): Promise<FarEnd> {
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
    const refused = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once('error', refused);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', refused);
      resolve(socket);
    });
  });
}
