#!/usr/bin/env node
/** The command line. */
import { Command, CommanderError, Option } from 'commander';
import { KeyError } from '../certify/keys.js';
import { DutSetupError } from '../duts/dut.js';
import { REMOTE_TRANSPORTS } from '../duts/remote/protocol.js';
import { DutGoneError } from '../port/errors.js';
import { PCI_TRANSPORTS } from '../port/transport-name.js';
import { onOutputClosed, ReportError } from '../report/report-file.js';
import { ResultsFileError } from '../report/results-file-error.js';
import { sinkFor, type TextSink } from '../report/style.js';
import { TraceFileError } from '../report/trace-file-error.js';
import { CaseFilesError } from '../run/case-files-error.js';
import { bisectExitCode, ExitCode } from '../run/exit-code.js';
import { KnownListError } from '../run/known.js';
import { MergeError } from '../run/merge.js';
import { SUITE_VERSION } from '../run/package-info.js';
import { SPEC_VERSIONS } from '../run/spec-version.js';
import type { BenchOptions } from './bench-command.js';
import type { CertifyOptions } from './certify-command.js';
import type { CoverageOptions } from './coverage-command.js';
import { UsageError } from './errors.js';
import { JOBS } from './jobs.js';
import type { LabFetchOptions, LabRunOptions } from './lab-command.js';
import type { ListOptions } from './list-command.js';
import type { MutateOptions } from './mutate-command.js';
import {
  asIs,
  collect,
  commandWords,
  deviceProperty,
  modeChoice,
  positiveInteger,
  reportTarget,
  shard,
  textBeside,
} from './option-parsers.js';
import type { RemoteCheckOptions } from './remote-command.js';
import type { ReplayOptions } from './replay-trace-command.js';
import { addResultsCommands } from './results-commands.js';
import type { RunOptions } from './run-options.js';
import type { ServeCommandOptions } from './serve-command.js';

const EXIT_CODES = `
Exit codes:
  0    conformant, or but for known deviations; with --baseline, no regression
  1    not conformant, or the list of known deviations is out of date
  2    wrong command line, case file or list, or nothing selected
  3    a device could not be set up
  4    no case was executed: all were skipped
  5    nothing is wrong, but a report could not be written
  6    nothing is wrong so far, but something was not looked at: see gate, certify and verify
  70   a mistake of the suite itself, which says nothing about the device
  130  interrupted
  141  the output was closed (as by "| head")`;

/** Fires when the run should end early: at the first Ctrl-C or SIGTERM, or when nobody reads the output any more. */
const stop = new AbortController();
let outputClosed = false;

/** Nobody reads the output any more: what is under way ends in order. */
function closed(): void {
  outputClosed = true;
  process.exitCode = ExitCode.OUTPUT_CLOSED;
  stop.abort();
}
onOutputClosed(closed);

/**
 * A stream as a sink that falls silent when its reader goes away, or when what it says cannot be written. In the latter
 * case the run goes on: its reports may lie on another disk.
 */
function quietSink(stream: NodeJS.WriteStream, name: string): TextSink {
  let failed = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      if (!failed && stream !== process.stderr)
        errors.write(`vscsi: ${new ReportError(name, error).message}\n`);
      failed = true;
      return;
    }
    closed();
  });
  // The last write may fail after the command has set its exit code.
  process.on('exit', (code) => {
    if (failed && code === ExitCode.CONFORMANT) process.exitCode = ExitCode.REPORT;
  });
  const sink = sinkFor(stream, process.env);
  return { ...sink, write: (text) => void (outputClosed || failed || sink.write(text)) };
}

const out = quietSink(process.stdout, 'standard output');
const errors = quietSink(process.stderr, 'standard error');

