/** Asking a remote device what it is, before it is handed to the thread that drives it. */
import { DutSetupError } from '../dut.js';
import { LineError, RemoteLine } from './line.js';
import { mistakeIn } from './messages.js';
import { type Hello, REMOTE_VERSION, type RemoteTransport } from './protocol.js';

/** How long the answer to hello may take: a simulator may take its time. */
export const HELLO_LIMIT_MS = 30_000;

const REMEDY =
  '`vscsi remote check` looks at an implementation message by message; docs/remote-protocol.md specifies it';

/** The device's facts. Throws DutSetupError. `limitMs`: how long the answer may take. */
export async function askHello(
  toDevice: number,
  fromDevice: number,
  transport: RemoteTransport,
  limitMs = HELLO_LIMIT_MS,
): Promise<Hello> {
  const line = new RemoteLine(toDevice, fromDevice);
  let text: string;
  try {
    text = await line.ask(JSON.stringify({ op: 'hello', version: REMOTE_VERSION, transport }), limitMs);
  } catch (error) {
    if (!(error instanceof LineError)) throw error;
    throw new DutSetupError(`the remote device does not answer hello: ${error.message}`, REMEDY);
  }
  if (line.rest !== '')
    throw new DutSetupError('the remote device says more than it was asked, after hello', REMEDY);
  return helloOf(text);
}

/** The answer to hello in a line. Throws DutSetupError. */
export function helloOf(text: string): Hello {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new DutSetupError(
      `the remote device's answer to hello is no JSON: ${text.slice(0, 200).trim()}`,
      REMEDY,
    );
  }
  const { error, version } = (answer ?? {}) as { error?: unknown; version?: unknown };
  if (typeof error === 'string') throw new DutSetupError(`the remote device refuses hello: ${error}`);
  // What else another version answers, this one cannot judge.
  if (Number.isInteger(version) && version !== REMOTE_VERSION)
    throw new DutSetupError(
      `the remote device speaks version ${version} of the protocol, the suite ${REMOTE_VERSION}`,
    );
  const mistake = mistakeIn('hello', answer);
  if (mistake !== undefined)
    throw new DutSetupError(`the remote device's answer to hello: ${mistake}`, REMEDY);
  return answer as Hello;
}
