/** Files without a name: nobody has to delete them, even if this process is killed. */
import { randomUUID } from 'node:crypto';
import { closeSync, constants, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasLibc, libc } from './libc.js';

/** O_TMPFILE of Linux, which Node does not name. It includes O_DIRECTORY. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** How to make an anonymous file. */
export interface AnonymousFileOptions {
  /** Shows up in /proc only. */
  readonly name: string;
  /** Size in bytes; what `content` does not fill is zero. */
  readonly size: number;
  readonly content?: Uint8Array;
  /** Where it lies: `memory` needs koffi, `disk` is the directory for temporary files; default: memory if possible. */
  readonly place?: 'memory' | 'disk';
}

/** Makes a file without a name, open for reading and writing and closed on exec. Returns its descriptor. */
export function anonymousFile(options: AnonymousFileOptions): number {
  const { name, size, content, place = hasLibc() ? 'memory' : 'disk' } = options;
  const fd = place === 'memory' ? libc().memfd(name, size) : temporaryFile(name);
  try {
    if (place === 'disk') ftruncateSync(fd, size);
    if (content !== undefined) writeAll(fd, content);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
}

function temporaryFile(name: string): number {
  try {
    return openSync(tmpdir(), O_TMPFILE | constants.O_RDWR, 0o600);
  } catch {
    // A file system without O_TMPFILE (overlayfs before Linux 6.1, NFS): a name for a moment.
    const path = join(tmpdir(), `${name}-${randomUUID()}`);
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return fd;
  }
}
