/** An exchange with the device as bytes, with what it takes to read them; all of it plain data. */
import type { RequestSizes } from '../harness/request.js';
import type { Flight } from './flights.js';

/** How the parts of a command lie: they do not say it themselves. */
export interface CommandLayout extends RequestSizes {
  /** Bytes of protection information in the readable and in the writable part. */
  readonly piOut?: number;
  readonly piIn?: number;
}

/** What was sent and what came back. */
export interface ExchangeBytes {
  /** What was sent; a `chain` is bytes of the case's own making. */
  readonly kind: Flight['kind'];
  /** Index of the queue. */
  readonly queue: number;
  /** The device-readable part, in hex. */
  readonly out: string;
  /** The device-writable part as the device left it, in hex; left out where it was not returned. */
  readonly in?: string;
  /** What the ring said was written; left out where it says nothing that a driver may rely on. */
  readonly usedLen?: number;
  /** Of a command. */
  readonly layout?: CommandLayout;
  /** Bytes of the parts, where `out` or `in` hold only the beginning. */
  readonly outSize?: number;
  readonly inSize?: number;
}

/** So much of each part is kept with a finding: the header, the sense data and the beginning of the data. */
const KEPT_BYTES = 1024;

export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');

/** The layout of a flight that is a command. */
export function layoutOf({ exchange: { scsi } }: Flight): CommandLayout | undefined {
  if (scsi === undefined) return undefined;
  const { piOut, piInSize = 0 } = scsi.request;
  return {
    ...scsi.sizes,
    ...(piOut && piOut.length > 0 && { piOut: piOut.length }),
    ...(piInSize > 0 && { piIn: piInSize }),
  };
}

/** The readable part of a flight. */
export function readablePart({ exchange: { placed } }: Flight): Uint8Array {
  return Buffer.concat(placed.out.map(({ initial }) => initial));
}

/** A flight as it stands; with a finding only the beginning of long parts is kept. */
export function exchangeBytes(flight: Flight): ExchangeBytes {
  const { kind, exchange } = flight;
  const { answer, queue } = exchange;
  const out = readablePart(flight);
  const layout = layoutOf(flight);
  return {
    kind,
    queue,
    out: hexOf(out.subarray(0, KEPT_BYTES)),
    ...(out.length > KEPT_BYTES && { outSize: out.length }),
    ...(answer && {
      in: hexOf(answer.bytes.subarray(0, KEPT_BYTES)),
      ...(answer.bytes.length > KEPT_BYTES && { inSize: answer.bytes.length }),
      ...(answer.usedLen !== undefined && { usedLen: answer.usedLen }),
    }),
    ...(layout && { layout }),
  };
}
