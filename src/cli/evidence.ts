/** `--keep`: the evidence of red cases, in a folder that stays. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resultKey } from '../run/modes.js';
import type { CaseResult } from '../run/results.js';

/** Makes its folder when there is something to keep. */
export class Evidence {
  #folder: string | undefined;

  /** Where the evidence lies; undefined while there is none. */
  get folder(): string | undefined {
    return this.#folder;
  }

  /** Keeps a result with what the device wrote to standard error meanwhile. Throws the file system's error. */
  keep(device: string, result: CaseResult, log: string | undefined): void {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'vscsi-evidence-'));
    const folder = join(this.#folder, device, fileName(resultKey(result)));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'result.json'), `${JSON.stringify(result, undefined, 2)}\n`);
    writeFileSync(join(folder, 'device-stderr.log'), log ?? '');
  }
}

/** Ids hold brackets, commas, spaces and slashes. */
function fileName(id: string): string {
  return id.replaceAll(/[^\w.+-]+/g, '_').slice(0, 120);
}
