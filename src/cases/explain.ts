/**
 * What is wrong with a file's structure, in the words of the language. The schema finds the places; of what ajv says
 * about a place only the deepest branch counts, and the author gets one message for one mistake.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { mapOf, type Path, type Reporter } from './compiler.js';
import { caseFileSchema, type SchemaOptions } from './schema.js';
import { didYouMean } from './suggest.js';
import { QUALIFIERS, STEP_KINDS } from './vocabulary.js';

/** Numbers as the schema sees them. Exact values are the compiler's business. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}

/** Checks files against the schema. Compiling it takes a while, so one checker serves all files. */
export class SchemaChecker {
  readonly #options: SchemaOptions;
  #compiled: ValidateFunction | undefined;

  constructor(options: SchemaOptions = {}) {
    this.#options = options;
  }

  get #validate(): ValidateFunction {
    this.#compiled ??= new Ajv2020({
      allErrors: true,
      strict: true,
      strictRequired: false,
      strictTypes: false,
      allowUnionTypes: true,
      // Each of these makes compiling faster and checking no slower; a test validates the schema itself.
      validateSchema: false,
      inlineRefs: false,
      code: { optimize: false },
    }).compile(caseFileSchema({ ...this.#options, cdbFields: false }));
    return this.#compiled;
  }

  /** Reports every mistake once. `writtenAs` gives the text of a scalar. */
  check(root: unknown, report: Reporter, writtenAs: (path: Path) => string | undefined): void {
    const value = plain(root);
    const cut = cutExpressions(value);
    for (const { path, message } of cut) report(path, 'value', message);
    const validate = this.#validate;
    if (validate(value)) return;
    const errors = (validate.errors ?? []).filter(
      ({ instancePath }) => !cut.some(({ owner }) => isWithin(segments(instancePath), owner)),
    );
    explain(errors, value, report, writtenAs);
  }
}

interface CutExpression {
  readonly path: Path;
  /** The map or list that the comma tore apart. */
  readonly owner: Path;
  readonly message: string;
}

/** Finds `{lba: =min(1, 2)}`, which YAML reads as the text `=min(1` and a key `2)`. */
function cutExpressions(value: unknown, path: Path = []): CutExpression[] {
  if (typeof value !== 'object' || value === null) return [];
  const entries: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : Object.entries(value);
  const out: CutExpression[] = [];
  for (const [at, [key, item]] of entries.entries()) {
    const open = typeof item === 'string' && item.startsWith('=') && count(item, '(') > count(item, ')');
    const next = entries[at + 1];
    const rest = Array.isArray(value) ? next?.[1] : next?.[0];
    if (open && next && typeof rest === 'string' && /\)/.test(rest))
      out.push({
        path: [...path, key],
        owner: path,
        message: `"${item}" and "${rest}": an expression with a comma inside { } or [ ] needs quotes`,
      });
    else out.push(...cutExpressions(item, [...path, key]));
  }
  return out;
}

const count = (text: string, char: string) => text.split(char).length - 1;
const segments = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
const isWithin = (path: Path, owner: Path) =>
  owner.every((part, index) => String(part) === String(path[index]));

/** Errors that only say that a branch failed. */
const BRANCHES = new Set(['if', 'anyOf', 'oneOf', 'not', 'allOf']);
const BYTE_KEYS = new Set(['out', 'data_in', 'data_out', 'pi_in', 'pi_out', 'bytes', 'in']);

function badKeyOf(error: ErrorObject): string | undefined {
  const params = error.params as { additionalProperty?: string; propertyName?: string };
  return params.additionalProperty ?? error.propertyName ?? params.propertyName;
}

function allowed(error: ErrorObject): string[] {
  const params = error.params as { allowedValues?: unknown[]; allowedValue?: unknown };
  return (params.allowedValues ?? (params.allowedValue === undefined ? [] : [params.allowedValue])).map(
    String,
  );
}

function explain(
  errors: readonly ErrorObject[],
  root: unknown,
  report: Reporter,
  writtenAs: (path: Path) => string | undefined,
): void {
  const get = (path: Path) => path.reduce<unknown>((value, key) => mapOrList(value, key), root);
  const said = errors.filter(
    (error) => !BRANCHES.has(error.keyword) || error.keyword === 'not' || error.keyword === 'oneOf',
  );
  // An error is a consequence where something below its place is wrong, too.
  const places = new Set(
    said.filter(({ keyword }) => keyword !== 'oneOf').map(({ instancePath }) => instancePath),
  );
  const leaves = said.filter(
    (error) =>
      ![...places].some((place) => place.startsWith(`${error.instancePath}/`)) ||
      error.keyword === 'additionalProperties',
  );
  const byPlace = new Map<string, ErrorObject[]>();
  for (const error of leaves)
    byPlace.set(error.instancePath, [...(byPlace.get(error.instancePath) ?? []), error]);
  const sorted = [...byPlace].sort(([a], [b]) => segments(b).length - segments(a).length);
  for (const [place, same] of sorted) {
    const path = segments(place);
    describe(path, get(path), same, report, writtenAs);
  }
}

