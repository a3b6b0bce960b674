/** What a case exchanged with the device, as text: one file a case, one line a deed, bytes in hex. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { scsiAnswer } from '../harness/request.js';
import { formatSense, parseSense } from '../wire/scsi/sense.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';
import type { Flight } from './flights.js';
import { requestText } from './request-text.js';

/** The file of one case. Every line is on disk at once: a case that the device does not survive is told to its last deed. */
export class CaseTrace {
  readonly #file: number;
  #failure: Error | undefined;

  /** Begins the file, named after the case, in a folder that is made if need be. Throws the file system's error. */
  constructor(folder: string, id: string) {
    mkdirSync(folder, { recursive: true });
    this.#file = openSync(join(folder, `${id.replaceAll(/[^\w.()[\],-]/g, '_').slice(0, 200)}.txt`), 'w');
    this.#say(id);
  }

  /** A step begins. */
  step(label: string, kind: string, place: string): void {
    this.#say('');
    this.#say(`step ${label}: ${kind}  (${place})`);
  }

  /** A chain was made available. */
  sent({ kind, exchange: { queue, chain, placed } }: Flight): void {
    const out = Buffer.concat(placed.out.map(({ initial }) => initial)).toString('hex');
    const text = kind === 'chain' ? undefined : requestText(out);
    // A ring that is filled in order gives a chain its place when it is made available.
    const place = chain.slots.length > 0 ? `head ${chain.head}` : 'next';
    this.#say(`  -> queue ${queue} ${place}: ${text ?? kind}`);
    for (const { initial, iova } of placed.out)
      this.#say(`     out ${at(iova)} ${Buffer.from(initial).toString('hex')}`);
    for (const { size, iova } of placed.in) this.#say(`     in  ${at(iova)} ${size} bytes`);
  }

  /** A chain came back, or did not. */
  returned({ exchange: { queue, chain, placed, answer, scsi, interrupted, used } }: Flight): void {
    const head = `queue ${queue} head ${chain.head}`;
    if (answer === undefined) {
      this.#say(`  <- ${head}: nothing`);
      return;
    }
    const notes = [`used len ${answer.usedLen ?? '?'}`, `used index ${used?.index ?? '?'}`];
    if (interrupted !== undefined) notes.push(interrupted ? 'interrupt' : 'no interrupt');
    if (scsi) {
      const { response, sense } = scsiAnswer(answer, scsi.sizes, scsi.request.piInSize);
      notes.push(
        `response ${nameOf(Response, response.response)}`,
        `status ${nameOf(ScsiStatus, response.status)}`,
      );
      notes.push(`residual ${response.residual}`);
      const parsed = parseSense(sense.subarray(0, response.sense_len));
      if (response.sense_len > 0) notes.push(`sense ${parsed.ok ? formatSense(parsed) : parsed.reason}`);
    }
    this.#say(`  <- ${head}: ${notes.join(', ')}`);
    let done = 0;
    for (const { size, iova } of placed.in) {
      this.#say(
        `     in  ${at(iova)} ${Buffer.from(answer.bytes.subarray(done, done + size)).toString('hex')}`,
      );
      done += size;
    }
  }

  /** A location was looked at or changed. */
  access(verb: 'read' | 'write', location: string, value: bigint | Uint8Array): void {
    const shown = typeof value === 'bigint' ? `0x${value.toString(16)}` : Buffer.from(value).toString('hex');
    this.#say(`  ${verb} ${location} = ${shown}`);
  }

  /** Ends the file with the verdict. Throws the error of the first line that could not be written. */
  end(verdict: string): void {
    this.#say('');
    this.#say(`verdict ${verdict}`);
    closeSync(this.#file);
    if (this.#failure) throw this.#failure;
  }

  /** A full disk must not change what the case does: the failure waits for the end. */
  #say(line: string): void {
    if (this.#failure) return;
    try {
      writeSync(this.#file, `${line}\n`);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}

const at = (iova: bigint) => `@${iova.toString(16).padStart(11, '0')}`;

function nameOf(table: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(table).find(([, code]) => code === value)?.[0] ?? `0x${value.toString(16)}`;
}
