/** The command that runs one case again, alone, on the same device with the same random choices. */
import { shellWords } from '../sys/shell-words.js';
import { USUAL_MODE } from './modes.js';
import type { RunRequest } from './results.js';
import { NEWEST_SPEC } from './spec-version.js';

/** What is known of the run that the case was a part of. */
export interface ReplayedRun {
  readonly request: RunRequest;
  readonly seed: number;
  readonly strict?: boolean;
  readonly spec?: string;
}

/** A line for a shell. `id` may hold characters that mean something in a glob; they match themselves. */
export function replayCommand(
  { id, mode }: { readonly id: string; readonly mode: string },
  { request, seed, strict = false, spec = NEWEST_SPEC }: ReplayedRun,
): string {
  return shellWords([
    'vscsi',
    'run',
    ...request.device,
    ...(request.cases ?? []).flatMap((path) => ['--cases', path]),
    ...(request.fatal === true ? ['--fatal'] : []),
    ...(strict ? ['--strict'] : []),
    ...(spec === NEWEST_SPEC ? [] : ['--spec', spec]),
    '--seed',
    String(seed),
    ...(mode === USUAL_MODE ? [] : ['--modes', mode]),
    '--select',
    id,
  ]);
}
