/** `vscsi certify`: a playlist on a device, with everything that shows how it went, signed. */
import { createPublicKey } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordVerdict } from '../certify/conclusion.js';
import { fingerprint, readPrivateKey } from '../certify/keys.js';
import { ownPlaylist, playlistNames, type StoredPlaylist } from '../certify/playlist.js';
import { finishRecord, RecordFile } from '../certify/record.js';
import { verifyRecord } from '../certify/verify.js';
import { readResults } from '../report/read-results.js';
import { writeReport } from '../report/report-file.js';
import { Colour, paint, type TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { ownCases } from '../run/load-cases.js';
import { hashCaseFiles } from '../run/package-info.js';
import { UsageError } from './errors.js';
import { runCommand } from './run-command.js';
import type { RunOptions } from './run-options.js';

export interface CertifyOptions
  extends Pick<
    RunOptions,
    | 'qemu'
    | 'machine'
    | 'deviceProp'
    | 'wrap'
    | 'backend'
    | 'mmap'
    | 'unsafeDma'
    | 'mutant'
    | 'jobs'
    | 'seed'
    | 'timeout'
  > {
  readonly dut: string;
  readonly profile: string;
  readonly out: string;
  readonly key: string;
}

const EXIT: Readonly<Record<RecordVerdict, ExitCode>> = {
  CONFORMANT: ExitCode.CONFORMANT,
  'NOT CONFORMANT': ExitCode.NOT_CONFORMANT,
  INCOMPLETE: ExitCode.INCOMPLETE,
};

/** Why a run gave no record that could be signed, by its exit code. */
const UNFINISHED: Readonly<Partial<Record<number, string>>> = {
  [ExitCode.INTERRUPTED]: 'INTERRUPTED: the run was ended early, and cases are missing',
  [ExitCode.DUT_SETUP]: 'DEVICE SET-UP FAILED: cases are missing',
  [ExitCode.REPORT]: 'UNFINISHED: a part of the record could not be written',
  [ExitCode.OUTPUT_CLOSED]: 'INTERRUPTED: the run was ended early, and cases are missing',
};

/** Resolves to the exit code. Throws UsageError, KeyError, ReportError, and what a run throws. */
export async function certifyCommand(
  options: CertifyOptions,
  out: TextSink,
  errors: TextSink,
  interrupt: AbortSignal,
): Promise<number> {
  const { profile, out: folder, key: keyFile, dut, ...device } = options;
  const key = readPrivateKey(keyFile);
  const playlist = playlistOf(profile);
  beginFolder(folder);
  const state = (text: string) =>
    writeReport(
      join(folder, RecordFile.STATEMENT),
      `# No certification record\n\n${text}. Nothing here is signed, and it certifies nothing.\n`,
    );
  state('UNFINISHED: the run is under way, or was cut off');
  const code = await runCommand(
    {
      ...device,
      dut: [dut],
      modes: playlist.modes,
      bases: playlist.cases,
      nothingKnown: true,
      fatal: true,
      report: [
        { format: 'json', file: join(folder, RecordFile.RESULTS) },
        { format: 'html', file: join(folder, RecordFile.PAGE) },
      ],
      trace: join(folder, RecordFile.TRACES),
      traceRed: true,
    },
    out,
    errors,
    interrupt,
  );
  const leaveUnsigned = (exit: number): number => {
    for (const name of [RecordFile.SIGNATURE, RecordFile.MANIFEST])
      rmSync(join(folder, name), { force: true });
    const why = UNFINISHED[exit] ?? 'UNFINISHED';
    state(why);
    errors.write(`vscsi: ${why}; the record in ${folder} says so and is not signed\n`);
    return exit;
  };
  if (interrupt.aborted) return leaveUnsigned(ExitCode.INTERRUPTED);
  if (UNFINISHED[code] !== undefined) return leaveUnsigned(code);
  // A run that fails has that as its exit code, whatever became of its reports.
  if (!existsSync(join(folder, RecordFile.RESULTS))) return leaveUnsigned(ExitCode.REPORT);
  const { results } = readResults(join(folder, RecordFile.RESULTS));
  const { verdict, untested } = finishRecord(folder, results, playlist, key);
  const { problems } = verifyRecord(folder, createPublicKey(key));
  for (const { file, what } of problems) errors.write(`vscsi: ${file}: ${what}\n`);
  if (problems.length > 0) return leaveUnsigned(ExitCode.REPORT);
  const why =
    untested.length > 0 ? `; mandatory requirements that could not be looked at: ${untested.length}` : '';
  out.write(`record: ${folder}, signed by the key ${fingerprint(key)}\n`);
  out.write(
    `${paint(out, verdict === 'CONFORMANT' ? Colour.GREEN : Colour.RED, `${verdict}${why}: ${join(folder, RecordFile.STATEMENT)}`)}\n`,
  );
  return EXIT[verdict];
}

/** Throws UsageError: the record is of cases that others have, too. */
function playlistOf(name: string): StoredPlaylist {
  const playlist = ownPlaylist(name);
  if (playlist === undefined)
    throw new UsageError(`there is no profile ${name}; there are ${playlistNames().join(', ')}`);
  const { caseSet } = playlist;
  if (hashCaseFiles(ownCases().paths) !== caseSet.sha256)
    throw new UsageError(
      `the cases of this installation are not those of version ${caseSet.version}, which the playlist ${name} is of; install that version unchanged`,
    );
  return playlist;
}

/** Throws UsageError for a folder with something in it: a record holds nothing else. */
function beginFolder(folder: string): void {
  try {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length === 0) return;
  } catch (error) {
    throw new UsageError(`--out ${folder}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new UsageError(`--out ${folder}: the folder is not empty; name a new one`);
}
