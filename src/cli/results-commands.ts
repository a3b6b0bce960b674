/** The commands that work on stored results. */
import { type Command, Option } from 'commander';
import type { DiffOptions } from './diff-command.js';
import { JOBS } from './jobs.js';
import type { JudgeOptions } from './judge.js';
import type { KnownOptions } from './known-command.js';
import type { MergeOptions } from './merge-command.js';
import { asIs, collect, modeChoice, positiveInteger, reportTarget, textBeside } from './option-parsers.js';
import type { ReportOptions } from './report-command.js';
import type { Surroundings } from './run-command.js';

const EXIT_CODES = `
Exit codes:
  0  passes: nothing is red but what is listed; with --baseline, nothing has got worse
  1  does not pass: a new failure, an unexpected pass, a stale or expired entry; with --baseline, a regression
  2  wrong command line, results that cannot be read, or a list with mistakes or gaps
  3  the run ended because the device could not be set up again
  4  no case was executed
  5  nothing is wrong, but a report could not be written
  6  nothing is wrong so far, but the run was ended early: cases are missing`;

/** Adds them to the program. Their code is loaded when they are called. `choosing` adds the options that choose cases. */
export function addResultsCommands(
  program: Command,
  choosing: (command: Command) => Command,
  { out, errors, interrupt, stopOnSignals }: Surroundings & { readonly stopOnSignals: () => void },
): void {
  program
    .command('gate')
    .description(
      'say whether results pass, and what is in the way: new failures, unexpected passes, stale entries',
    )
    .argument('<results>', 'report of a run: json, jsonl (also cut off) or tap')
    .option(
      '--known <file>',
      'list of known deviations (default: the one of the suite for the device, if any)',
    )
    .option('--baseline <file>', 'results of an earlier run: only what has got worse is in the way')
    .addOption(reportOption())
    .addHelpText(
      'after',
      `
Examples:
  vscsi gate results.jsonl --known known.yaml
  vscsi gate results.json --known known.yaml --baseline yesterday.json
  vscsi gate results.jsonl --known known.yaml --report junit=results.xml --report markdown=summary.md
${EXIT_CODES}`,
    )
    .action(async (file: string, options: JudgeOptions) => {
      const { gateCommand } = await import('./gate-command.js');
      process.exitCode = gateCommand(file, options, textBeside(options.report, out, errors), errors);
    });

  program
    .command('known')
    .description('make a first list of known deviations of results; reasons are to be filled in')
    .addOption(new Option('--from <results>', 'report of a run: json, jsonl or tap').makeOptionMandatory())
    .option('--out <file>', 'file to make; it must not be there yet (default: standard output)')
    .addHelpText(
      'after',
      `
Examples:
  vscsi run --dut qemu --report jsonl=results.jsonl
  vscsi known --from results.jsonl --out known.yaml

Exit codes:
  0  the list is written
  2  wrong command line, results that cannot be read, or a file that is there already
  5  the list could not be written`,
    )
    .action(async (options: KnownOptions) => {
      const { knownCommand } = await import('./known-command.js');
      process.exitCode = knownCommand(options, out);
    });

  program
    .command('merge')
    .description('put the results of all parts of a run (--shard) together')
    .argument('<results...>', 'reports of the parts: json or jsonl')
    .option('--known <file>', 'list of known deviations, as with vscsi gate')
    .addOption(reportOption())
    .addHelpText(
      'after',
      `
Refuses a part that is missing, that is there twice, that was ended early, or that belongs to another run or device.

Examples:
  vscsi run --dut qemu --shard 1/2 --report jsonl=part-1.jsonl
  vscsi run --dut qemu --shard 2/2 --report jsonl=part-2.jsonl
  vscsi merge part-*.jsonl --report json=results.json
  vscsi gate results.json

Exit codes:
  0  the parts are put together, whatever they say of the device
  2  wrong command line, results that cannot be read, or that are not all parts of one run
  5  a report could not be written`,
    )
    .action(async (files: string[], options: MergeOptions) => {
      const { mergeCommand } = await import('./merge-command.js');
      process.exitCode = mergeCommand(files, options, textBeside(options.report, out, errors), errors);
    });

  choosing(
    program
      .command('diff')
      .description('say what two devices do differently: which cases, and which bytes')
      .argument('[results...]', 'reports of two runs: json, jsonl or tap'),
  )
    .option('--dut <device>', 'instead: run the cases on this device and another; given twice', collect(asIs))
    .option('--modes <modes>', 'with --dut: as of vscsi run', modeChoice)
    .option('--jobs <number>', `with --dut: ${JOBS}`, positiveInteger)
    .option('--seed <number>', 'with --dut: seed of all random choices', positiveInteger)
    .option(
      '--timeout <ms>',
      'with --dut: without progress for so long a case counts as hanging',
      positiveInteger,
      10_000,
    )
    .option('--no-mmap', "with --dut: copy memory through the device's own channel")
    .option('--unsafe-dma', 'with --dut: drive a PCI function that no IOMMU stands before')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  vscsi diff qemu-7.json qemu-11.json
  vscsi diff --dut old.yaml --dut new.yaml --select 'scsi.req.*'   profiles of two binaries

Exit codes:
  0  no difference
  1  differences
  2  wrong command line, or results that cannot be read
  3  with --dut: a device could not be set up`,
    )
    .action(async (files: string[], options: DiffOptions) => {
      stopOnSignals();
      const { diffCommand } = await import('./diff-command.js');
      process.exitCode = await diffCommand(files, options, { out, errors, interrupt });
    });

  program
    .command('report')
    .description('make a page of stored results, of one device or of several side by side')
    .argument('<results...>', 'results as vscsi run wrote them: JSON, JSON lines or TAP')
    .requiredOption('--html <file>', 'the page: one file that works offline, in any browser')
    .addHelpText(
      'after',
      `
Examples:
  vscsi report results.json --html results.html
  vscsi report model.json qemu.json --html both.html`,
    )
    .action(async (files: string[], options: ReportOptions) => {
      const { reportCommand } = await import('./report-command.js');
      process.exitCode = reportCommand(files, options, out);
    });
}

function reportOption(): Option {
  return new Option(
    '--report <format=file>',
    'write the results, as judged, to another report; as with vscsi run',
  ).argParser(collect(reportTarget));
}
