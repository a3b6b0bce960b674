/**
 * Bounds on what a case file may ask for. Case files may come from anyone; each bound has a test.
 * The sizes leave room for the largest honest case: 65536 rounds of a ring index, a 32 MiB WRITE(10).
 */
export const LIMITS = {
  /** Bytes of a case file. */
  fileBytes: 1 << 20,
  /** Nesting of maps and lists in a file. */
  yamlDepth: 32,
  /** Cases of one file. */
  casesPerFile: 1000,
  /** Nesting of `repeat`. */
  repeatDepth: 6,
  /** Cases that one case expands to. */
  expansion: 4096,
  /** Rounds of one `repeat`. */
  rounds: 70_000,
  /** Bodies of a `repeat` over texts or rows, multiplied over nested ones. */
  variants: 1024,
  /** Steps that one case is compiled to; repeats over texts multiply them. */
  compiledSteps: 20_000,
  /** Steps compiled to check all texts that the axes of one case may bring. */
  checkedSteps: 200_000,
  /** Characters of an expression. */
  expressionLength: 1000,
  /** Nesting of an expression. */
  expressionDepth: 32,
  /** Bits of a shift. */
  shift: 4096,
  /** Bits of any number. */
  numberBits: 65_536,
  /** Characters of a byte pattern. */
  patternLength: 16_384,
  /** Nesting of alternatives and texts within a byte pattern. */
  patternDepth: 8,
  /** Bytes that a pattern, buffer or byte string may have. */
  bufferBytes: 64 << 20,
  /** Elements of a list. */
  listLength: 70_000,
  /** Milliseconds of a duration. */
  duration: 600_000,
} as const;
