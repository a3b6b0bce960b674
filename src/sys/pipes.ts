/** Anonymous pipes as plain file descriptors, which Node has no call for. */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Both ends of a pipe, in blocking mode, closed on exec. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

/**
 * Makes FIFOs, says where, and removes them when its input ends: when they have been opened, or when the process that
 * asked for them has died. A written answer that nobody reads must not keep it from that, hence the ignored signals.
 */
const FIFO_KEEPER = `
trap '' PIPE HUP INT TERM
dir=$(mktemp -d "$1/vscsi-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
shift
for name; do mkfifo -m 600 "$dir/$name" || exit 1; done
echo "$dir" && read -r _
exit 0`;

/**
 * Makes `count` pipes. They are FIFOs whose names are gone again when this returns, so that they need no native
 * module; a blocking read or write on them needs no event loop either.
 */
export async function makePipes(count: number): Promise<Pipe[]> {
  const names = Array.from({ length: count }, (_, index) => String(index));
  // In a session of its own, so that an interrupt from the terminal does not end it before it has cleaned up.
  const keeper = spawn('sh', ['-c', FIFO_KEEPER, 'sh', tmpdir(), ...names], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => keeper.once('close', () => resolve()));
  keeper.stdin.on('error', () => {});
  const pipes: Pipe[] = [];
  try {
    const directory = await firstLine(keeper);
    for (const name of names) pipes.push(openFifo(`${directory}/${name}`));
  } catch (error) {
    for (const pipe of pipes) closePipe(pipe);
    throw error;
  } finally {
    keeper.stdin.end();
    await ended;
  }
  return pipes;
}

/** Closes both ends. */
export function closePipe(pipe: Pipe): void {
  closeSync(pipe.readEnd);
  closeSync(pipe.writeEnd);
}

/** Opening one end of a FIFO waits for the other; a third descriptor that is both keeps either from waiting. */
function openFifo(path: string): Pipe {
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const readEnd = openSync(path, constants.O_RDONLY);
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY) };
  } finally {
    closeSync(both);
  }
}

function firstLine(keeper: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    let complaint = '';
    keeper.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    keeper.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      complaint += chunk;
    });
    keeper.once('error', reject);
    keeper.once('close', () => reject(new Error(`Cannot make FIFOs in ${tmpdir()}: ${complaint.trim()}`)));
  });
}
