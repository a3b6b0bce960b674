/** The command that runs one case again, alone, on the same device with the same random choices. */
import { USUAL_MODE } from '../run/modes.js';
import { shellWords } from '../sys/shell-words.js';
import type { Device } from './devices.js';
import type { RunOptions } from './run-options.js';

/** A line for a shell. `id` may hold characters that mean something in a glob; they match themselves. */
export function replayCommand(
  { id, mode }: { readonly id: string; readonly mode: string },
  device: Device,
  options: RunOptions,
  seed: number,
): string {
  return shellWords([
    'vscsi',
    'run',
    ...device.words,
    ...(options.cases ?? []).flatMap((path) => ['--cases', path]),
    ...(options.strict === true ? ['--strict'] : []),
    ...(options.spec === undefined ? [] : ['--spec', options.spec]),
    '--seed',
    String(seed),
    ...(mode === USUAL_MODE ? [] : ['--modes', mode]),
    '--select',
    id,
  ]);
}
