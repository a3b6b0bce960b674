/** A remote device that says what it was given to say, whatever it is asked; to be read as a file, it never waits. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { mistakeIn } from '../../../src/duts/remote/messages.js';

const made: ScriptedDevice[] = [];
afterEach(() => {
  for (const device of made.splice(0)) device.dispose();
});

/** Ends with the test. */
export class ScriptedDevice {
  readonly folder = mkdtempSync(join(tmpdir(), 'vscsi-remote-'));
  readonly toDevice: number;
  readonly fromDevice: number;
  readonly #asked = join(this.folder, 'asked');

  /** Strings go out as they are, everything else as a line of JSON. */
  constructor(...says: readonly (object | string)[]) {
    const script = join(this.folder, 'says');
    const lines = says.map((each) => (typeof each === 'string' ? each : `${JSON.stringify(each)}\n`));
    writeFileSync(script, lines.join(''));
    this.fromDevice = openSync(script, 'r');
    this.toDevice = openSync(this.#asked, 'w');
    made.push(this);
  }

  /** What it was told so far, all of which the schema has to have. */
  get asked(): Record<string, unknown>[] {
    return readFileSync(this.#asked, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const message = JSON.parse(line) as Record<string, unknown>;
        const kind = 'op' in message ? 'request' : 'error' in message ? 'error' : 'data';
        const mistake = mistakeIn(kind, message);
        if (mistake !== undefined) throw new Error(`${line}: ${mistake}`);
        return message;
      });
  }

  dispose(): void {
    closeSync(this.toDevice);
    closeSync(this.fromDevice);
    rmSync(this.folder, { recursive: true });
  }
}
