/**
 * Reading results again, whichever report holds them: JSON, the event stream as JSON lines, also of a run that was cut
 * off, or TAP. What is read has been held against the published schemas.
 */
import { readFileSync } from 'node:fs';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { StandingLedger } from '../harness/standing-ledger.js';
import { EMPTY_GATE, type Gate } from '../run/gate.js';
import { resultKey } from '../run/modes.js';
import { inOrder } from '../run/result-order.js';
import { type CaseResult, judgeStanding, type RunResults, summarise } from '../run/results.js';
import { ajv } from '../sys/lazy-packages.js';
import { showable } from './control-characters.js';
import type { CaseEvent, FooterEvent, HeaderEvent } from './events.js';
import { TapReadError, tapResults } from './read-tap.js';
import { ResultsFileError } from './results-file-error.js';

export { ResultsFileError } from './results-file-error.js';

/** Results as a file holds them. */
export interface StoredResults {
  readonly file: string;
  readonly format: 'json' | 'jsonl' | 'tap';
  /**
   * Of TAP: without environment, features, details and request, and without titles and times of what found nothing;
   * standing checks that held have no counts.
   */
  readonly results: RunResults;
  /** How they stood to the list of known deviations at the time. Not in TAP, nor where the end is missing. */
  readonly gate?: Gate;
  /** The stream has no footer: the run ended without a word, as by SIGKILL. The results then count as interrupted. */
  readonly cutOff: boolean;
  /** Of a stream: its cases, as they were written. */
  readonly events?: readonly CaseEvent[];
}

/**
 * Throws ResultsFileError, naming the file, the line where there is one, and what is wrong. Control characters in texts
 * are shown as `\x1b`: results may be of strangers, and are printed.
 */
export function readResults(file: string): StoredResults {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ResultsFileError(file, messageOf(error), { cause: error });
  }
  return parseResults(file, text);
}

/** The same of a text; `file` is for messages. */
export function parseResults(file: string, text: string): StoredResults {
  // Editors and shells of some systems put a mark in front.
  if (text.startsWith('\uFEFF')) return parseResults(file, text.slice(1));
  if (text.trim() === '') throw new ResultsFileError(file, 'the file is empty');
  if (/^TAP version/.test(text)) return fromTap(file, text);
  // The first line of a stream is whole JSON, that of a document is `{`.
  if (isStream(text)) return fromStream(file, text);
  return fromJson(file, text);
}

function isStream(text: string): boolean {
  const end = text.indexOf('\n');
  try {
    return (JSON.parse(end < 0 ? text : text.slice(0, end)) as { type?: unknown } | null)?.type === 'header';
  } catch {
    return false;
  }
}

function fromJson(file: string, text: string): StoredResults {
  let root: unknown;
  try {
    root = parsedJson(text);
  } catch (error) {
    throw new ResultsFileError(file, messageOf(error), { cause: error });
  }
  refuseOtherSchema(file, root);
  const { gate, ...results } = checked<RunResults & { gate: Gate }>(file, 'results', root);
  refuseContradiction(file, results);
  return { file, format: 'json', results, gate: { ...EMPTY_GATE, ...gate }, cutOff: false };
}

/** Throws ResultsFileError where another version of the suite has another form of results. */
function refuseOtherSchema(place: string, root: unknown): void {
  const { schemaVersion } = (root ?? {}) as { schemaVersion?: unknown };
  if (schemaVersion === 1) return;
  const found = schemaVersion === undefined ? 'missing' : JSON.stringify(schemaVersion);
  const remedy =
    typeof schemaVersion === 'number' ? ': read them with the version of the suite that wrote them' : '';
  throw new ResultsFileError(place, `schemaVersion is ${found}, not 1${remedy}`);
}

/** What is there twice would count twice, as where two files were put one behind the other. */
function refuseTwins(file: string, cases: readonly CaseResult[]): void {
  const seen = new Set<string>();
  for (const result of cases) {
    const key = resultKey(result);
    if (seen.has(key)) throw new ResultsFileError(file, `there are two results of ${key}`);
    seen.add(key);
  }
}

/** The numbers of a summary belong to the cases next to it: a case that was taken out shows. */
function refuseContradiction(file: string, { cases, summary }: RunResults): void {
  refuseTwins(file, cases);
  const counted = summarise(cases);
  for (const [verdict, count] of Object.entries(counted))
    if (summary[verdict as keyof typeof summary] !== count)
      throw new ResultsFileError(
        file,
        `the summary tells of ${summary[verdict as keyof typeof summary]} ${verdict === 'total' ? 'results' : verdict}, and there are ${count}`,
      );
}

