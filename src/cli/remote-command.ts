/** `vscsi remote check`: whether an implementation speaks the remote-device protocol. */
import { setTimeout as later } from 'node:timers/promises';
import type { DutExit } from '../duts/dut.js';
import { HELLO_LIMIT_MS } from '../duts/remote/hello.js';
import { RemoteLine } from '../duts/remote/line.js';
import { openPeer } from '../duts/remote/peer.js';
import type { RemoteTransport } from '../duts/remote/protocol.js';
import { Colour, paint, type TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { checkRemote } from '../run/remote-check.js';
import { UsageError } from './errors.js';

export interface RemoteCheckOptions {
  readonly backend?: readonly string[];
  readonly transport: RemoteTransport;
  /** How long an answer may take, in milliseconds; that to hello at least as long as in a run. */
  readonly timeout: number;
}

/** How long a process that has closed the line is waited for, to say how it ended. */
const ENDING_MS = 1000;

/** Looks at the device at the address, or at that which the command is. Resolves to the exit code. Throws DutSetupError. */
export async function remoteCheckCommand(
  address: string | undefined,
  { backend, transport, timeout }: RemoteCheckOptions,
  out: TextSink,
  interrupt: AbortSignal,
): Promise<number> {
  if ((address === undefined) === (backend === undefined))
    throw new UsageError("either an address (unix:PATH or tcp:HOST:PORT), or --backend 'COMMAND'");
  const peer = await openPeer(backend === undefined ? { address: address ?? '' } : { command: backend });
  const kill = () => peer.kill();
  interrupt.addEventListener('abort', kill);
  try {
    const line = new RemoteLine(peer.toDevice, peer.fromDevice);
    const limits = { hello: Math.max(timeout, HELLO_LIMIT_MS), answer: timeout };
    const checks = checkRemote(line, transport, limits);
    let count = 0;
    let failed = 0;
    for (let next = await checks.next(); !interrupt.aborted; next = await checks.next()) {
      if (next.done) {
        const { name, device_version } = next.value ?? {};
        if (name !== undefined) out.write(`${name} ${device_version} by ${transport}\n`);
        break;
      }
      const { name, mistake, last = false } = next.value;
      count++;
      if (mistake !== undefined) failed++;
      out.write(`${mark(out, mistake === undefined)} ${name}\n`);
      if (mistake !== undefined) out.write(`        ${mistake}\n`);
      if (!last || interrupt.aborted) continue;
      const exit = await Promise.race([peer.exited, later(ENDING_MS)]);
      if (exit && backend !== undefined) out.write(`        ${endingOf(exit)}\n`);
      out.write('What follows was not looked at.\n');
    }
    if (interrupt.aborted) return ExitCode.INTERRUPTED;
    out.write(`${count} checks, ${failed === 0 ? 'nothing is wrong' : `${failed} failed`}\n`);
    return failed === 0 ? ExitCode.CONFORMANT : ExitCode.NOT_CONFORMANT;
  } finally {
    interrupt.removeEventListener('abort', kill);
    await peer.close();
  }
}

const mark = (out: TextSink, good: boolean): string =>
  good ? paint(out, Colour.GREEN, 'ok     ') : paint(out, Colour.RED, 'wrong  ');

const endingOf = ({ code, signal, stderr }: DutExit): string =>
  `it ended with ${signal ?? `exit code ${code}`}${stderr.trim() && `: ${stderr.trim().split('\n').join('\n        ')}`}`;
