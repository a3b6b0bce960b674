/** A device at a Unix socket that is started for a run, by a command of the user's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findExecutable } from '../sys/executable.js';
import { type SupervisedProcess, spawnSupervised } from '../sys/supervised.js';
import { acceptsConnections } from '../sys/unix-socket.js';
import { controlsAt, type SocketControls } from './control-socket.js';
import { type DutExit, DutSetupError } from './dut.js';

/** What stands for the name of the socket in the words of a command. */
export const SOCKET_PLACE = '{socket}';
/** What stands for the name of a socket at which it takes controls. */
export const CONTROL_PLACE = '{control}';

const START_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 5;

/** A back-end that was started. */
export interface StartedBackend {
  readonly process: SupervisedProcess;
  /** What its command does not say, it has not. */
  readonly controls: SocketControls | undefined;
}

/** A folder of its own for the sockets of one back-end. */
export class SocketFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vscsi-sockets-'));
  /** Name of the socket. */
  readonly socket = join(this.#folder, 'socket');
  /** Name of the socket for controls. */
  readonly control = join(this.#folder, 'control');

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Starts a back-end and waits until it listens. `log`: file for its standard error. Throws DutSetupError. */
export async function launchBackend(
  command: readonly string[],
  { socket, control }: Pick<SocketFolder, 'socket' | 'control'>,
  log: number,
): Promise<StartedBackend> {
  // One that was killed may have left its names behind.
  for (const name of [socket, control]) rmSync(name, { force: true });
  const [program = '', ...args] = command.map((word) =>
    word.replaceAll(SOCKET_PLACE, socket).replaceAll(CONTROL_PLACE, control),
  );
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
  const controlled = command.some((word) => word.includes(CONTROL_PLACE));
  const deadline = performance.now() + START_LIMIT_MS;
  try {
    for (const [name, place] of [
      [socket, SOCKET_PLACE],
      ...(controlled ? [[control, CONTROL_PLACE]] : []),
    ] as const)
      while (!acceptsConnections(name)) {
        if (exit !== undefined) throw ended(exit);
        if (performance.now() > deadline)
          throw new DutSetupError(
            `nobody listens at ${name} ${START_LIMIT_MS} ms after the back-end was started`,
            `its command names the socket by ${place}`,
          );
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    return { process, controls: controlled ? await controlsAt(control) : undefined };
  } catch (error) {
    process.kill();
    await process.exited;
    throw error;
  }
}

function ended({ code, signal, stderr }: DutExit): DutSetupError {
  const said = stderr.trim();
  return new DutSetupError(
    `the back-end ended before it listened, with ${signal ?? `exit code ${code}`}${said && `: ${said}`}`,
    `try the command by hand, with the path of a socket for ${SOCKET_PLACE}`,
  );
}
