/** `vscsi diff`: two devices, or two runs, compared case by case and byte by byte. */
import { type Named, writeDiff } from '../report/diff-text.js';
import { readResults } from '../report/read-results.js';
import type { TextSink } from '../report/style.js';
import { catalogue } from '../run/catalogue.js';
import { diffResults } from '../run/diff.js';
import { ExitCode } from '../run/exit-code.js';
import { UsageError } from './errors.js';
import { runDevices, type Surroundings } from './run-command.js';
import type { RunOptions } from './run-options.js';

/** Either results are given, or devices to run the cases on. */
export type DiffOptions = RunOptions & { readonly json?: boolean };

/** 0 where there is no difference, 1 where there is. Throws UsageError, ResultsFileError and what a run throws. */
export async function diffCommand(
  files: readonly string[],
  options: DiffOptions,
  around: Surroundings,
): Promise<number> {
  const { out } = around;
  const pair = options.dut === undefined ? storedPair(files, options) : await ranPair(files, options, around);
  if (typeof pair === 'number') return pair;
  const [a, b] = pair;
  const differences = diffResults(a.results, b.results);
  if (options.json === true)
    out.write(`${JSON.stringify({ a: a.results.dut, b: b.results.dut, differences }, undefined, 2)}\n`);
  else writeDiff(out, pair, differences, (id) => catalogue().get(id)?.text);
  return differences.length === 0 ? ExitCode.CONFORMANT : ExitCode.NOT_CONFORMANT;
}

/** What only a run heeds. */
const OF_RUNS = ['cases', 'select', 'skip', 'area', 'requirement', 'modes', 'seed'] as const;

function storedPair(files: readonly string[], options: DiffOptions): readonly [Named, Named] {
  const idle = OF_RUNS.find((name) => options[name] !== undefined);
  if (idle !== undefined) throw new UsageError(`--${idle} concerns --dut, and there is none`);
  const [a, b, ...more] = files;
  if (a === undefined || b === undefined || more.length > 0)
    throw new UsageError('expected two results files, or --dut twice');
  return [
    { name: a, results: readResults(a).results },
    { name: b, results: readResults(b).results },
  ];
}

/** The results of both devices, or the exit code of a run that did not come to an end. */
async function ranPair(
  files: readonly string[],
  options: DiffOptions,
  { out, errors, interrupt }: Surroundings,
): Promise<readonly [Named, Named] | number> {
  const { dut = [] } = options;
  if (files.length > 0) throw new UsageError('expected either results files or --dut, not both');
  if (dut.length !== 2) throw new UsageError(`expected two devices, got ${dut.length}: --dut X --dut Y`);
  // What the single runs have to say is not what was asked for; what hinders them is.
  const said: string[] = [];
  const silent: TextSink = {
    ...out,
    isTerminal: false,
    colour: false,
    write: (text) => void said.push(text),
  };
  errors.write(`running the cases on ${dut.join(' and ')} …\n`);
  const { outcomes, conclusion } = await runDevices(options, { out: silent, errors, interrupt });
  const [a, b] = outcomes.map(({ ran }) => ran?.results);
  const broken = outcomes.some(({ setUpFailed }) => setUpFailed);
  if (interrupt.aborted || broken || a === undefined || b === undefined) {
    errors.write(said.slice(-5).join(''));
    return conclusion.code;
  }
  const [first = 'A', second = 'B'] = dut;
  return [
    { name: first, results: a },
    { name: second, results: b },
  ];
}