// The code of a command is loaded when it is called: each needs another part of the suite.
const program = new Command('vscsi')
  .description(
    'Conformance tests for virtio-scsi devices: virtqueue transactions written in YAML, checked byte for byte.',
  )
  .version(SUITE_VERSION)
  .exitOverride()
  .configureOutput({ writeOut: (text) => out.write(text), writeErr: (text) => errors.write(text) })
  .configureHelp({ showGlobalOptions: true })
  .addHelpText('after', EXIT_CODES);

const casesOption = () =>
  new Option(
    '--cases <path>',
    'case file or folder, may be repeated (default: the cases of the suite)',
  ).argParser(collect(asIs));

/** The options that choose cases. */
function choosing(command: Command): Command {
  return command
    .addOption(casesOption())
    .option('--select <glob>', 'only cases whose id matches, may be repeated', collect(asIs))
    .option('--skip <glob>', 'no cases whose id matches, may be repeated', collect(asIs))
    .option('--area <area>', 'only cases of an area: of a requirement that they cover, or of their id')
    .option('--requirement <id>', 'only cases that cover a requirement');
}

/** The options that say how a device is started. */
function starting(command: Command): Command {
  return command
    .option(
      '--backend <command>',
      "start a vhost-user back-end or a vfio-user server; {socket} stands for its socket, {control} for one at which it takes controls, e.g. 'vscsi serve --socket {socket} --control {control}'. With qemu: behind QEMU's vhost-user-scsi-pci. With remote: a command that speaks the remote-device protocol",
      commandWords,
    )
    .option('--qemu <binary>', 'QEMU binary to start (default: qemu-system-x86_64)')
    .option(
      '--machine <machine>',
      "QEMU's machine, with its options; it must have PCI (default: q35, and microvm for MMIO)",
    )
    .option(
      '--device-prop <name=value>',
      'property of the virtio-scsi-pci device, may be repeated',
      collect(deviceProperty),
    )
    .option('--wrap <command>', "command to run QEMU under, e.g. 'valgrind -q'", commandWords)
    .option(
      '--no-mmap',
      "copy memory through the device's own channel instead of mapping it; needs no native module",
    )
    .option(
      '--unsafe-dma',
      "drive a PCI function that no IOMMU stands before; whatever it does wrong may hit the machine's memory",
    )
    .option('--mutant <id>', 'make the model misbehave in a named way');
}

