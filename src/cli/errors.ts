/** Errors that end the program with a documented exit code. */
import { ExitCode } from '../run/exit-code.js';

/** The command line, a case file or a list is wrong; the message says where and what to do. */
export class UsageError extends Error {
  readonly exitCode: number = ExitCode.USAGE;
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
