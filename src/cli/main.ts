#!/usr/bin/env node
/** The command line. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { DutSetupError } from '../duts/dut.js';
import { DutGoneError } from '../port/errors.js';
import type { TextSink } from '../report/terminal.js';
import { ExitCode } from '../run/exit-code.js';
import { KnownListError } from '../run/known.js';
import { CaseFilesError } from '../run/load-cases.js';
import { SUITE_VERSION } from '../run/package-info.js';
import { type BenchOptions, benchCommand } from './bench-command.js';
import { type CoverageOptions, coverageCommand } from './coverage-command.js';
import { UsageError } from './errors.js';
import { checkCommand, listCommand } from './list-command.js';
import { type MutateOptions, mutateCommand } from './mutate-command.js';
import { type ReportTarget, type RunOptions, runCommand } from './run-command.js';

const EXIT_CODES = `
Exit codes:
  0    conformant, or but for known deviations
  1    not conformant, or the list of known deviations is out of date
  2    wrong command line, case file or list
  3    a device could not be set up
  4    no case was executed
  130  interrupted`;

const out: TextSink = {
  isTerminal: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
  write: (text) => void process.stdout.write(text),
};

function collect<T>(
  parse: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, parse(text)];
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 2 ** 31)
    throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

function reportTarget(text: string): ReportTarget {
  const match = /^(json|jsonl)=(.+)$/.exec(text);
  if (match?.[2] === undefined) throw new InvalidArgumentError('expected json=FILE or jsonl=FILE.');
  return { format: match[1] as ReportTarget['format'], file: match[2] };
}

const asIs = (text: string) => text;

const program = new Command('vscsi')
  .description(
    'Conformance tests for virtio-scsi devices: virtqueue transactions written in YAML, checked byte for byte.',
  )
  .version(SUITE_VERSION)
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .addHelpText('after', EXIT_CODES);

program
  .command('run')
  .description('run the cases on one or more devices under test')
  .option(
    '--dut <kind>',
    'device kind, may be repeated: model, qemu (default: the model, and QEMU where it is installed)',
    collect(asIs),
  )
  .option('--qemu <binary>', 'QEMU binary to start (default: qemu-system-x86_64)')
  .option(
    '--no-mmap',
    "copy memory through the device's own channel instead of mapping it; needs no native module",
  )
  .option(
    '--cases <path>',
    'case file or folder, may be repeated (default: the cases of the suite)',
    collect(asIs),
  )
  .option('--select <glob>', 'only cases whose id matches, may be repeated', collect(asIs))
  .option(
    '--known <file>',
    'list of known deviations (default: the one of the suite for the device kind, if any)',
  )
  .option(
    '--seed <number>',
    'seed of all random choices (default: a new one, which is printed)',
    positiveInteger,
  )
  .option('--timeout <ms>', 'without progress for so long a case counts as hanging', positiveInteger, 10_000)
  .option(
    '--report <format=file>',
    'write results: json=FILE at the end, jsonl=FILE while running; may be repeated',
    collect(reportTarget),
  )
  .option('--mutant <id>', 'make the model misbehave in a named way')
  .option('-v, --verbose', 'show every case, not only those with findings')
  .addHelpText(
    'after',
    `
Examples:
  vscsi run                                   the model, and QEMU where it is installed
  vscsi run --dut qemu --select 'scsi.req.*'  some cases, on QEMU alone
  vscsi run --dut qemu --qemu ./build/qemu-system-x86_64 --report json=results.json
${EXIT_CODES}`,
  )
  .action(async (options: RunOptions) => {
    process.exitCode = await runCommand(options, out, interrupted());
  });

program
  .command('list')
  .description('list the cases')
  .option('--cases <path>', 'case file or folder, may be repeated', collect(asIs))
  .option('--select <glob>', 'only cases whose id matches, may be repeated', collect(asIs))
  .option('--json', 'as JSON')
  .action((options: Parameters<typeof listCommand>[0]) => {
    process.exitCode = listCommand(options, out);
  });

program
  .command('check')
  .description('check case files without running them')
  .argument('[path...]', 'case files or folders (default: the cases of the suite)')
  .action((paths: string[]) => {
    process.exitCode = checkCommand(paths, out);
  });

program
  .command('bench')
  .description('measure what the harness costs, against a raw loop on the same device')
  .option('--dut <kind>', 'device kind: model, qemu', 'qemu')
  .option('--qemu <binary>', 'QEMU binary to start (default: qemu-system-x86_64)')
  .option('--no-mmap', "copy memory through the device's own channel")
  .option('--blocks <number>', 'interleaved pairs of blocks', positiveInteger, 7)
  .option('--transactions <number>', 'transactions a block', positiveInteger, 1000)
  .option('--json', 'as JSON; the ratio of each row is the median over the blocks')
  .action(async (options: BenchOptions) => {
    process.exitCode = await benchCommand(options, out);
  });

program
  .command('coverage')
  .description('which requirements the cases cover, proved by mutants and witnessed by other devices')
  .option('--json', 'as JSON')
  .option('--write [file]', 'bring the generated part of CONFORMANCE.md up to date, or store the witness')
  .option('--check', 'only say whether CONFORMANCE.md and the evidence are up to date; exit code 1 if not')
  .option(
    '--witness <results>',
    'a JSON report of another device, which bears witness with --write; may be repeated',
    collect(asIs),
  )
  .action((options: CoverageOptions) => {
    process.exitCode = coverageCommand(options, out);
  });

program
  .command('mutate')
  .description('run the cases on deviations of the model, to see which cases notice which')
  .option('--select <glob>', 'only mutants whose id matches, may be repeated', collect(asIs))
  .option('--cases <path>', 'case file or folder, may be repeated', collect(asIs))
  .option('--jobs <number>', 'threads (default: one for each processor, at most 4)', positiveInteger)
  .option('--json', 'as JSON, with the expanded cases that each mutant breaks')
  .option('--write', 'store the outcome in fixtures/evidence/mutants.json')
  .action(async (options: MutateOptions) => {
    process.exitCode = await mutateCommand(options, out);
  });

/** Fires at the first Ctrl-C or SIGTERM; the second ends the program at once. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(ExitCode.INTERRUPTED);
      controller.abort();
    });
  return controller.signal;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : ExitCode.USAGE;
  } else if (
    error instanceof UsageError ||
    error instanceof CaseFilesError ||
    error instanceof KnownListError
  ) {
    process.stderr.write(`vscsi: ${error.message}\n`);
    process.exitCode = ExitCode.USAGE;
  } else if (error instanceof DutSetupError) {
    process.stderr.write(`vscsi: ${error.message}${error.remedy ? `\n  ${error.remedy}` : ''}\n`);
    process.exitCode = ExitCode.DUT_SETUP;
  } else if (error instanceof DutGoneError) {
    process.stderr.write(`vscsi: ${error.message}\n`);
    process.exitCode = ExitCode.NOT_CONFORMANT;
  } else throw error;
}
