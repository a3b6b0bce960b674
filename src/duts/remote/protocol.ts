/**
 * The remote-device protocol, by which anybody shows a device to the suite: lines of JSON, a question of the suite's and
 * the device's answer by turns. docs/remote-protocol.md specifies it, fixtures/remote/messages.schema.json is its schema.
 */
import type { Control, ControlCapability } from '../../port/controls.js';
import type { Width } from '../../port/registers.js';
import type { TransportName } from '../../port/transport-name.js';

/** The one version that there is. */
export const REMOTE_VERSION = 1;
/** No line is longer, the end of line included. */
export const MOST_LINE_BYTES = 256 * 1024;
/** No message moves more bytes of memory. */
export const MOST_DATA_BYTES = 64 * 1024;

/** By which the device is reached that a remote end shows: whatever has registers. */
export const REMOTE_TRANSPORTS = [
  'pci',
  'pci-legacy',
  'mmio',
  'mmio-legacy',
] as const satisfies readonly TransportName[];
export type RemoteTransport = (typeof REMOTE_TRANSPORTS)[number];

/** A range of registers. */
export type RemoteSpace = 'config' | `bar${0 | 1 | 2 | 3 | 4 | 5}` | 'window';

/** What the suite says. Each is answered by one line. */
export type Request =
  | { readonly op: 'hello'; readonly version: number; readonly transport: RemoteTransport }
  | { readonly op: 'read'; readonly space: RemoteSpace; readonly offset: number; readonly width: Width }
  | {
      readonly op: 'write';
      readonly space: RemoteSpace;
      readonly offset: number;
      readonly width: Width;
      readonly value: number;
    }
  /** Of memory that the device holds. */
  | { readonly op: 'memory-read'; readonly address: string; readonly length: number }
  | { readonly op: 'memory-write'; readonly address: string; readonly data: string }
  /** How the interrupt line is. */
  | { readonly op: 'line' }
  /** Let the device go on. */
  | { readonly op: 'poll' }
  /** Answered when the device has nothing left to do. */
  | { readonly op: 'settle' }
  | { readonly op: 'control'; readonly control: Control };

/** What the device says without being asked, before the answer that is waited for. */
export type Aside =
  /** Answered by `{"data": …}`, or by `{"error": …}` where no memory is. */
  | { readonly dma: 'read'; readonly address: string; readonly length: number }
  /** Not answered. What is written where no memory is, is lost. */
  | { readonly dma: 'write'; readonly address: string; readonly data: string }
  /** MSI-X vector. */
  | { readonly interrupt: number };

/** A range of memory; `base` in hex with 0x. */
export interface RemoteRegion {
  readonly base: string;
  readonly size: number;
  /** Where it is in the file. */
  readonly offset?: number;
}

/** The answer to `hello`: the facts about the device. */
export interface Hello {
  readonly version: number;
  readonly name: string;
  readonly device_version: string;
  /** Sizes in bytes of the BARs that there are, by their numbers. */
  readonly bars?: Readonly<Record<string, number>>;
  /** Size in bytes of the virtio-mmio window. */
  readonly window?: number;
  /** The memory that the device reaches; left out: the suite's own, which the device reads and writes by messages. */
  readonly memory?: { readonly file?: string; readonly regions: readonly RemoteRegion[] };
  /** `dma`: an interrupt message is written to memory like all else; `event`: it is said. Left out: `dma`. */
  readonly interrupts?: 'dma' | 'event';
  /** MSI-X vectors, with `event`. */
  readonly vectors?: number;
  /** The interrupt line can be asked about. */
  readonly line?: boolean;
  readonly controls?: readonly ControlCapability[];
  readonly settle_ms?: number;
  /** Nothing but the memory named here comes to harm by DMA to wrong addresses. */
  readonly dma_contained?: boolean;
  readonly units?: readonly {
    readonly target: number;
    readonly unit: number;
    readonly kind: 'disk' | 'cdrom' | 'tape';
    readonly scratch_serial?: string;
  }[];
  readonly free_target?: number;
  readonly free_unit?: { readonly target: number; readonly unit: number };
}

/** An address as messages write it. */
export const addressText = (address: bigint | number): string => `0x${address.toString(16)}`;