function mapOrList(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return (value as unknown[])[Number(key)];
  return mapOf(value)[String(key)];
}

const quote = (value: unknown) => (typeof value === 'string' ? `"${value}"` : JSON.stringify(value));

/** Says what is wrong at one place. */
function describe(
  path: string[],
  here: unknown,
  errors: readonly ErrorObject[],
  report: Reporter,
  writtenAs: (path: Path) => string | undefined,
): void {
  const last = path.at(-1) ?? '';
  const name = /^\d+$/.test(last) ? (path.at(-2) ?? last) : last;
  const isStep = path.at(-2) === 'steps' && typeof here === 'object';
  const kinds = isStep ? STEP_KINDS.filter((kind) => Object.hasOwn(mapOf(here), kind)) : [];
  if (isStep && kinds.length !== 1) {
    const near = Object.keys(mapOf(here))
      .map((key) => didYouMean(key, STEP_KINDS))
      .find((hint) => hint !== '');
    report(
      path,
      'step',
      kinds.length > 1
        ? `a step has one kind, this one has ${kinds.length === 2 ? 'two' : kinds.length}: ${kinds.join(', ')}`
        : `a step needs a kind, such as command, read or quiet${near ?? ''}`,
    );
    return;
  }
  const badKeys = [...new Set(errors.map(badKeyOf).filter((key) => key !== undefined))];
  if (badKeys.length > 0) {
    for (const key of badKeys) describeKey(path, key, here, kinds[0], errors, report);
    return;
  }
  const enums = [...new Set(errors.flatMap(allowed))].filter((word) => word !== '');
  const missing = errors.find(({ keyword }) => keyword === 'required');
  if ((typeof here === 'number' || typeof here === 'boolean') && BYTE_KEYS.has(name)) {
    const written = writtenAs(path) ?? String(here);
    report(path, 'bytes', `${written} was read as the number ${here}: quote byte patterns`);
  } else if (typeof here === 'number' && ['quiet', 'within', 'for', 'timeout'].includes(last))
    report(path, 'value', `${here} needs a unit: ${here}ms`);
  else if (here === null) report(path, 'value', `"${name}" has no value`);
  else if (errors.some(({ keyword }) => keyword === 'not'))
    report(path, 'expect', 'verdict and ruling exclude each other: the ruling holds the verdict');
  else if (missing && typeof here === 'object') {
    const key = String((missing.params as { missingProperty: string }).missingProperty);
    report(
      path,
      path.includes('one_of') ? 'expect' : 'key',
      `"${key}" is missing${key === 'is' ? ': every alternative has a name' : ''}`,
    );
  } else if (errors.some(({ keyword }) => keyword === 'minLength') && typeof here === 'string')
    report(
      path,
      'value',
      path.at(-2) === 'waive'
        ? `"${here}" is too short: give the reason`
        : `"${here}" is too short for "${name}"`,
    );
  else if (path.includes('sense') && (typeof here === 'string' || typeof here === 'number'))
    report(path, 'value', `${quote(here)} is no sense triple: hexadecimal KEY/ASC/ASCQ, e.g. 5/24/00`);
  else if (typeof here === 'string' && enums.length > 0) {
    const what = name === 'op' || name === 'cdb' ? 'command' : name === 'needs' ? 'need' : name;
    const hint = didYouMean(here, enums);
    const listed = hint === '' && enums.length <= 12 ? `; possible: ${enums.join(', ')}` : '';
    report(
      path,
      name === 'op' || name === 'cdb' ? 'cdb' : 'value',
      `unknown ${what} ${quote(here)}${hint}${listed}`,
    );
  } else if (name === 'covers')
    report(
      path,
      'covers',
      `${quote(here)} is no requirement id, e.g. scsi.req.residual, or a command such as SBC-4 READ(10)`,
    );
  else if (typeof here === 'string')
    report(path, 'value', `${quote(here)} cannot be read as ${article(name)}`);
  else report(path, 'value', `"${name}" ${structure(errors, here)}`);
}

