/** The lab cannot be had on this machine, or did not do what it should; the message says why, `remedy` what to do. */
export class LabError extends Error {
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LabError';
    this.remedy = remedy;
  }
}

/** What the file system's errors mean to whoever reads them; others as they are. */
export function explainFileError(error: unknown, what: string): LabError {
  if (error instanceof LabError) return error;
  const { code, message, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
  const said = `${stderr ?? ''}`.trim();
  if (code === 'ENOSPC' || /No space left on device/.test(said))
    return new LabError(`${what}: the disk is full`, 'make room, or choose another place by XDG_CACHE_HOME', {
      cause: error,
    });
  const last = said.split('\n').slice(-5).join('\n');
  return new LabError(`${what}: ${last || message}`, undefined, { cause: error });
}
