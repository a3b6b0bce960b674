/** Names of registers as parts of the ids of mutants. */

/** `QueueSizeMax` as `queue-size-max`, `QueuePFN` as `queue-pfn`, `SHMLenLow` as `shm-len-low`. */
export function registerId(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
}
