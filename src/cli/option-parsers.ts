/** From the words of the command line to values. Each throws InvalidArgumentError, which says what was expected. */
import { InvalidArgumentError } from 'commander';
import { TRANSPORT_NAMES } from '../port/transport-name.js';
import { REPORT_FORMATS, type ReportFormat, STANDARD_OUTPUT } from '../report/format.js';
import type { TextSink } from '../report/style.js';
import { allModes, type ModeChoice, modeName } from '../run/modes.js';
import type { Shard } from '../run/results.js';
import { didYouMeanOneOf, idMatcher } from '../run/select.js';
import { ShellWordsError, splitShellWords } from '../sys/shell-words.js';
import type { DeviceProperty, ReportTarget } from './run-options.js';

/** For an option that may be repeated. */
export function collect<T>(
  parse: (text: string) => T,
): (text: string, before: readonly T[] | undefined) => readonly T[] {
  return (text, before = []) => [...before, parse(text)];
}

/** From 1 to 2^31. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 2 ** 31)
    throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

/** `FORMAT=FILE` of `--report`; `-` is standard output. */
export function reportTarget(text: string): ReportTarget {
  const formats: readonly string[] = REPORT_FORMATS;
  const match = /^(\w+)=(.+)$/.exec(text);
  const [, format = '', file] = match ?? [];
  if (file === undefined || !formats.includes(format))
    throw new InvalidArgumentError(`expected ${formats.map((each) => `${each}=FILE`).join(', ')}.`);
  return { format: format as ReportFormat, file: file === '-' ? STANDARD_OUTPUT : file };
}

/** Where text for people goes: beside a report that takes standard output. */
export function textBeside(
  reports: readonly ReportTarget[] | undefined,
  out: TextSink,
  errors: TextSink,
): TextSink {
  return reports?.some(({ file }) => file === STANDARD_OUTPUT) ? errors : out;
}

/** `NAME=VALUE` of `--device-prop`. */
export function deviceProperty(text: string): DeviceProperty {
  const match = /^([\w.-]+)=(.*)$/.exec(text);
  if (match?.[1] === undefined) throw new InvalidArgumentError('expected NAME=VALUE.');
  return { name: match[1], value: match[2] ?? '' };
}

/** A command as a shell would split it. */
export function commandWords(text: string): readonly string[] {
  try {
    const words = splitShellWords(text);
    if (words.length > 0) return words;
  } catch (error) {
    if (!(error instanceof ShellWordsError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
  throw new InvalidArgumentError('expected a command, e.g. "valgrind -q".');
}

/** The value of `--modes`. */
export function modeChoice(text: string): ModeChoice {
  if (text === 'default' || text === 'all' || text === 'exhaustive') return text;
  const names = allModes(TRANSPORT_NAMES).map(modeName);
  const globs = text.split(',').map((glob) => glob.trim());
  const idle = globs.find((glob) => !names.some(idMatcher([glob])));
  if (idle === undefined) return globs;
  const wrong = idle === '' ? 'a name is missing' : `there is no mode ${idle}${didYouMeanOneOf(idle, names)}`;
  throw new InvalidArgumentError(
    `expected default, all, exhaustive, or names of modes, as ${names.slice(0, 4).join(', ')}; ${wrong}.`,
  );
}

/** `INDEX/COUNT` of `--shard`, from 1. */
export function shard(text: string): Shard {
  const [, index = 0, count = 0] = (/^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (index < 1 || index > count)
    throw new InvalidArgumentError('expected INDEX/COUNT with an index from 1 to the count, e.g. 1/4.');
  return { index, count };
}

/** Texts are taken as they are. */
export const asIs = (text: string): string => text;
