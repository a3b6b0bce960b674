/** Controls by a socket of the device's: a line of JSON that asks and a line that answers, for each a connection. */
import { connect } from 'node:net';
import { type ControlReply, MOST_LINE_BYTES, OFFERED, parseReply } from '../port/control-lines.js';
import type { Control, ControlCapability } from '../port/controls.js';
import { PortError } from '../port/errors.js';
import { DutSetupError } from './dut.js';

/** How long a control may take. */
const LIMIT_MS = 10_000;

/** The controls of a device behind a socket. */
export interface SocketControls {
  readonly offered: readonly ControlCapability[];
  /** Carries a control out; throws `PortError` CONTROL_REFUSED. */
  invoke(control: Control): Promise<void>;
}

/** Asks at the socket of this name what is offered. Throws DutSetupError. */
export async function controlsAt(path: string): Promise<SocketControls> {
  let reply: ControlReply;
  try {
    reply = await ask(path, { name: OFFERED });
  } catch (error) {
    throw new DutSetupError(
      `the back-end offers no controls at ${path}: ${error instanceof Error ? error.message : String(error)}`,
      'docs/controls.md says what has to be answered there',
    );
  }
  return {
    offered: reply.offered ?? [],
    async invoke(control) {
      const { error } = await ask(path, control).catch(refused);
      if (error !== undefined) throw new PortError('CONTROL_REFUSED', error);
    },
  };
}

function refused(error: unknown): never {
  throw new PortError('CONTROL_REFUSED', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}

/** The answer to one request. */
function ask(path: string, request: Control | { readonly name: typeof OFFERED }): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${JSON.stringify(request)}\n`));
    let line = '';
    socket.setEncoding('utf8');
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error(`no answer within ${LIMIT_MS} ms`)));
    socket.on('data', (text: string) => {
      line += text;
      if (line.length > MOST_LINE_BYTES) socket.destroy(new Error('an answer without end'));
      else if (line.includes('\n')) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      try {
        if (line === '') throw new Error('the connection was closed without an answer');
        resolve(parseReply(line));
      } catch (error) {
        reject(error);
      }
    });
  });
}
