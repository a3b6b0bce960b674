/** What this process has open, for tests that look for leaks. */
import { readdirSync, readlinkSync } from 'node:fs';

/** Targets of all descriptors that are pipes, files without a name or sockets, by kind and sorted. */
export function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    })
    .filter((target) => /^(pipe|socket):|vscsi|\(deleted\)/.test(target))
    .sort();
}
