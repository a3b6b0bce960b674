/** A vhost-user back-end behind QEMU's controller: a second process, without which QEMU is of no use. */
import { closeSync } from 'node:fs';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { launchBackend, SocketFolder, type StartedBackend } from '../backend-process.js';
import type { RunningQemu } from './start.js';

/** What a device is called of which QEMU is only the upper half. */
const NAME = 'qemu-vhost-user';

export class BackendBehind {
  readonly #backend: StartedBackend;
  readonly #command: readonly string[];
  readonly #folder: SocketFolder;
  readonly #log: number;

  private constructor(
    backend: StartedBackend,
    command: readonly string[],
    folder: SocketFolder,
    log: number,
  ) {
    this.#backend = backend;
    this.#command = command;
    this.#folder = folder;
    this.#log = log;
  }

  /** Starts it. Throws DutSetupError. */
  static async start(command: readonly string[]): Promise<BackendBehind> {
    const folder = new SocketFolder();
    const log = anonymousFile({ name: 'vscsi-backend-log', size: 0 });
    try {
      return new BackendBehind(await launchBackend(command, folder, log), command, folder, log);
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
    const { process, controls } = this.#backend;
    const exited = Promise.race([qemu.exited, process.exited]);
    exited.then(() => qemu.kill());
    return {
      ...qemu,
      identity: { ...identity, name: NAME, details: { ...details, backend: this.#command.join(' ') } },
      exited,
      // QEMU has a device configuration of its own, and passes no change of the back-end's on.
      controls: (controls?.offered ?? []).filter((each) => each !== 'config-change'),
      control: (control) => controls?.invoke(control) ?? Promise.resolve(),
      stop: () => {
        stopped ??= qemu.stop().then(() => this.stop());
        return stopped;
      },
    };
  }

  async stop(): Promise<void> {
    const { process } = this.#backend;
    process.kill();
    await process.exited;
    closeSync(this.#log);
    this.#folder.remove();
  }
}
