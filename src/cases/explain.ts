/**
 * What is wrong with a file's structure, in the words of the language. The schema finds the places; of what ajv says
 * about a place only the deepest branch counts, and the author gets one message for one mistake.
 */
import type { ErrorObject, ValidateFunction } from 'ajv';
import { ajv2020 } from '../sys/lazy-packages.js';
import { mapOf, type Path, type Reporter } from './compiler.js';
import { caseFileSchema, type SchemaOptions } from './schema.js';
import { didYouMean } from './suggest.js';
import {
  CONFIG_FIELDS,
  DEVICE_REGISTERS,
  MMIO_REGISTERS,
  PCI_REGISTERS,
  QUALIFIERS,
  RING_FIELDS,
  STEP_KINDS,
} from './vocabulary.js';

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
    const { Ajv2020 } = ajv2020();
    this.#compiled ??= new Ajv2020({
      allErrors: true,
      strict: true,
      strictRequired: false,
      strictTypes: false,
      allowUnionTypes: true,
      // Errors then hold their schema: its description and its keys make the message.
      verbose: true,
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
    const descriptions = errors
      .filter(({ instancePath }) => instancePath === place)
      .map(({ parentSchema }) => (parentSchema as { description?: string } | undefined)?.description);
    describe(
      path,
      get(path),
      { errors: same, description: descriptions.findLast(Boolean) },
      report,
      writtenAs,
    );
  }
}

function mapOrList(value: unknown, key: string | number): unknown {
  if (Array.isArray(value)) return (value as unknown[])[Number(key)];
  return mapOf(value)[String(key)];
}

const quote = (value: unknown) => (typeof value === 'string' ? `"${value}"` : JSON.stringify(value));

/** What the schema says about one place. */
interface Findings {
  readonly errors: readonly ErrorObject[];
  /** What belongs there, in the schema's words. */
  readonly description: string | undefined;
}

/** Says what is wrong at one place. */
function describe(
  path: string[],
  here: unknown,
  { errors, description }: Findings,
  report: Reporter,
  writtenAs: (path: Path) => string | undefined,
): void {
  const last = path.at(-1) ?? '';
  const name = /^\d+$/.test(last) ? (path.at(-2) ?? last) : last;
  if (path.at(-2) === 'steps') {
    const kinds = STEP_KINDS.filter((kind) => Object.hasOwn(mapOf(here), kind));
    if (kinds.length !== 1) {
      report(path, 'step', aboutKinds(kinds, here));
      return;
    }
  }
  const badKeys = [...new Set(errors.map(badKeyOf).filter((key) => key !== undefined))];
  if (badKeys.length > 0) {
    const kind =
      path.at(-2) === 'steps' ? STEP_KINDS.find((word) => Object.hasOwn(mapOf(here), word)) : undefined;
    for (const key of badKeys) describeKey(path, key, here, kind, errors, report);
    return;
  }
  const enums = [...new Set(errors.flatMap(allowed))].filter((word) => word !== '');
  const has = (keyword: string) => errors.some((error) => error.keyword === keyword);
  const isText = typeof here === 'string';
  if (
    (typeof here === 'number' || typeof here === 'boolean') &&
    BYTE_KEYS.has(name) &&
    !path.includes('layout')
  ) {
    const written = writtenAs(path) ?? String(here);
    const read = written === String(here) ? 'is a number' : `was read as the number ${here}`;
    report(path, 'bytes', `${written} ${read}: quote byte patterns`);
  } else if (typeof here === 'number' && ['quiet', 'within', 'for'].includes(last))
    report(path, 'value', `${here} needs a unit: ${here}ms`);
  else if (here === null) report(path, 'value', `"${name}" has no value`);
  else if (has('not'))
    report(path, 'expect', 'verdict and ruling exclude each other: the ruling holds the verdict');
  else if (typeof here === 'object' && !Array.isArray(here) && (has('required') || has('oneOf')))
    report(path, path.includes('one_of') ? 'expect' : 'key', aboutMissing(path, name, errors));
  else if (has('minLength') && isText)
    report(
      path,
      'value',
      path.at(-2) === 'waive'
        ? `"${here}" is too short: give the reason`
        : `"${here}" is too short for "${name}"`,
    );
  else if (path.includes('sense') && (isText || typeof here === 'number'))
    report(path, 'value', `${quote(here)} is no sense triple: hexadecimal KEY/ASC/ASCQ, e.g. 5/24/00`);
  else if (name === 'data_in' && path.includes('command'))
    report(path, 'value', `${quote(here)} is no size of a buffer: a number of bytes, 8 blocks, or none`);
  else if (name === 'covers' && isText)
    report(
      path,
      'covers',
      last === 'covers'
        ? `"covers" has to be a list: [${here}]`
        : `"${here}" is no requirement id, e.g. scsi.req.residual or spc.inquiry.truncated`,
    );
  else if (isText && (name === 'read' || name === 'at') && !has('type'))
    report(path, 'name', `no location "${here}"${locationHint(here)}`);
  else if (isText && enums.length > 0) {
    const isCommand = name === 'op' || name === 'cdb';
    const what = isCommand ? 'command' : (NOUNS[name] ?? name);
    const hint = didYouMean(here, enums);
    const listed = hint === '' && enums.length <= 12 ? `; possible: ${enums.join(', ')}` : '';
    report(path, isCommand ? 'cdb' : 'value', `unknown ${what} ${quote(here)}${hint}${listed}`);
  } else if (isText && has('pattern') && description !== undefined)
    report(path, 'value', `${quote(here)} does not fit "${name}": ${description}`);
  else report(path, 'value', `"${name}" ${aboutStructure(errors, here, description)}`);
}