function article(name: string): string {
  return `a value of "${name}"`;
}

function structure(errors: readonly ErrorObject[], here: unknown): string {
  const min = errors.find(({ keyword }) => keyword === 'minItems' || keyword === 'minProperties');
  if (min)
    return `needs at least ${String((min.params as { limit: number }).limit)} ${min.keyword === 'minItems' ? 'elements' : 'keys'}`;
  const max = errors.find(({ keyword }) => keyword === 'maxProperties');
  if (max) return 'takes one key only';
  const types = errors
    .filter(({ keyword }) => keyword === 'type')
    .map((error) => String((error.params as { type: unknown }).type));
  const got = Array.isArray(here)
    ? 'a list'
    : typeof here === 'object'
      ? 'a map'
      : `${typeof here} ${String(here)}`;
  if (types.length > 0) {
    const names: Record<string, string> = {
      object: 'a map',
      array: 'a list',
      string: 'a text',
      integer: 'a whole number',
    };
    return `is ${[...new Set(types)].map((type) => names[type] ?? type).join(' or ')}, not ${got}`;
  }
  if (errors.some(({ keyword }) => keyword === 'oneOf')) return 'needs exactly one of its kinds of keys';
  return errors[0]?.message ?? 'is not as it should be';
}

/** Keys that hold for results only; the commonest mistake on a `read`. */
const RESULT_KEYS = new Set([
  'response',
  'status',
  'sense',
  'residual',
  'data_in',
  'outcome',
  'used',
  'answer',
  'interrupt',
]);

function describeKey(
  path: string[],
  key: string,
  here: unknown,
  kind: (typeof STEP_KINDS)[number] | undefined,
  errors: readonly ErrorObject[],
  report: Reporter,
): void {
  const at = [...path, key];
  const step = kind !== undefined;
  if (path.at(-1) === 'expect' && RESULT_KEYS.has(key)) {
    report(at, 'expect', `${key} is not for a read; a read expects a value, e.g. expect: 0x0f`, {
      key: true,
    });
    return;
  }
  const enums = [...new Set(errors.filter((error) => badKeyOf(error) === key).flatMap(allowed))];
  const possible = step ? [...QUALIFIERS[kind], 'when', 'note'] : enums;
  const present = new Set(Object.keys(mapOf(here)));
  const hint = didYouMean(
    key,
    possible.length > 0 ? possible.filter((word) => !present.has(word)) : KNOWN_KEYS,
  );
  if (path.at(-1) === 'waive') {
    report(at, 'key', `no standing check "${key}"${hint}; possible: ${enums.join(', ')}`, { key: true });
    return;
  }
  const listed =
    possible.length > 0 && (step || possible.length <= 14) ? `; possible: ${possible.join(', ')}` : '';
  const owner = step ? ` (a ${kind} step)` : '';
  report(at, 'key', `"${key}" does not belong here${owner}${hint === '' ? listed : hint}`, { key: true });
}

/** Keys of places where the schema's error does not list them. */
const KNOWN_KEYS = [
  ...['suite', 'spec', 'defaults', 'let', 'cases', 'document', 'clause'],
  ...[
    'id',
    'title',
    'covers',
    'museum',
    'level',
    'needs',
    'modes',
    'each',
    'device',
    'hostile',
    'waive',
    'changes',
  ],
  ...[
    'timeout',
    'tags',
    'steps',
    'lun',
    'cdb',
    'data_in',
    'data_out',
    'data',
    'tag',
    'attr',
    'prio',
    'crn',
    'pi_in',
  ],
  ...['pi_out', 'outcome', 'answer', 'used', 'response', 'status', 'sense', 'sense_len', 'residual'],
  ...[
    'status_qualifier',
    'in',
    'event_actual',
    'event',
    'interrupt',
    'config_interrupt',
    'after',
    'before',
    'one_of',
  ],
  ...[
    'is',
    'when',
    'verdict',
    'ruling',
    'because',
    'value',
    'out',
    'indirect',
    'cdb_size',
    'sense_size',
    'pi_header',
  ],
  ...[
    'state',
    'interface',
    'features',
    'queues',
    'event_buffers',
    'vectors',
    'until',
    'size',
    'memory',
    'add',
    'drop',
  ],
  ...[
    'only',
    'target',
    'unit',
    'form',
    'sam',
    'bytes',
    'region',
    'offset',
    'length',
    'width',
    'via',
    'field',
    'plus',
  ],
];