starting(choosing(program.command('run').description('run the cases on one or more devices under test')))
  .option(
    '--dut <device>',
    "device kind (model, qemu, vhost-user:SOCKET, vhost-scsi, vfio-user:SOCKET, vfio:ADDRESS, pci:ADDRESS, remote:ADDRESS; vfio and pci alone mean QEMU's in the lab) or profile file (*.yaml), may be repeated (default: the model, and QEMU where it is installed)",
    collect(asIs),
  )
  .addOption(
    new Option('--spec <version>', 'leave out what this version of virtio does not have').choices(
      SPEC_VERSIONS,
    ),
  )
  .option('--strict', 'where the standard is ambiguous, count by the strict reading')
  .option(
    '--modes <modes>',
    'default: each case once; all: ring and transport cases in every mode, others in some; exhaustive; or names and globs, e.g. pci.packed*,mmio.split',
    modeChoice,
  )
  .option(
    '--shard <index/count>',
    'only one of so many parts of the cases, e.g. 1/4; "vscsi merge" puts their results together',
    shard,
  )
  .option(
    '--resume <results>',
    'go on where a run was cut off: its report (jsonl); starts from the beginning where there is none',
  )
  .option('--jobs <number>', JOBS, positiveInteger)
  .option('--shuffle <seed>', 'run the cases in another order', positiveInteger)
  .option('--reverse', 'run the cases backwards')
  .option(
    '--seed <number>',
    'seed of all random choices (default: a new one, which is printed)',
    positiveInteger,
  )
  .option('--timeout <ms>', 'without progress for so long a case counts as hanging', positiveInteger, 10_000)
  .option('--known <file>', 'list of known deviations (default: the one of the suite for the device, if any)')
  .option('--fatal', 'carry out also the cases that the device is known not to survive')
  .option('--baseline <file>', 'results of an earlier run: only what has got worse fails this one')
  .addOption(
    new Option('--exit-code <convention>', 'bisect: 0 good, 1 bad, 125 cannot test').choices(['bisect']),
  )
  .option(
    '--report <format=file>',
    'write results: json, junit, markdown, tap or html=FILE at the end, jsonl=FILE while running; - is standard output; may be repeated',
    collect(reportTarget),
  )
  .option('--keep', 'leave the evidence of red cases in a folder: their results and what the device said')
  .option(
    '--trace [folder]',
    'show what each case exchanged with the device, decoded; with a folder in files of its own, as text and as JSONL',
  )
  .option('-v, --verbose', 'show every case, not only those with findings')
  .addHelpText(
    'after',
    `
Examples:
  vscsi run                                   the model, and QEMU where it is installed
  vscsi run --dut qemu --select 'scsi.req.*'  some cases, on QEMU alone
  vscsi run --dut qemu --qemu ./build/qemu-system-x86_64 --report json=results.json
  vscsi run --dut qemu --modes all            all ring formats and transports
  vscsi run --dut model --select spc.test-unit-ready.good --trace
  vscsi run --dut vhost-user:/run/vhost.sock  a vhost-user-scsi back-end that listens there
  vscsi run --dut vhost-user --backend 'vscsi serve --socket {socket} --control {control}'
  vscsi run --dut vfio-user --backend 'my-server {socket}'   a PCI function behind vfio-user
  vscsi run --dut pci:0000:00:05.0 --unsafe-dma   a PCI function that no IOMMU stands before
  vscsi run --dut remote --backend ./my-device  whatever speaks the remote-device protocol
  git bisect run vscsi run --dut qemu --qemu ./build/qemu-system-x86_64 --exit-code bisect
${EXIT_CODES}`,
  )
  .action(async (options: RunOptions) => {
    stopOnSignals();
    const { runCommand } = await import('./run-command.js');
    process.exitCode = await runCommand(
      options,
      textBeside(options.report, out, errors),
      errors,
      stop.signal,
    );
  });

choosing(program.command('list').description('list the cases'))
  .option('--waived', 'only cases that turn standing checks off, with the reasons')
  .option('--json', 'as JSON')
  .action(async (options: ListOptions) => {
    const { listCommand } = await import('./list-command.js');
    process.exitCode = listCommand(options, out);
  });

program
  .command('show')
  .description('show a case: its source, what it needs, and what it covers in words')
  .argument('<id>', 'id of a case, or of one of its expansions')
  .addOption(casesOption())
  .action(async (id: string, options: { cases?: readonly string[] }) => {
    const { showCommand } = await import('./show-command.js');
    process.exitCode = showCommand(id, options, out);
  });

program
  .command('check')
  .description('check case files without running them')
  .argument('[path...]', 'case files or folders (default: the cases of the suite)')
  .action(async (paths: string[]) => {
    const { checkCommand } = await import('./list-command.js');
    process.exitCode = checkCommand(paths, out);
  });

program
  .command('doctor')
  .description('say which devices can be tested here, and what is missing for the others')
  .option('--qemu <binary>', 'QEMU binary to look at (default: qemu-system-x86_64)')
  .action(async (options: { qemu?: string }) => {
    const { doctorCommand } = await import('./doctor-command.js');
    process.exitCode = await doctorCommand(options, out);
  });

