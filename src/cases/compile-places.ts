/** Compiles what steps refer to: units, queues, locations, CDBs, layouts. */
import { fieldLimit } from '../wire/scsi/command.js';
import { commandByName } from '../wire/scsi/commands.js';
import { type Compiler, type Cursor, child, elements, mapOf } from './compiler.js';
import { CaseError } from './errors.js';
import { constant, parseExpression } from './expression.js';
import { didYouMean } from './suggest.js';
import type { CdbSpec, Cut, Cuts, Expression, Layout, Location, LunSpec } from './types.js';
import { textOf } from './values.js';
import {
  CAPABILITY_FACTS,
  CAPABILITY_STRUCTURES,
  CONFIG_FIELDS,
  DEVICE_REGISTERS,
  LEGACY_REGISTERS,
  MMIO_REGISTERS,
  MSIX_REGISTERS,
  MSIX_VECTOR_REGISTERS,
  OPS,
  PCI_REGISTERS,
  REGIONS,
  RING_ARRAYS,
  RING_FIELDS,
  SPLIT_COMMANDS,
} from './vocabulary.js';

const NOWHERE: LunSpec = { kind: 'address', target: constant(0n), unit: constant(0n), form: 'flat' };

/** Where a request goes. */
export function compileLun(c: Compiler, cursor: Cursor): LunSpec {
  return c.guard(cursor, 'name', NOWHERE, () => {
    if (c.undetermined(cursor)) return NOWHERE;
    const value = textOf(cursor.raw, c.valueOf);
    if (typeof value === 'string') {
      if (value.startsWith('='))
        throw new CaseError('SYNTAX', `"${value}" is no unit: name a role, or {target, unit}`);
      if (!c.units.has(value))
        throw new CaseError(
          'SYNTAX',
          `no unit is called "${value}"${didYouMean(value, c.units) || '; name its role in "needs"'}`,
        );
      return { kind: 'unit', name: value };
    }
    const bytes = child(cursor, 'bytes');
    if (bytes) return { kind: 'bytes', pattern: c.pattern(bytes, true) };
    const target = c.optionalNumber(cursor, 'target');
    const sam = c.optionalNumber(cursor, 'sam');
    if (target && sam) return { kind: 'sam', target, sam };
    const unit = c.optionalNumber(cursor, 'unit');
    if (!target || !unit) throw new CaseError('SYNTAX', 'an address needs "target" and "unit"');
    const form = child(cursor, 'form');
    return {
      kind: 'address',
      target,
      unit,
      form: form ? c.word(form, ['flat', 'peripheral'] as const, 'flat') : 'flat',
    };
  });
}

/** The role or plugged unit of a `lun`, whose blocks counts with `b` mean. */
export function unitOfLun(c: Compiler, raw: unknown): string | undefined {
  const value = textOf(raw, c.valueOf);
  if (typeof value === 'string' && c.units.has(value)) return value;
  // {target: =disk.target, unit: 0} addresses no role, but its target says whose blocks are meant.
  const target = mapOf(value).target;
  const name =
    typeof target === 'string' ? /^=\s*([a-z][a-z0-9_]*)\.target\s*$/.exec(target)?.[1] : undefined;
  return name !== undefined && c.units.has(name) ? name : undefined;
}

/** Index of a queue. */
export function compileQueue(c: Compiler, cursor: Cursor): Expression {
  return c.guard(cursor, 'value', constant(2n), () => {
    const value = textOf(cursor.raw, c.valueOf);
    if (value === 'control') return constant(0n, 'control');
    if (value === 'event') return constant(1n, 'event');
    if (value === 'request') return constant(2n, 'request');
    const number = /^request\.(0|[1-9][0-9]{0,3})$/.exec(typeof value === 'string' ? value : '')?.[1];
    if (number !== undefined) return constant(2n + BigInt(number), `request.${number}`);
    if (typeof value === 'string' && !value.startsWith('='))
      throw new CaseError(
        'SYNTAX',
        `"${value}" is no queue: control, event, request, request.1 or an index${didYouMean(value, ['control', 'event', 'request'])}`,
      );
    return c.number(cursor);
  });
}

function fromText(c: Compiler, text: string): Expression {
  return c.use(parseExpression(text));
}

function oneOf(name: string, names: readonly string[], what: string): string {
  if (names.includes(name)) return name;
  throw new CaseError('SYNTAX', `no ${what} "${name}"${didYouMean(name, names)}`);
}

