/** REPORT TIMESTAMP and SET TIMESTAMP (SPC-5). */
import { be16, bytes, struct, u8 } from '../../../wire/layout.js';
import { goodAfter, goodWith } from '../command-result.js';
import { allocated, type CommandEntry } from '../command-table.js';
import { CheckCondition, Sense } from '../sense.js';

const reported = struct('REPORT TIMESTAMP parameter data', {
  length: be16,
  /** TIMESTAMP ORIGIN bits 2-0. */
  origin: u8,
  reserved: u8,
  /** Milliseconds, big-endian. */
  timestamp: bytes(6),
  more: bytes(2),
});
const LIST_SIZE = 12;
const TIMESTAMP_AT = 4;
const TIMESTAMP_SIZE = 6;
const Origin = { RESET: 0, SET: 2 } as const;

/** A clock that counts from zero, or from what was set. */
export class UnitTimestamp {
  readonly #now: () => number;
  #origin: number = Origin.RESET;
  /** What has to be added to the time. */
  #offset: bigint;

  /** `now` is the time in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#offset = -this.#time();
  }

  #time(): bigint {
    return BigInt(Math.trunc(this.#now()));
  }

  /** As after power on. */
  reset(): void {
    this.#origin = Origin.RESET;
    this.#offset = -this.#time();
  }

  set(milliseconds: bigint): void {
    this.#origin = Origin.SET;
    this.#offset = milliseconds - this.#time();
  }

  get data(): Uint8Array {
    const eight = new DataView(new ArrayBuffer(8));
    eight.setBigUint64(0, this.#time() + this.#offset);
    return reported.encode({
      length: reported.size - 2,
      origin: this.#origin,
      timestamp: new Uint8Array(eight.buffer, 8 - TIMESTAMP_SIZE),
    });
  }
}

export function timestampCommands(timestamp: UnitTimestamp): CommandEntry[] {
  return [
    {
      name: 'REPORT TIMESTAMP',
      accepts: ['allocation_length'],
      run: (call) => goodWith(allocated(call, timestamp.data)),
    },
    {
      name: 'SET TIMESTAMP',
      accepts: ['parameter_list_length'],
      run: (call) => {
        const size = Number(call.fields.parameter_list_length);
        if (size === 0) return goodAfter(0);
        const list = call.task.dataOut(size);
        if (size < LIST_SIZE) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, size);
        let milliseconds = 0n;
        for (const byte of list.subarray(TIMESTAMP_AT, TIMESTAMP_AT + TIMESTAMP_SIZE))
          milliseconds = (milliseconds << 8n) | BigInt(byte);
        timestamp.set(milliseconds);
        return goodAfter(size);
      },
    },
  ];
}