starting(
  program
    .command('certify')
    .description('carry out a fixed playlist on a device, and leave a signed record of how it went')
    .requiredOption(
      '--dut <device>',
      "device kind (model, qemu, vhost-user:SOCKET, vhost-scsi, vfio-user:SOCKET, vfio:ADDRESS, pci:ADDRESS, remote:ADDRESS; vfio and pci alone mean QEMU's in the lab) or profile file (*.yaml)",
    )
    .requiredOption('--profile <name>', 'playlist: basic or full')
    .requiredOption('--out <folder>', 'where the record goes: a new folder, or an empty one')
    .requiredOption('--key <file>', 'Ed25519 private key in PEM, which signs the record'),
)
  .option('--jobs <number>', JOBS, positiveInteger)
  .option('--seed <number>', 'seed of all random choices (default: a new one)', positiveInteger)
  .option('--timeout <ms>', 'without progress for so long a case counts as hanging', positiveInteger, 10_000)
  .addHelpText(
    'after',
    `
Examples:
  openssl genpkey -algorithm ed25519 -out private.pem
  vscsi certify --dut qemu --profile basic --out record --key private.pem

Exit codes:
  0    CONFORMANT
  1    NOT CONFORMANT: signed like any other record
  2    wrong command line or key, a folder that is not empty, or cases that are not those of the playlist
  3    the device could not be set up; not signed
  5    a part of the record could not be written; not signed
  6    INCOMPLETE: nothing failed, but something mandatory could not be looked at; signed
  130  interrupted; not signed`,
  )
  .action(async (options: CertifyOptions) => {
    stopOnSignals();
    const { certifyCommand } = await import('./certify-command.js');
    process.exitCode = await certifyCommand(options, out, errors, stop.signal);
  });

starting(
  program
    .command('replay')
    .description('send the bytes of a trace again, to any device, and compare what comes back')
    .argument('<trace>', 'trace of a case as JSONL, from vscsi run --trace FOLDER')
    .requiredOption(
      '--dut <device>',
      "device kind (model, qemu, vhost-user:SOCKET, vhost-scsi, vfio-user:SOCKET, vfio:ADDRESS, pci:ADDRESS, remote:ADDRESS; vfio and pci alone mean QEMU's in the lab) or profile file (*.yaml)",
    ),
)
  .addOption(casesOption())
  .option('--timeout <ms>', 'without progress for so long a case counts as hanging', positiveInteger, 10_000)
  .addHelpText(
    'after',
    `
Examples:
  vscsi run --dut qemu --select spc.test-unit-ready.good --trace traces
  vscsi replay traces/spc.test-unit-ready.good.jsonl --dut model

Exit codes:
  0    every answer is that of the trace
  1    an answer differs, or did not come
  2    wrong command line, or no trace
  3    the device could not be set up
  4    not repeated: the device does not offer what the case needs, or the case makes other chains on it
  130  interrupted`,
  )
  .action(async (file: string, options: ReplayOptions) => {
    stopOnSignals();
    const { replayTraceCommand } = await import('./replay-trace-command.js');
    process.exitCode = await replayTraceCommand(file, options, out, errors, stop.signal);
  });

program
  .command('verify')
  .description('check a certification record: signature, files, completeness, and what it concludes')
  .argument('<folder>', 'the record')
  .requiredOption('--public-key <file>', 'Ed25519 public key in PEM of whoever is to have signed')
  .addHelpText(
    'after',
    `
Examples:
  openssl pkey -in private.pem -pubout -out public.pem
  vscsi verify record --public-key public.pem

Exit codes:
  0  the record is sound, whatever it concludes
  1  refused: the files in which it shows are named
  2  wrong command line or key
  6  of another version of the suite: nothing is wrong so far, and that version is needed to check the rest`,
  )
  .action(async (folder: string, options: { publicKey: string }) => {
    const { verifyCommand } = await import('./verify-command.js');
    process.exitCode = verifyCommand(folder, options, out);
  });

