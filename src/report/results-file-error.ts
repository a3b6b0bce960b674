/** Not for a terminal: messages of parsers quote the file, whatever it is. */
const UNPRINTABLE = /\p{Cc}+/gu;

/** The file holds no results that can be read. Exit code 2. */
export class ResultsFileError extends Error {
  /** `place`: the file, with the line where there is one. */
  constructor(place: string, what: string, options?: ErrorOptions) {
    super(
      `${place}: ${what.replace(UNPRINTABLE, ' ')}; expected what "vscsi run --report json=FILE", jsonl=FILE or tap=FILE writes`,
      options,
    );
    this.name = 'ResultsFileError';
  }
}
