/** A socket at which others can do to a served device what its driver cannot: one connection for each control. */
import { rmSync } from 'node:fs';
import {
  ControlLineError,
  type ControlReply,
  MOST_LINE_BYTES,
  OFFERED,
  parseControl,
} from '../port/control-lines.js';
import { type Controls, capabilityFor } from '../port/controls.js';
import { PortError } from '../port/errors.js';
import { PollSet } from '../sys/events.js';
import { libc } from '../sys/libc.js';
import { LibcError } from '../sys/native.js';
import { acceptUnix, listenUnix, receiveFrom, sendTo } from '../sys/unix-socket.js';

/** Whoever connects says what it wants at once: the device is not served while it is waited for. */
const LINE_LIMIT_MS = 1000;
const NEWLINE = 0x0a;

/** Listens from the start. */
export class ControlSocket {
  /** Readable when somebody wants something. */
  readonly fd: number;
  readonly #path: string;
  readonly #controls: Controls;

  /** Throws `LibcError` when it cannot listen. */
  constructor(path: string, controls: Controls) {
    this.fd = listenUnix(path);
    this.#path = path;
    this.#controls = controls;
  }

  /** Carries out what somebody asks for, and answers. */
  attend(): void {
    const connection = acceptUnix(this.fd);
    try {
      const line = lineFrom(connection);
      if (line !== undefined) sendTo(connection, Buffer.from(`${JSON.stringify(this.#reply(line))}\n`));
    } catch (error) {
      // Whoever asked has gone away; what was asked for is done.
      if (!(error instanceof LibcError)) throw error;
    } finally {
      libc().close(connection);
    }
  }

  close(): void {
    libc().close(this.fd);
    rmSync(this.#path, { force: true });
  }

  #reply(line: string): ControlReply {
    try {
      const asked = parseControl(line);
      if (asked === OFFERED) return { offered: [...this.#controls.offered] };
      const capability = capabilityFor(asked);
      if (capability !== undefined && !this.#controls.offered.has(capability))
        return { error: `${capability} is not offered` };
      this.#controls.invoke(asked);
      return {};
    } catch (error) {
      if (error instanceof ControlLineError || error instanceof PortError) return { error: error.message };
      throw error;
    }
  }
}

/** What is said up to the end of the line or of all; undefined when nobody says anything in time, or far too much. */
function lineFrom(connection: number): string | undefined {
  const readable = new PollSet([connection]);
  const deadline = performance.now() + LINE_LIMIT_MS;
  let line = Buffer.alloc(0);
  for (;;) {
    const got = receiveFrom(connection, MOST_LINE_BYTES);
    if (got === undefined) {
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      readable.wait(left);
      continue;
    }
    for (const fd of got.fds) libc().close(fd);
    line = Buffer.concat([line, got.data]);
    const end = line.indexOf(NEWLINE);
    if (end >= 0) return line.toString('utf8', 0, end);
    if (got.data.length === 0) return line.length > 0 ? line.toString('utf8') : undefined;
    if (line.length > MOST_LINE_BYTES) return undefined;
  }
}