program
  .command('serve')
  .description(
    'serve the model: as a vhost-user-scsi back-end, to one front-end after another, as a PCI function behind vfio-user, or as a remote device',
  )
  .option('--socket <path>', 'socket at which front-ends connect')
  .addOption(
    new Option('--socket-path <path>', 'the same, by the convention for back-end programs').hideHelp(),
  )
  .option('--vfio-user <path>', 'instead: socket at which vfio-user clients connect')
  .addOption(
    new Option(
      '--transport <name>',
      'with --vfio-user: by which the function can be driven, pci-legacy by both (default: pci)',
    ).choices(PCI_TRANSPORTS),
  )
  .addOption(new Option('--print-capabilities', 'say what kind of back-end this is').hideHelp())
  .option(
    '--control <path>',
    'socket at which units are plugged, media changed, commands held …, by lines of JSON (docs/controls.md)',
  )
  .option(
    '--remote',
    'speak the remote-device protocol on standard input and output (docs/remote-protocol.md)',
  )
  .option(
    '--memory-file <path>',
    'with --remote: memory in a file, which the suite maps (default: memory of the model, read and written by messages)',
  )
  .option(
    '--dma-messages',
    "with --remote: memory of the suite's, which the model reads and writes by messages",
  )
  .option('--interrupt-events', 'with --remote: MSI-X vectors are told, instead of written to memory')
  .option('--seed <number>', 'with --remote: where the memory lies (default: 1)', positiveInteger)
  .option('--profile <file>', 'profile (*.yaml) of a model to serve (default: the usual model)')
  .option('--mutant <id>', 'make the model misbehave in a named way')
  .addHelpText(
    'after',
    `
Examples:
  vscsi serve --socket /tmp/scsi.sock
  vscsi run --dut vhost-user:/tmp/scsi.sock   in another terminal
  vscsi run --dut vhost-user --backend 'vscsi serve --socket {socket} --control {control}'
  vscsi run --dut vfio-user --backend 'vscsi serve --vfio-user {socket} --transport {transport}'
  vscsi run --dut remote --backend 'vscsi serve --remote'
  vscsi serve --vfio-user /tmp/scsi-pci.sock
  qemu-system-x86_64 -m 512 -object memory-backend-memfd,id=m,size=512M,share=on -machine q35,memory-backend=m \\
    -chardev socket,id=c,path=/tmp/scsi.sock -device vhost-user-scsi-pci,chardev=c,num_queues=2
  qemu-system-x86_64 -m 512 -object memory-backend-memfd,id=m,size=512M,share=on -machine q35,memory-backend=m \\
    -device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"/tmp/scsi-pci.sock"}}'`,
  )
  .action(async (options: ServeCommandOptions) => {
    stopOnSignals();
    const { serveCommand } = await import('./serve-command.js');
    process.exitCode = await serveCommand(options, out, errors, stop.signal);
  });

program
  .command('remote')
  .description('devices behind the remote-device protocol (docs/remote-protocol.md)')
  .command('check')
  .description('look at an implementation of the protocol, message by message')
  .argument('[address]', 'where it listens: unix:PATH or tcp:HOST:PORT')
  .option(
    '--backend <command>',
    'instead: start it, with the protocol on its standard input and output',
    commandWords,
  )
  .addOption(
    new Option('--transport <name>', 'by which it is to be driven').choices(REMOTE_TRANSPORTS).default('pci'),
  )
  .option('--timeout <ms>', 'how long an answer may take', positiveInteger, 10_000)
  .addHelpText(
    'after',
    `
Prints a line for each check. Cases follow with "vscsi run --dut remote".

Examples:
  vscsi remote check --backend 'python3 examples/remote/device.py'
  vscsi remote check --backend 'vscsi serve --remote' --transport mmio
  vscsi remote check unix:/run/device.sock
  vscsi remote check tcp:127.0.0.1:4444 --timeout 60000

Exit codes:
  0    nothing is wrong
  1    a check failed
  2    wrong command line
  3    the device could not be started or connected to
  130  interrupted`,
  )
  .action(async (address: string | undefined, options: RemoteCheckOptions) => {
    stopOnSignals();
    const { remoteCheckCommand } = await import('./remote-command.js');
    process.exitCode = await remoteCheckCommand(address, options, out, stop.signal);
  });

