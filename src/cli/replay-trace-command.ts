/** `vscsi replay`: the bytes of a trace once more, on any device, and what comes back compared. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hexDiff } from '../report/hex-diff.js';
import { readResults } from '../report/read-results.js';
import { readTrace } from '../report/read-trace.js';
import { Colour, paint, type TextSink } from '../report/style.js';
import { compareTraces, sentChains, type TraceDifference } from '../run/compare-traces.js';
import { ExitCode } from '../run/exit-code.js';
import { traceName } from '../run/trace.js';
import type { TraceHeader } from '../run/trace-record.js';
import { deviceOf } from './devices.js';
import { runCommand } from './run-command.js';
import type { RunOptions } from './run-options.js';

export interface ReplayOptions
  extends Pick<
    RunOptions,
    | 'cases'
    | 'qemu'
    | 'machine'
    | 'deviceProp'
    | 'wrap'
    | 'backend'
    | 'mmap'
    | 'unsafeDma'
    | 'mutant'
    | 'timeout'
  > {
  readonly dut: string;
}

/** Exit codes of a run after which there is nothing to compare. */
const ENDED: ReadonlySet<number> = new Set([
  ExitCode.USAGE,
  ExitCode.DUT_SETUP,
  ExitCode.REPORT,
  ExitCode.INTERRUPTED,
  ExitCode.OUTPUT_CLOSED,
]);

/** Resolves to the exit code. Throws TraceFileError, UsageError and CaseFilesError. */
export async function replayTraceCommand(
  file: string,
  { dut, ...options }: ReplayOptions,
  out: TextSink,
  errors: TextSink,
  interrupt: AbortSignal,
): Promise<number> {
  const { header, records } = readTrace(file);
  // The trace of a case that ended its device has no verdict either, but shows what it sent.
  const cutOff = records.every(({ type }) => type !== 'verdict');
  if (cutOff && sentChains(records).length === 0)
    return tellNotRepeated(`${file} was cut off before anything was sent`, out);
  const folder = mkdtempSync(join(tmpdir(), 'vscsi-replay-'));
  try {
    const mode = modeOn(header, deviceOf(dut, options, header.seed).adapter.transports);
    const report = join(folder, 'results.json');
    const code = await runCommand(
      {
        ...options,
        dut: [dut],
        select: [header.case],
        modes: [mode],
        seed: header.seed,
        jobs: 1,
        nothingKnown: true,
        fatal: true,
        trace: folder,
        resend: sentChains(records),
        report: [{ format: 'json', file: report }],
      },
      out,
      errors,
      interrupt,
    );
    if (ENDED.has(code)) return code;
    const [result] = readResults(report).results.cases;
    if (result === undefined || result.verdict === 'skip' || result.verdict === 'error') {
      const why = result?.skip?.evidence ?? result?.findings.at(-1)?.got ?? 'the case has no result';
      return tellNotRepeated(why, out);
    }
    const now = readTrace(join(folder, `${traceName(result)}.jsonl`)).records;
    if (cutOff) out.write(`note: ${file} has no end: what came after it is not compared\n`);
    return tell(compareTraces(records, now), sentChains(records).length, out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The mode of the trace, by a transport that the device has. */
function modeOn({ mode }: TraceHeader, transports: readonly string[]): string {
  const [transport = '', ring = ''] = mode.split('.');
  return transports.includes(transport) ? mode : `${transports[0]}.${ring}`;
}

function tellNotRepeated(why: string, out: TextSink): number {
  out.write(`${paint(out, Colour.RED, `NOT REPEATED: ${why}`)}\n`);
  return ExitCode.NOTHING_EXECUTED;
}

function tell(differences: readonly TraceDifference[], chains: number, out: TextSink): number {
  const sent = `${chains} chain${chains === 1 ? '' : 's'} sent again`;
  for (const { place, before, now, bytes } of differences) {
    out.write(`${place}\n  trace  ${before}\n  now    ${now}\n`);
    if (bytes !== undefined)
      for (const line of hexDiff({ expected: bytes.before, got: bytes.now, mask: bytes.mask }))
        out.write(`  ${line.replace('expected', 'trace   ').replace('got       ', 'now       ')}\n`);
  }
  if (differences.length === 0) {
    out.write(`${paint(out, Colour.GREEN, `THE SAME: ${sent}, every answer as in the trace`)}\n`);
    return ExitCode.CONFORMANT;
  }
  out.write(
    `${paint(out, Colour.RED, `DIFFERENT: ${sent}, ${differences.length} difference${differences.length === 1 ? '' : 's'}`)}\n`,
  );
  return ExitCode.NOT_CONFORMANT;
}
