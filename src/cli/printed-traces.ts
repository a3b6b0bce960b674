/** `--trace` without a folder: each trace is shown when its case is over, and nothing of it stays. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { traceName } from '../run/trace.js';

export class PrintedTraces {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'vscsi-trace-'));

  /** The trace of a case on a device; undefined where it has none, as one that was not carried out. */
  take(device: string, result: { readonly id: string; readonly mode: string }): string | undefined {
    const path = join(this.folder, device, traceName(result));
    try {
      return readFileSync(`${path}.txt`, 'utf8').trimEnd();
    } catch {
      return undefined;
    } finally {
      for (const ending of ['txt', 'jsonl']) rmSync(`${path}.${ending}`, { force: true });
    }
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
