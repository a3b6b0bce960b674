/** Workers between two devices: one that has run some cases is quicker with the next device than a new one. */
import type { CaseFile } from '../cases/types.js';
import { WatchedWorker } from './watch.js';

export class WorkerPool {
  readonly #files: readonly CaseFile[];
  readonly #idle: WatchedWorker[] = [];

  /** One worker gets ready at once. */
  constructor(files: readonly CaseFile[]) {
    this.#files = files;
    this.giveBack(this.#another());
  }

  /** A worker for one device; `giveBack` or `WatchedWorker.end` is the caller's to call. */
  take(): WatchedWorker {
    return this.#idle.pop() ?? this.#another();
  }

  /** Takes a worker that is through with its device. */
  giveBack(worker: WatchedWorker): void {
    this.#idle.push(worker);
  }

  /** Ends the workers that nobody has. */
  async end(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((worker) => worker.end()));
  }

  #another(): WatchedWorker {
    return new WatchedWorker(this.#files);
  }
}
