/** The file holds no trace that can be read. Exit code 2. */
export class TraceFileError extends Error {
  /** `place`: the file, with the line where there is one. */
  constructor(place: string, what: string, options?: ErrorOptions) {
    super(`${place}: ${what}; expected a file *.jsonl that "vscsi run --trace FOLDER" wrote`, options);
    this.name = 'TraceFileError';
  }
}
