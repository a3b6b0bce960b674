/** Memory whose addresses do not fit 32 bits. */
import type { DmaSpace } from '../port/dma-space.js';
import { PortError } from '../port/errors.js';

const FOUR_GIB = 1n << 32n;

/** The part of a device's memory from 4 GiB up. Allocating throws RangeError where there is none. */
export function highMemory(dma: DmaSpace): DmaSpace {
  return {
    mapped: dma.mapped,
    mark: () => dma.mark(),
    release: (mark) => dma.release(mark),
    alloc(size, options) {
      try {
        return dma.alloc(size, { ...options, minIova: FOUR_GIB });
      } catch (error) {
        if (!(error instanceof PortError) || error.code !== 'DMA_EXHAUSTED') throw error;
        throw new RangeError(`the device has no room above 4 GiB: ${error.message}`);
      }
    },
  };
}
