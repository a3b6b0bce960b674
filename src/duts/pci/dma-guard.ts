/** Ends the DMA of a function when the suite ends, however it ends, before the memory goes to somebody else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PciCommand, pciHeader } from '../../wire/pci.js';
import { type DutExit, DutSetupError } from '../dut.js';

const { offset: COMMAND, size: COMMAND_BYTES } = pciHeader.fields.command;
/** Nothing but the line stays disabled: no bus mastering, no decoding. */
const QUIET = Buffer.of(PciCommand.INTX_DISABLE & 0xff, PciCommand.INTX_DISABLE >> 8);
/** As the shell's printf has it. */
const QUIET_TEXT = [...QUIET].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
const SCRIPT = [
  'cat > /dev/null',
  `printf '${QUIET_TEXT}' | dd of="$0" bs=${COMMAND_BYTES} seek=${COMMAND / COMMAND_BYTES} conv=notrunc 2> /dev/null`,
].join('; ');

/**
 * A process of its own that waits for the end of a pipe. It has the memory and the claim on the function open, so that
 * both stay the function's until it has switched bus mastering off.
 */
export class DmaGuard {
  /** Resolves when the process has ended although nobody wanted it to: nothing would end the DMA of a killed suite. */
  readonly lost: Promise<DutExit>;
  readonly #config: string;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #ending = false;
  #lost: DutExit | undefined;

  private constructor(config: string, process: ChildProcess) {
    this.#config = config;
    this.#process = process;
    const exit = new Promise<DutExit>((resolve) =>
      process.once('exit', (code, signal) => resolve({ code, signal, stderr: '' })),
    );
    this.#ended = exit.then(() => {});
    this.lost = new Promise((resolve) => {
      exit.then((how) => {
        if (this.#ending) return;
        this.#lost = how;
        resolve(how);
      });
    });
  }

  /**
   * Watches over the function whose configuration space is in a file, with the descriptors that it holds meanwhile.
   * Rejects where no shell can be started.
   */
  static async start(config: string, held: readonly number[]): Promise<DmaGuard> {
    const process = spawn('sh', ['-c', SCRIPT, config], {
      stdio: ['pipe', 'ignore', 'ignore', ...held],
      // An interrupt at the terminal is not for it.
      detached: true,
    });
    const guard = new DmaGuard(config, process);
    await new Promise<void>((resolve, reject) => {
      process.once('spawn', resolve);
      process.once('error', reject);
    });
    process.stdin?.on('error', () => {});
    return guard;
  }

  /**
   * Has bus mastering switched off, and resolves when the function says that it is: from then on the memory is the
   * suite's again. Rejects with `DutSetupError` when it is not, and with the file system's errors when nobody can tell.
   */
  async end(): Promise<void> {
    this.#ending = true;
    this.#process.stdin?.end();
    await this.#ended;
    // The register counts, not how the process ended: it can have been killed, or lacked a program.
    const fd = openSync(this.#config, 'r+');
    try {
      if (masters(fd)) writeSync(fd, QUIET, 0, COMMAND_BYTES, COMMAND);
      if (masters(fd))
        throw new DutSetupError(
          `bus mastering cannot be switched off in ${this.#config}: the device may go on writing to the suite's huge pages`,
          `leave nr_hugepages as it is, and echo 1 > ${join(dirname(this.#config), 'reset')} or reboot`,
        );
    } finally {
      closeSync(fd);
    }
  }

  /** Throws `DutSetupError` where the process had ended before its time: that is no fault of the device. */
  check(): void {
    if (this.#lost === undefined) return;
    const { code, signal } = this.#lost;
    throw new DutSetupError(
      `the process that ends DMA if the suite is killed has been ended itself (${signal ?? `exit code ${code}`})`,
      'find out who ends sh, cat or dd on this machine, and run again',
    );
  }
}

function masters(fd: number): boolean {
  const bits = Buffer.alloc(COMMAND_BYTES);
  readSync(fd, bits, 0, COMMAND_BYTES, COMMAND);
  return (bits.readUInt16LE() & PciCommand.MASTER) !== 0;
}
