/** A vhost-user back-end that is started for a run, by a command of the user's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findExecutable } from '../../sys/executable.js';
import { type SupervisedProcess, spawnSupervised } from '../../sys/supervised.js';
import { acceptsConnections } from '../../sys/unix-socket.js';
import { type DutExit, DutSetupError } from '../dut.js';

/** What stands for the name of the socket in the words of a command. */
export const SOCKET_PLACE = '{socket}';

const START_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 5;

/** A folder of its own for the socket of one back-end. */
export class SocketFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vscsi-vhost-'));
  /** Name of the socket. */
  readonly socket = join(this.#folder, 'socket');

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Starts a back-end and waits until it listens. `log`: file for its standard error. Throws DutSetupError. */
export async function launchBackend(
  command: readonly string[],
  socket: string,
  log: number,
): Promise<SupervisedProcess> {
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
        `try the command by hand, with the path of a socket for ${SOCKET_PLACE}`,
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