/** A location written as a text, e.g. `dev.status` or `ring.request.desc[3].len`. */
function namedLocation(c: Compiler, text: string): Location {
  const [, head, rest] = /^([a-z]+)\.(.+)$/.exec(text) ?? [];
  switch (rest === undefined ? undefined : head) {
    case 'dev':
      return { text, kind: 'dev', register: oneOf(rest ?? '', DEVICE_REGISTERS, 'device register') };
    case 'config':
      return { text, kind: 'config', field: oneOf(rest ?? '', CONFIG_FIELDS, 'configuration field') };
    case 'pci':
      return { text, kind: 'pci', register: oneOf(rest ?? '', PCI_REGISTERS, 'PCI register') };
    case 'legacy':
      return { text, kind: 'legacy', register: oneOf(rest ?? '', LEGACY_REGISTERS, 'legacy register') };
    case 'mmio':
      return { text, kind: 'mmio', register: oneOf(rest ?? '', MMIO_REGISTERS, 'MMIO register') };
    case 'irq':
      if (rest === 'line') return { text, kind: 'irq-line' };
      break;
    case 'msix': {
      const [, number, vector, name] = /^(?:([0-9]{1,4})|vector\[(.+)\])\.([a-z]+)$/.exec(rest ?? '') ?? [];
      if (name === undefined)
        return { text, kind: 'msix', register: oneOf(rest ?? '', MSIX_REGISTERS, 'MSI-X register') };
      const register = oneOf(name, MSIX_VECTOR_REGISTERS, 'MSI-X vector field');
      return { text, kind: 'msix', register, vector: fromText(c, number ?? vector ?? '') };
    }
    case 'cap': {
      const [capability = '', register = ''] = (rest ?? '').split('.');
      return {
        text,
        kind: 'cap',
        capability: oneOf(capability, CAPABILITY_STRUCTURES, 'virtio capability'),
        register: oneOf(register, CAPABILITY_FACTS, 'field of a capability'),
      };
    }
    case 'ring':
      return ringLocation(c, text);
    case 'buf': {
      const [, name, side] = /^buf\.([a-z][a-z0-9_]*)\.(in|out|table)$/.exec(text) ?? [];
      if (name === undefined || side === undefined) break;
      if (!c.inFlight.has(name)) throw new CaseError('SYNTAX', `nothing in flight is called "${name}"`);
      return { text, kind: 'buffer', name, side: side as 'in' | 'out' | 'table' };
    }
    case 'medium': {
      const [, unit, block] = /^medium\.([a-z][a-z0-9_]*)\[(.+)\]$/.exec(text) ?? [];
      if (unit === undefined || block === undefined)
        throw new CaseError('SYNTAX', `"${text}": a place on the medium is written medium.disk[99]`);
      if (!c.units.has(unit))
        throw new CaseError(
          'SYNTAX',
          `no unit is called "${unit}"${didYouMean(unit, c.units) || '; name its role in "needs"'}`,
        );
      return { text, kind: 'medium', unit, block: fromText(c, block) };
    }
  }
  const heads = [
    'dev',
    'config',
    'pci',
    'cap',
    'legacy',
    'mmio',
    'msix',
    'irq.line',
    'ring',
    'buf',
    'medium',
  ];
  throw new CaseError('SYNTAX', `no location "${text}"${didYouMean(head ?? text, heads)}`);
}

function ringLocation(c: Compiler, text: string): Location {
  const [, name, path] = /^ring\.(control|event|request(?:\.[0-9]{1,4})?)\.(.+)$/.exec(text) ?? [];
  if (name === undefined || path === undefined)
    throw new CaseError('SYNTAX', `"${text}": a ring field is written ring.request.used.idx`);
  const number = /\.([0-9]+)$/.exec(name)?.[1];
  const index = name === 'control' ? 0 : name === 'event' ? 1 : 2 + Number(number ?? 0);
  const queue = constant(BigInt(index), name);
  const [, array, entry, field] = /^([a-z_.]+)\[(.+)\](?:\.([a-z]+))?$/.exec(path) ?? [];
  if (array === undefined || entry === undefined)
    return { text, kind: 'ring', queue, path: oneOf(path, RING_FIELDS, 'ring field') };
  oneOf(array, Object.keys(RING_ARRAYS), 'ring array');
  if (field !== undefined) oneOf(field, RING_ARRAYS[array] ?? [], `field of ${array}`);
  return {
    text,
    kind: 'ring',
    queue,
    path: array,
    index: fromText(c, entry),
    ...(field === undefined ? {} : { field }),
  };
}

