/** Looking up programs. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** The path of a program, looked up as a shell does; undefined if there is none that may be executed. */
export function findExecutable(name: string): string | undefined {
  if (name.includes('/')) return isExecutable(name) ? resolve(name) : undefined;
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory || '.', name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