program
  .command('bench')
  .description('measure what the harness costs, against a raw loop on the same device')
  .option('--dut <device>', 'device kind or profile file', 'qemu')
  .option(
    '--backend <command>',
    'vhost-user, vfio-user: start the back-end; {socket} stands for its socket. remote: start the device',
    commandWords,
  )
  .option('--qemu <binary>', 'QEMU binary to start (default: qemu-system-x86_64)')
  .option('--no-mmap', "copy memory through the device's own channel")
  .option('--unsafe-dma', 'drive a PCI function that no IOMMU stands before')
  .option('--blocks <number>', 'interleaved pairs of blocks', positiveInteger, 7)
  .option('--transactions <number>', 'transactions a block', positiveInteger, 1000)
  .option('--no-cases', 'leave out how fast the cases run: minutes in the lab')
  .option(
    '--modes <modes>',
    'instead: how long a run takes in each of these modes, as of vscsi run',
    modeChoice,
  )
  .option(
    '--jobs <number>',
    'with --modes: so many devices at the same time (default: two, or for QEMU one more than there are processors, at most 4)',
    positiveInteger,
  )
  .option('--scale', 'instead: what finding 1, 16, 128 and 512 units costs')
  .option('--json', 'as JSON; the ratio of each row is the median over the blocks')
  .action(async (options: BenchOptions) => {
    stopOnSignals();
    const { benchCommand } = await import('./bench-command.js');
    process.exitCode = await benchCommand(options, { out, errors, interrupt: stop.signal });
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
  .action(async (options: CoverageOptions) => {
    const { coverageCommand } = await import('./coverage-command.js');
    process.exitCode = coverageCommand(options, out);
  });

program
  .command('mutate')
  .description('run the cases on deviations of the model, to see which cases notice which')
  .option('--select <glob>', 'only mutants whose id matches, may be repeated', collect(asIs))
  .option('--cases <path>', 'case file or folder, may be repeated', collect(asIs))
  .option('--jobs <number>', 'threads (default: one for each processor, at most 4)', positiveInteger)
  .option(
    '--json',
    'as JSON: a summary, each mutant with the expanded cases that it breaks, and the evidence',
  )
  .option('--html <file>', 'as a page for a browser')
  .option('--working', 'without the mutants that are set aside while cases are written')
  .option('--resume <file>', 'keep what has been found in this file, and go on from what is there')
  .option('--write', 'store the outcome in fixtures/evidence/mutants.json')
  .addHelpText(
    'after',
    `
Examples:
  vscsi mutate                                  all mutants, on the cases that they touch
  vscsi mutate --select 'inquiry.*' --jobs 1    some, as while writing a case
  vscsi mutate --resume mutants.jsonl           goes on where it was cut off
  vscsi run --dut model --mutant inquiry.evpd-ignored   what the cases see of one

Exit codes:
  0    every mutant is noticed, and with all of them every case is proved
  1    a mutant survives, or a case has no proof
  2    wrong command line or case file
`,
  )
  .action(async (options: MutateOptions) => {
    const { mutateCommand } = await import('./mutate-command.js');
    process.exitCode = await mutateCommand(options, out, errors);
  });

addResultsCommands(program, choosing, { out, errors, interrupt: stop.signal, stopOnSignals });

const lab = program
  .command('lab')
  .description('a small virtual machine with a kernel of Debian: for devices that are parts of a kernel');

const fetching = (command: Command) =>
  command
    .option('--suite <name>', "Debian's suite whose kernel it is (default: bookworm)")
    .option('--mirror <uri>', 'where packages come from (default: $VSCSI_DEBIAN_MIRROR, or deb.debian.org)')
    .option('--refresh', 'fetch again what is there already');

fetching(lab.command('fetch').description('fetch the kernel, and say which it is and where it lies')).action(
  async (options: LabFetchOptions) => {
    stopOnSignals();
    const { labFetchCommand } = await import('./lab-command.js');
    process.exitCode = await labFetchCommand(options, { out, errors, interrupt: stop.signal });
  },
);

fetching(
  lab
    .command('run')
    .description('run a command there, as root, with busybox, Node.js and this package in /vscsi')
    .argument('<command...>', 'program and arguments; after -- if they have options'),
)
  .option(
    '--module <name>',
    'load a module of the kernel, with arguments behind its name; may be repeated',
    collect(asIs),
  )
  .option('--share <folder>', 'folder that is there as it is here, to read; may be repeated', collect(asIs))
  .option('--out <folder>', 'folder that is /out there, to write')
  .option('--qemu <binary>', 'QEMU binary to start (default: qemu-system-x86_64)')
  .option('--memory <mib>', 'memory in MiB', positiveInteger)
  .option('--timeout <ms>', 'longest time for all of it', positiveInteger)
  .addHelpText(
    'after',
    `
The exit code is the command's, or 3 where there is no lab to be had.

Example:
  vscsi lab run --module vhost_scsi -- sh -c 'uname -r; ls -l /dev/vhost-scsi'`,
  )
  .action(async (command: string[], options: LabRunOptions) => {
    stopOnSignals();
    const { labRunCommand } = await import('./lab-command.js');
    process.exitCode = await labRunCommand(command, options, { out, errors, interrupt: stop.signal });
  });

/** The first Ctrl-C or SIGTERM ends the run in order; the second ends the program at once. */
function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(ExitCode.INTERRUPTED);
      stop.abort();
    });
}