/** Stands for a location that could not be read, or is not known yet: nothing is said about what it holds. */
export const UNKNOWN_LOCATION: Location = { text: '?', kind: 'irq-line' };

/** Something to read or write. */
export function compileLocation(c: Compiler, cursor: Cursor): Location {
  const fallback = UNKNOWN_LOCATION;
  return c.guard(cursor, 'name', fallback, () => {
    if (typeof cursor.raw === 'string') {
      if (c.undetermined(cursor)) return fallback;
      return namedLocation(c, String(textOf(cursor.raw, c.valueOf)));
    }
    const region = child(cursor, 'region');
    if (region) {
      const length = c.optionalNumber(cursor, 'length');
      const name = c.word(region, REGIONS, 'config');
      const offset = c.optionalNumber(cursor, 'offset') ?? constant(0n);
      return {
        text: `${name}+${offset.text}`,
        kind: 'region',
        region: name,
        offset,
        ...(length ? { length } : {}),
        width:
          child(cursor, 'width')?.raw === 'field'
            ? 'field'
            : (c.optionalNumber(cursor, 'width') ?? constant(1n)),
        window: child(cursor, 'via') !== undefined,
      };
    }
    const field = child(cursor, 'field');
    if (!field)
      throw new CaseError('SYNTAX', 'a location is a name, {region, offset, width} or {field, plus, width}');
    const register = c.undetermined(field) ? 'status' : c.word(field, DEVICE_REGISTERS, 'status');
    const plus = c.optionalNumber(cursor, 'plus') ?? constant(0n);
    const width = c.optionalNumber(cursor, 'width');
    return {
      text: `dev.${register}+${plus.text}`,
      kind: 'field',
      register,
      plus,
      ...(width ? { width } : {}),
    };
  });
}

/** Whether a location holds a byte string rather than a number. */
export function holdsBytes(location: Location): boolean {
  return (
    location.kind === 'medium' ||
    location.kind === 'buffer' ||
    (location.kind === 'region' && location.length !== undefined) ||
    (location.kind === 'ring' &&
      location.index !== undefined &&
      location.path !== 'avail.ring' &&
      location.field === undefined)
  );
}

const NO_COMMAND = commandByName('TEST UNIT READY');

/** A CDB: a command by name, with fields, or raw bytes. */
export function compileCdb(c: Compiler, cursor: Cursor): CdbSpec {
  const bytes = child(cursor, 'bytes');
  if (bytes) return { kind: 'bytes', pattern: c.pattern(bytes, true) };
  const opAt = child(cursor, 'op') ?? cursor;
  const actionAt = child(cursor, 'action');
  const name = c.guard<string | undefined>(opAt, 'cdb', undefined, () => {
    if (c.undetermined(opAt) || (actionAt && c.undetermined(actionAt))) return undefined;
    const op = textOf(opAt.raw, c.valueOf);
    if (typeof op !== 'string' || op.startsWith('='))
      throw new CaseError('SYNTAX', `"${String(op)}" is no command: "op" is a name such as READ(10)`);
    const actions = SPLIT_COMMANDS.get(op);
    if (actions && !actionAt) throw new CaseError('SYNTAX', `${op} needs an "action": ${actions.join(', ')}`);
    if (!actions && !OPS.includes(op))
      throw new CaseError('SYNTAX', `no command "${op}"${didYouMean(op, OPS)}`);
    if (!actions || !actionAt) return op;
    const action = String(textOf(actionAt.raw, c.valueOf));
    if (actions.includes(action)) return `${op} / ${action}`;
    const near = didYouMean(action, actions);
    const listed = near === '' ? `; it has ${actions.join(', ')}` : '';
    c.report(actionAt.path, 'cdb', `${op} has no action "${action}"${near}${listed}`);
    return undefined;
  });
  const command = (name === undefined ? undefined : commandByName(name)) ?? NO_COMMAND;
  if (command === undefined) throw new Error('the command table lacks TEST UNIT READY');
  const fields = new Map<string, Expression>();
  for (const key of Object.keys(mapOf(cursor.raw))) {
    const field = child(cursor, key);
    if (!field || key === 'op' || (key === 'action' && (name === undefined || name.includes(' / '))))
      continue;
    if (name !== undefined && command.name === name && !Object.hasOwn(command.fields, key)) {
      const known = Object.keys(command.fields);
      c.report(
        field.path,
        'cdb',
        `${command.name} has no field ${key}${didYouMean(key, known)}; it has ${known.join(', ')}`,
        { key: true },
      );
      continue;
    }
    const value = c.number(field);
    const place = name === undefined ? undefined : command.fields[key];
    if (
      place &&
      typeof value.constant === 'bigint' &&
      (value.constant < 0n || value.constant > fieldLimit(place))
    )
      c.report(field.path, 'cdb', `${command.name}: ${key} ${value.constant} is not 0..${fieldLimit(place)}`);
    fields.set(key, value);
  }
  return { kind: 'command', command, direction: command.direction, fields };
}

