/**
 * A piece of memory shared between the worker and the watchdog. The worker says where it is; the watchdog can tell
 * that it no longer moves, and, when worker or device are gone, which step with which bytes was the last.
 */

const WORDS = 6;
const MAX_SENT = 4096;
const Word = { PROGRESS: 0, CASE: 1, STEP: 2, SENT: 3, STOP: 4, PLACE: 5 } as const;

/** Index of the case before the first one of a device. */
export const NO_CASE = -1;

/** Where the worker was. */
export interface Whereabouts {
  /** Index of the case in the plan, or `NO_CASE`. */
  readonly caseIndex: number;
  /** Number of the step from 1; 0 for set-up. */
  readonly step: number;
  /** Line of the step in its file, 0 for set-up. */
  readonly line: number;
  /** The readable part of the last request, at most 4 KiB of it. */
  readonly sent: Uint8Array;
}

/** The line that says so, for a watchdog that does not share the memory. */
export function beaconLine(caseIndex: number, step: number, line: number): string {
  return `${caseIndex} ${step} ${line}\n`;
}

/** What the last whole line of a text says; undefined where there is none. */
export function readBeaconLines(text: string): Omit<Whereabouts, 'sent'> | undefined {
  const last = text.split('\n').slice(0, -1).at(-1);
  if (last === undefined) return undefined;
  const [caseIndex = NO_CASE, step = 0, line = 0] = last.split(' ').map(Number);
  return { caseIndex, step, line };
}

export class Beacon {
  /** Called with the lines that say where the worker is, before it goes on; whoever has it writes them down. */
  announce: ((line: string) => void) | undefined;
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #sent: Uint8Array;

  constructor(buffer = new SharedArrayBuffer(4 * WORDS + MAX_SENT)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#sent = new Uint8Array(buffer, 4 * WORDS);
  }

  /** Worker: a case begins. */
  enterCase(index: number): void {
    Atomics.store(this.#words, Word.CASE, index);
    Atomics.store(this.#words, Word.SENT, 0);
    this.enterStep(0, 0);
  }

  /** Worker: a step begins. */
  enterStep(step: number, line: number): void {
    // Within a step that repeats others there is nothing new to say.
    if (this.announce !== undefined && (step === 0 || step !== Atomics.load(this.#words, Word.STEP)))
      this.announce(beaconLine(Atomics.load(this.#words, Word.CASE), step, line));
    Atomics.store(this.#words, Word.STEP, step);
    Atomics.store(this.#words, Word.PLACE, line);
    this.progressed();
  }

  /** Worker: it gets on, whatever it is at. */
  progressed(): void {
    Atomics.add(this.#words, Word.PROGRESS, 1);
  }

  /** Worker: these bytes are about to be sent. */
  sending(bytes: Uint8Array): void {
    const shown = bytes.subarray(0, MAX_SENT);
    this.#sent.set(shown);
    Atomics.store(this.#words, Word.SENT, shown.length);
  }

  /** Worker: whether it was asked to stop after the present case. */
  get stopRequested(): boolean {
    return Atomics.load(this.#words, Word.STOP) !== 0;
  }

  /** Watchdog: asks the worker to stop after the present case. */
  requestStop(): void {
    Atomics.store(this.#words, Word.STOP, 1);
  }

  /** Watchdog: changes whenever the worker gets on. */
  get progress(): number {
    return Atomics.load(this.#words, Word.PROGRESS);
  }

  /** Watchdog: where the worker is. */
  read(): Whereabouts {
    return {
      caseIndex: Atomics.load(this.#words, Word.CASE),
      step: Atomics.load(this.#words, Word.STEP),
      line: Atomics.load(this.#words, Word.PLACE),
      sent: this.#sent.slice(0, Atomics.load(this.#words, Word.SENT)),
    };
  }
}