function fromStream(file: string, text: string): StoredResults {
  const lines = text.split('\n');
  // What follows the last line break is a line that was never finished.
  lines.pop();
  let header: HeaderEvent | undefined;
  let footer: FooterEvent | undefined;
  const cases: CaseResult[] = [];
  const events: CaseEvent[] = [];
  const standing = new StandingLedger();
  for (const [index, line] of lines.entries()) {
    const place = `${file}:${index + 1}`;
    const event = parsedLine(place, line);
    if (footer !== undefined) throw new ResultsFileError(place, 'something follows the footer');
    if (header === undefined) {
      refuseOtherSchema(place, event);
      header = checked(place, 'header', event);
    } else if (typeOf(event) === 'case') {
      const whole = checked<CaseEvent>(place, 'case', event);
      const { type: _, standing: counts, ...result } = whole;
      events.push(whole);
      cases.push(result);
      standing.merge(counts);
    } else footer = checked(place, 'footer', event);
  }
  if (header === undefined) throw new ResultsFileError(file, 'the header is not whole');
  const { type: _, dut, ...rest } = header;
  const ofRun = { ...rest, cases: inOrder(cases) };
  if (footer === undefined) {
    refuseTwins(file, cases);
    const results: RunResults = {
      ...ofRun,
      dut: { ...dut, features: [] },
      modes: [...new Set(cases.map(({ mode }) => mode))],
      interrupted: true,
      summary: summarise(cases),
      standing: judgeStanding(standing.rows(), header.strict),
    };
    return { file, format: 'jsonl', results, cutOff: true, events };
  }
  const { type: __, gate, ...end } = footer;
  const results: RunResults = { ...ofRun, ...end };
  refuseContradiction(file, results);
  return { file, format: 'jsonl', results, gate: { ...EMPTY_GATE, ...gate }, cutOff: false, events };
}

function parsedLine(place: string, line: string): unknown {
  try {
    return parsedJson(line);
  } catch (error) {
    throw new ResultsFileError(place, messageOf(error), { cause: error });
  }
}

/** How JSON writes what `showable` replaces. */
const MAY_HIDE = /\\u00|\\[bfr]|[^\P{Cc}\t\n\r]/u;

/** Throws SyntaxError. */
function parsedJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return MAY_HIDE.test(text) ? showable(value) : value;
}

function typeOf(event: unknown): unknown {
  return typeof event === 'object' && event !== null && 'type' in event ? event.type : undefined;
}

function fromTap(file: string, text: string): StoredResults {
  try {
    const results = showable(tapResults(text));
    refuseTwins(file, results.cases);
    // The check asks for what a gate says, which TAP does not tell whole.
    checked(file, 'results', { ...results, gate: EMPTY_GATE });
    return { file, format: 'tap', results, cutOff: false };
  } catch (error) {
    if (error instanceof TapReadError) throw new ResultsFileError(file, error.message, { cause: error });
    throw error;
  }
}

type Form = 'results' | 'header' | 'case' | 'footer';

let validators: Readonly<Record<Form, ValidateFunction>> | undefined;
/** Compiled once, when first needed. */
function validatorOf(form: Form): ValidateFunction {
  validators ??= compileSchemas();
  return validators[form];
}

const RESULTS_SCHEMA = 'results.schema.json';
const EVENTS_SCHEMA = 'events.schema.json';

function compileSchemas(): Readonly<Record<Form, ValidateFunction>> {
  const { Ajv } = ajv();
  const schemas = new Ajv({ allowUnionTypes: true, strictTypes: false });
  for (const name of [RESULTS_SCHEMA, EVENTS_SCHEMA]) schemas.addSchema(publishedSchema(name), name);
  const compiled = (reference: string): ValidateFunction => {
    const validate = schemas.getSchema(reference);
    if (validate === undefined) throw new Error(`there is no schema ${reference}`);
    return validate;
  };
  return {
    results: compiled(RESULTS_SCHEMA),
    header: compiled(`${EVENTS_SCHEMA}#/definitions/header`),
    case: compiled(`${EVENTS_SCHEMA}#/definitions/case`),
    footer: compiled(`${EVENTS_SCHEMA}#/definitions/footer`),
  };
}

function publishedSchema(name: string): object {
  // The published schemas are files of the package, next to the sources of what they describe.
  return JSON.parse(readFileSync(new URL(`../../src/report/${name}`, import.meta.url), 'utf8')) as object;
}

function checked<T>(place: string, form: Form, value: unknown): T {
  const validate = validatorOf(form);
  if (!validate(value)) throw new ResultsFileError(place, complaintOf(validate.errors?.[0]));
  return value as T;
}

function complaintOf(error: ErrorObject | undefined): string {
  if (error === undefined) return 'the form is wrong';
  const where = error.instancePath === '' ? '' : `${error.instancePath} `;
  return `${where}${error.message ?? 'is wrong'}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