function compileCut(c: Compiler, cursor: Cursor): Cut {
  const value = textOf(cursor.raw, c.valueOf);
  if (value === 'rest') return 'rest';
  const [, size, times, count] =
    /^(.+)\*(?:([0-9]+)|\{(.+)\})$/.exec(typeof value === 'string' ? value : '') ?? [];
  if (size === undefined || (typeof value === 'string' && value.startsWith('=')))
    return { size: c.size(cursor), times: constant(1n) };
  const number = /^[0-9]+$/.test(size) ? BigInt(size) : size;
  return {
    size: c.size({ ...cursor, raw: number }),
    times: times === undefined ? c.number({ ...cursor, raw: `=${count}` }) : constant(BigInt(times)),
  };
}

function compileCuts(c: Compiler, cursor: Cursor): Cuts {
  const pieces = c.optionalNumber(cursor, 'pieces');
  if (pieces) return { kind: 'pieces', pieces };
  const name =
    typeof cursor.raw === 'string' ? /^=\s*([A-Za-z_][A-Za-z0-9_.]*)\s*$/.exec(cursor.raw)?.[1] : undefined;
  const list = name === undefined ? cursor.raw : c.valueOf(name);
  if (name !== undefined && list === undefined && !c.knows(name))
    return c.guard(cursor, 'name', { kind: 'list', list: [] }, () => {
      throw new CaseError('UNKNOWN_NAME', `unknown name "${name}"`);
    });
  if (!Array.isArray(list)) {
    if (!c.undetermined(cursor))
      c.report(cursor.path, 'value', 'a cut is a list of sizes, e.g. [8, 1*43, rest], or {pieces: n}');
    return { kind: 'list', list: ['rest'] };
  }
  const cuts = (list as unknown[]).map((raw, index) =>
    compileCut(c, { raw, path: name === undefined ? [...cursor.path, index] : cursor.path }),
  );
  if (cuts.slice(0, -1).includes('rest'))
    c.report(cursor.path, 'value', '"rest" can only be the last piece of a cut');
  return { kind: 'list', list: cuts };
}

/** How a request is cut into descriptors. */
export function compileLayout(c: Compiler, cursor: Cursor | undefined): Layout {
  if (!cursor) return {};
  const [out, input] = [child(cursor, 'out'), child(cursor, 'in')];
  const indirect = child(cursor, 'indirect');
  const header = child(cursor, 'pi_header');
  const from = indirect && c.optionalNumber(indirect, 'from');
  const cdbSize = c.optionalNumber(cursor, 'cdb_size');
  const senseSize = c.optionalNumber(cursor, 'sense_size');
  return {
    ...(out ? { out: compileCuts(c, out) } : {}),
    ...(input ? { in: compileCuts(c, input) } : {}),
    ...(indirect ? { indirect: from ? { from } : c.word(indirect, ['all', 'none'] as const, 'none') } : {}),
    ...(cdbSize ? { cdbSize } : {}),
    ...(senseSize ? { senseSize } : {}),
    ...(header ? { piHeader: c.word(header, ['literal', 'linux'] as const, 'literal') } : {}),
  };
}

/** Names of a list or a single one, as texts. */
export function texts(cursor: Cursor): { readonly cursor: Cursor; readonly text: string }[] {
  return elements(cursor).map((element) => ({ cursor: element, text: String(element.raw) }));
}
