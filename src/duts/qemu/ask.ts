/** Questions that a QEMU binary answers about itself before it is started. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const LIMIT_MS = 10_000;

const answers = new Map<string, Promise<string>>();

/** What `binary` prints for these arguments. Each question is asked once. */
export function askBinary(binary: string, ...args: readonly string[]): Promise<string> {
  const key = JSON.stringify([binary, ...args]);
  const known = answers.get(key);
  if (known !== undefined) return known;
  const answer = promisify(execFile)(binary, args, { timeout: LIMIT_MS }).then(({ stdout }) => stdout);
  answers.set(key, answer);
  answer.catch(() => answers.delete(key));
  return answer;
}
