/** Reports that sanitizers and memory checkers write to a device's standard error, often without ending it. */

/** First lines of reports: AddressSanitizer and its relatives, UBSan, valgrind. */
const HEADS: readonly RegExp[] = [
  /^.*ERROR: (?:Address|HWAddress|Memory|Thread|Leak)Sanitizer: .*$/m,
  /^.*WARNING: (?:Memory|Thread)Sanitizer: .*$/m,
  /^.*: runtime error: .*$/m,
  /^.*UndefinedBehaviorSanitizer.*$/m,
  /^==\d+== (?:Invalid (?:read|write|free)|Jump to the invalid address|Mismatched free|Conditional jump or move depends on uninitialised|Use of uninitialised value|Syscall param .* points to un|Source and destination overlap|Process terminating).*$/m,
];

const MOST_LINES = 12;

/** The first report in what a device wrote: its first line and what follows, cut to a dozen lines. */
export function sanitizerReport(text: string): string | undefined {
  const starts = HEADS.flatMap((head) => {
    const match = head.exec(text);
    return match ? [match.index] : [];
  });
  if (starts.length === 0) return undefined;
  const lines = text
    .slice(Math.min(...starts))
    .trimEnd()
    .split('\n');
  return lines.slice(0, MOST_LINES).join('\n');
}
