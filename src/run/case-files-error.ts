/** Case files that cannot be used. Exit code 2. The message is the list of problems, each with its place. */
export class CaseFilesError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CaseFilesError';
  }
}
