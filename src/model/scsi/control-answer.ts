/** What a control request asks, and what it is answered ("Device Operation: controlq"). */
import type { Chain } from '../virtio/chain.js';

/** The readable part of a control request as the device understands it. */
export interface ControlRequest {
  readonly type: number;
  /** Task management function; 0 for asynchronous notification. */
  readonly subtype: number;
  readonly lun: Uint8Array;
  /** Tag of the command that a function names; 0 for asynchronous notification. */
  readonly id: bigint;
  /** 0 for task management. */
  readonly eventRequested: number;
}

export interface ControlAnswer {
  readonly type: 'tmf' | 'an' | 'unknown';
  readonly response: number;
  /** event_actual; 0 for task management. */
  readonly eventActual: number;
  /** Ranges `[from, to)` of the writable part that are left as they were; none on a conformant device. */
  readonly unwritten: readonly (readonly [from: number, to: number])[];
}

/** What an answer is given to: the buffer, and what was read from it unless it could not be read. */
export interface ControlContext {
  readonly chain: Chain;
  readonly request?: ControlRequest;
}