/** The exit code of an error that says what is wrong, with its text; undefined for one that should not happen. */
function explained(error: unknown): { readonly code: ExitCode; readonly text: string } | undefined {
  if (
    error instanceof UsageError ||
    error instanceof CaseFilesError ||
    error instanceof KnownListError ||
    error instanceof ResultsFileError ||
    error instanceof MergeError ||
    error instanceof KeyError ||
    error instanceof TraceFileError
  )
    return { code: ExitCode.USAGE, text: error.message };
  if (error instanceof DutSetupError)
    return {
      code: ExitCode.DUT_SETUP,
      text: `${error.message}${error.remedy ? `\n  ${error.remedy}` : ''}`,
    };
  if (error instanceof ReportError) return { code: ExitCode.REPORT, text: error.message };
  if (error instanceof DutGoneError) return { code: ExitCode.NOT_CONFORMANT, text: error.message };
  return undefined;
}

/**
 * What an error that should not happen comes to. Of a failed call to the operating system its message says what is
 * wrong; of anything else the developers need the stack, which a user asks for.
 */
function unexplained(error: unknown): { readonly code: ExitCode; readonly text: string } {
  const { message, stack, syscall } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  if (process.env.VSCSI_DEBUG) return { code: ExitCode.INTERNAL, text: stack ?? String(error) };
  const text = syscall === undefined ? 'a mistake of the suite: ' : '';
  return {
    code: ExitCode.INTERNAL,
    text: `${text}${message ?? String(error)}\n  VSCSI_DEBUG=1 in the environment shows where; please report it with that`,
  };
}

/** Whether the run is a step of a bisection. Looked up by hand: the command line may be what is wrong. */
const bisecting = process.argv.some(
  (word, at) =>
    word === '--exit-code=bisect' || (word === '--exit-code' && process.argv[at + 1] === 'bisect'),
);

/** Says what went wrong, and gives the exit code. */
function exitCodeOf(error: unknown): number {
  const { code, text } =
    error instanceof CommanderError
      ? { code: error.exitCode === 0 ? ExitCode.CONFORMANT : ExitCode.USAGE, text: '' }
      : (explained(error) ?? unexplained(error));
  if (text !== '') errors.write(`vscsi: ${text}\n`);
  return bisecting ? bisectExitCode(code) : code;
}

process.on('uncaughtException', (error) => process.exit(exitCodeOf(error)));
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
if (outputClosed) process.exitCode = ExitCode.OUTPUT_CLOSED;