/** What the elements of some lists are called. */
const NOUNS: Readonly<Record<string, string>> = {
  needs: 'need',
  tags: 'tag',
  add: 'feature',
  drop: 'feature',
  only: 'feature',
  changes: 'kind of change',
};

function aboutKinds(kinds: readonly string[], here: unknown): string {
  if (kinds.length > 1)
    return `a step has one kind, this one has ${kinds.length === 2 ? 'two' : kinds.length}: ${kinds.join(', ')}`;
  const near = Object.keys(mapOf(here))
    .map((key) => didYouMean(key, STEP_KINDS))
    .find((hint) => hint !== '');
  return `a step needs a kind, such as command, read or quiet${near ?? ''}`;
}

/** Places that need one of several keys. */
const CHOICES: Readonly<Record<string, string>> = {
  lun: 'an address has "target" and "unit", or "target" and "sam", or "bytes"',
  chain: 'a descriptor has one of "out", "in", "table", "raw"',
  table: 'a descriptor has one of "out", "in", "table", "raw"',
  an: '"an" has one of "query", "subscribe"',
  read: 'a location has "region", "offset" and "width", or "field"',
  at: 'a location has "region", "offset" and "width", or "field"',
  expect: '"expect" has one of "value", "one_of"',
};

function aboutMissing(path: readonly string[], name: string, errors: readonly ErrorObject[]): string {
  const choice = CHOICES[name];
  const required = errors.filter(({ keyword }) => keyword === 'required');
  if (choice !== undefined && (required.length > 1 || required.length === 0)) return choice;
  const [missing] = required;
  const key = String((missing?.params as { missingProperty?: string } | undefined)?.missingProperty ?? '');
  return `"${key}" is missing${key === 'is' && path.includes('one_of') ? ': every alternative has a name' : ''}`;
}

/** Locations are often written without what they belong to: `status` for `dev.status`. */
function locationHint(text: string): string {
  const names = [
    ...DEVICE_REGISTERS.map((name) => `dev.${name}`),
    ...CONFIG_FIELDS.map((name) => `config.${name}`),
    ...PCI_REGISTERS.map((name) => `pci.${name}`),
    ...MMIO_REGISTERS.map((name) => `mmio.${name}`),
    ...RING_FIELDS.map((name) => `ring.request.${name}`),
    'irq.line',
  ];
  const owner = names.find((name) => name.endsWith(`.${text}`));
  return owner === undefined ? didYouMean(text, names) : `; did you mean "${owner}"?`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'a text',
  integer: 'a whole number',
};

function aboutStructure(
  errors: readonly ErrorObject[],
  here: unknown,
  description: string | undefined,
): string {
  const params = (error: ErrorObject) =>
    error.params as { limit?: number; type?: unknown; allowedValue?: unknown };
  const find = (...keywords: string[]) => errors.find(({ keyword }) => keywords.includes(keyword));
  const bound = find('minItems', 'minProperties');
  if (bound) {
    const limit = params(bound).limit ?? 1;
    const what = bound.keyword === 'minItems' ? 'element' : 'key';
    return `needs at least ${limit} ${what}${limit === 1 ? '' : 's'}`;
  }
  if (find('maxProperties')) return 'takes one key only';
  const least = find('minimum');
  if (least) return `is at least ${String(params(least).limit)}, not ${String(here)}`;
  const most = find('maximum');
  if (most) return `is at most ${String(params(most).limit)}, not ${String(here)}`;
  const only = find('const');
  if (only) return `can only be ${String(params(only).allowedValue)}, not ${quote(here)}`;
  const got = Array.isArray(here)
    ? 'a list'
    : typeof here === 'object'
      ? 'a map'
      : typeof here === 'number'
        ? `the number ${here}`
        : quote(here);
  const types = [
    ...new Set(errors.filter(({ keyword }) => keyword === 'type').map((error) => String(params(error).type))),
  ];
  const hint = description === undefined ? '' : `: ${description}`;
  if (types.length > 0)
    return `has to be ${types.map((type) => TYPE_NAMES[type] ?? type).join(' or ')}, not ${got}${hint}`;
  return description === undefined ? `cannot be ${got}` : `cannot be ${got}${hint}`;
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
  if (path.at(-1) === 'write' || path.at(-2) === 'write') {
    report(at, 'name', `no location "${key}"${locationHint(key)}`, { key: true });
    return;
  }
  const own = errors.filter((error) => badKeyOf(error) === key);
  const enums = [...new Set(own.flatMap(allowed))];
  const listedKeys = own.flatMap(({ parentSchema }) =>
    Object.keys((parentSchema as { properties?: object } | undefined)?.properties ?? {}),
  );
  const possible = step ? [...QUALIFIERS[kind], 'when', 'note'] : enums.length > 0 ? enums : listedKeys;
  const present = new Set(Object.keys(mapOf(here)));
  const hint = didYouMean(
    key,
    possible.filter((word) => !present.has(word)),
  );
  if (path.at(-1) === 'waive') {
    report(at, 'key', `no standing check "${key}"${hint === '' ? `; possible: ${enums.join(', ')}` : hint}`, {
      key: true,
    });
    return;
  }
  const shown = possible.length > 0 && (step || possible.length <= 20);
  const owner = step ? ` (a ${kind} step)` : '';
  report(
    at,
    'key',
    `"${key}" does not belong here${owner}${hint === '' && shown ? `; possible: ${possible.join(', ')}` : hint}`,
    {
      key: true,
    },
  );
}
