/**
 * What a device under test offers to a transport, as separate small contracts.
 *
 * All contracts are synchronous: a port is used from one worker thread that has nothing else to do, so waiting may
 * block it. A device whose access is asynchronous by nature sits behind a thread of its own. This keeps the driver
 * straight-line code, and one register write one system call.
 */
import type { Controls } from './controls.js';
import type { DmaSpace } from './dma-space.js';
import type { DeliveredInterrupts } from './interrupts.js';
import type { Clock, Lifecycle } from './lifecycle.js';
import type { Attachment } from './registers.js';
import type { TransportName } from './transport-name.js';

/** An open device under test, as the driver side sees it. */
export interface Port {
  /** How the device is to be driven; `attachment` is what it hangs on. */
  readonly transport: TransportName;
  readonly attachment: Attachment;
  readonly dma: DmaSpace;
  /**
   * Interrupts that the port delivers itself (eventfds, say). Left out where interrupt messages are DMA writes: the
   * transport then aims the MSI-X table at memory of its own.
   */
  readonly interrupts?: DeliveredInterrupts;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly controls: Controls;
  /** Releases what the port holds in this thread. */
  close(): void;
}
