/** Where text goes, and how it may look there. */

/** A stream for text. */
export interface TextSink {
  /** Lines may be overwritten. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** Width of a line. */
  readonly columns: number;
  write(text: string): void;
}

/** What is known of a stream. */
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A sink for a stream. Colours on a terminal, unless NO_COLOR is set to anything or TERM is `dumb`. */
export function sinkFor(stream: Stream, environment: Readonly<Record<string, string | undefined>>): TextSink {
  const terminal = stream.isTTY === true;
  const dumb = environment.TERM === 'dumb';
  const plain = (environment.NO_COLOR ?? '') !== '';
  return {
    isTerminal: terminal && !dumb,
    colour: terminal && !dumb && !plain,
    columns: stream.columns ?? 80,
    write: (text) => void stream.write(text),
  };
}

/** Foreground colours of ECMA-48. */
export const Colour = { RED: 31, GREEN: 32, YELLOW: 33, MAGENTA: 35, CYAN: 36, GREY: 90 } as const;
export type Colour = (typeof Colour)[keyof typeof Colour];

export function paint(sink: TextSink, colour: Colour, text: string): string {
  return sink.colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
}

export function bold(sink: TextSink, text: string): string {
  return sink.colour ? `\x1b[1m${text}\x1b[0m` : text;
}
