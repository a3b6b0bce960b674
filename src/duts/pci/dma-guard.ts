/** Ends the DMA of a function when the suite ends, however it ends, before the memory goes to somebody else. */
import { type ChildProcess, spawn } from 'node:child_process';
import { PciCommand, pciHeader } from '../../wire/pci.js';

const COMMAND_BYTES = pciHeader.fields.command.size;
/** Nothing but the line stays disabled: no bus mastering, no decoding. As the shell's printf has it. */
const QUIET = [PciCommand.INTX_DISABLE & 0xff, PciCommand.INTX_DISABLE >> 8]
  .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
  .join('');
const SCRIPT = [
  'cat > /dev/null',
  `printf '${QUIET}' | dd of="$0" bs=${COMMAND_BYTES} seek=${pciHeader.fields.command.offset / COMMAND_BYTES} conv=notrunc 2> /dev/null`,
].join('; ');

/**
 * A process of its own that waits for the end of a pipe. It has the memory open, so that the pages stay the function's
 * until it has switched bus mastering off.
 */
export class DmaGuard {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(process: ChildProcess, ended: Promise<void>) {
    this.#process = process;
    this.#ended = ended;
  }

  /** Watches over the function whose configuration space is in a file. Rejects where no shell can be started. */
  static async start(config: string, memoryFd: number): Promise<DmaGuard> {
    const process = spawn('sh', ['-c', SCRIPT, config], {
      stdio: ['pipe', 'ignore', 'ignore', memoryFd],
      // An interrupt at the terminal is not for it.
      detached: true,
    });
    const ended = new Promise<void>((resolve) => process.once('exit', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      process.once('spawn', resolve);
      process.once('error', reject);
    });
    process.stdin?.on('error', () => {});
    return new DmaGuard(process, ended);
  }

  /** Has bus mastering switched off, and resolves when that is done. */
  async end(): Promise<void> {
    this.#process.stdin?.end();
    await this.#ended;
  }
}
