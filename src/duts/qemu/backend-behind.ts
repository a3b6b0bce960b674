/** A vhost-user back-end behind QEMU's controller: a second process, without which QEMU is of no use. */
import { closeSync } from 'node:fs';
import { anonymousFile } from '../../sys/anonymous-file.js';
import type { SupervisedProcess } from '../../sys/supervised.js';
import { launchBackend, SocketFolder } from '../vhost/backend-process.js';
import type { RunningQemu } from './start.js';

/** What a device is called of which QEMU is only the upper half. */
const NAME = 'qemu-vhost-user';

export class BackendBehind {
  readonly #process: SupervisedProcess;
  readonly #command: readonly string[];
  readonly #folder: SocketFolder;
  readonly #log: number;

  private constructor(
    process: SupervisedProcess,
    command: readonly string[],
    folder: SocketFolder,
    log: number,
  ) {
    this.#process = process;
    this.#command = command;
    this.#folder = folder;
    this.#log = log;
  }

  /** Starts it. Throws DutSetupError. */
  static async start(command: readonly string[]): Promise<BackendBehind> {
    const folder = new SocketFolder();
    const log = anonymousFile({ name: 'vscsi-backend-log', size: 0 });
    try {
      return new BackendBehind(await launchBackend(command, folder.socket, log), command, folder, log);
    } catch (error) {
      closeSync(log);
      folder.remove();
      throw error;
    }
  }

  get socket(): string {
    return this.#folder.socket;
  }

  /** A QEMU that ends with its back-end, and takes it with it. */
  guard(qemu: RunningQemu): RunningQemu {
    const { name: _, details, ...identity } = qemu.identity;
    let stopped: Promise<void> | undefined;
    const exited = Promise.race([qemu.exited, this.#process.exited]);
    exited.then(() => qemu.kill());
    return {
      ...qemu,
      identity: { ...identity, name: NAME, details: { ...details, backend: this.#command.join(' ') } },
      exited,
      stop: () => {
        stopped ??= qemu.stop().then(() => this.stop());
        return stopped;
      },
    };
  }

  async stop(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
    closeSync(this.#log);
    this.#folder.remove();
  }
}
