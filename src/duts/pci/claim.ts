/** One run at a time drives a function: two would reset it, and place its rings, behind each other's back. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { libc } from '../../sys/libc.js';
import { DutSetupError } from '../dut.js';
import type { HostFunction } from '../pci-function/host-function.js';

/**
 * Takes a function for this process and those that inherit the descriptor, until the last has closed it. Throws
 * `DutSetupError` where another has it, `LibcError` and the file system's errors.
 */
export function claimFunction({ address, folder }: Pick<HostFunction, 'address' | 'folder'>): number {
  const fd = openSync(join(folder, 'config'), 'r+');
  try {
    if (!libc().lock(fd))
      throw new DutSetupError(
        `another run drives ${address}, or the guard of one that has just been killed`,
        `wait until it has ended; fuser ${join(folder, 'config')} tells which it is`,
      );
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
