/** Compiles what a `control` step does to the device. */
import {
  CONTROL_NAMES,
  type ControlName,
  FAULT_ACCESSES,
  FAULT_CAPABILITIES,
  FAULT_ERRORS,
  MEDIA,
} from '../port/controls.js';
import { compileLun } from './compile-places.js';
import { type Compiler, type Cursor, child, elements, mapOf } from './compiler.js';
import { constant } from './expression.js';
import { didYouMean } from './suggest.js';
import type { ControlPlan, LunSpec } from './types.js';
import { UNIT_KINDS } from './vocabulary.js';

/** Size of a unit that is plugged, unless the case says otherwise. */
const NEW_BLOCKS = 4096n;
const NEW_BLOCK_SIZE = { disk: 512n, cdrom: 2048n } as const;

/** The map below `control`, whose one key is the control's name. */
export function compileControl(c: Compiler, body: Cursor): ControlPlan {
  const [name = '', ...others] = Object.keys(mapOf(body.raw));
  const argument = child(body, name) ?? body;
  if (!isControl(name) || others.length > 0) {
    const names = Object.keys(CONTROL_NAMES);
    c.report(body.path, 'step', `no control "${name}"${didYouMean(name, names)}`);
    return { name: 'config-change' };
  }
  const plan = compilePlan(c, name, argument);
  checkNeed(c, body, plan);
  return plan;
}

/** Where the adapter does not have the control, the case has to be skipped. What ends a fault is part of it. */
function checkNeed(c: Compiler, body: Cursor, plan: ControlPlan): void {
  if (plan.name === 'clear') return;
  const need = plan.name === 'fault' ? FAULT_CAPABILITIES[plan.error] : CONTROL_NAMES[plan.name];
  if (!c.capabilities.has(need))
    c.report(body.path, 'step', `the control "${plan.name}" takes "${need}" among the needs of the case`);
}

function compilePlan(c: Compiler, name: ControlName, argument: Cursor): ControlPlan {
  switch (name) {
    case 'hold':
    case 'release':
      return { name, units: elements(argument).map((element) => compileUnit(c, element)) };
    case 'plug':
      return compilePlug(c, argument);
    case 'insert': {
      const medium = child(argument, 'medium');
      return {
        name,
        at: compileUnit(c, child(argument, 'lun') ?? argument),
        medium: medium ? c.word(medium, MEDIA, 'usual') : 'usual',
      };
    }
    case 'resize':
      return {
        name,
        at: compileUnit(c, child(argument, 'lun') ?? argument),
        blocks: c.number(child(argument, 'blocks') ?? argument),
      };
    case 'fault':
      return compileFault(c, argument);
    case 'config-change':
    case 'power-cycle':
      return { name };
    default:
      return { name, at: compileUnit(c, argument) };
  }
}

function compileFault(c: Compiler, argument: Cursor): ControlPlan {
  const errorAt = child(argument, 'error') ?? argument;
  const on = c.word(child(argument, 'on') ?? argument, FAULT_ACCESSES, 'read');
  const error = c.word(errorAt, FAULT_ERRORS, 'medium');
  if (error === 'deferred' && on !== 'write') c.report(errorAt.path, 'value', 'only a write can fail later');
  return { name: 'fault', at: compileUnit(c, child(argument, 'lun') ?? argument), on, error };
}

function isControl(name: string): name is ControlName {
  return Object.hasOwn(CONTROL_NAMES, name);
}

/** A new unit has a name; without one it is the unit that was unplugged from that place. */
function compilePlug(c: Compiler, argument: Cursor): ControlPlan {
  const as = child(argument, 'as');
  if (!as) return { name: 'plug', at: compileUnit(c, argument) };
  const beside = child(argument, 'beside');
  const at = compileUnit(c, beside ?? argument);
  const kindAt = child(argument, 'kind');
  const kind = kindAt ? c.word(kindAt, UNIT_KINDS, 'disk') : 'disk';
  const name = String(as.raw);
  const fresh = {
    as: name,
    beside: beside !== undefined,
    kind,
    blocks: c.optionalNumber(argument, 'blocks') ?? constant(NEW_BLOCKS),
    blockSize: c.optionalNumber(argument, 'block_size') ?? constant(NEW_BLOCK_SIZE[kind]),
  };
  c.definePlugged(name);
  return { name: 'plug', at, fresh };
}

/** A unit by name, or an address at which there may be none. */
function compileUnit(c: Compiler, cursor: Cursor): LunSpec {
  const lun = compileLun(c, cursor);
  if (lun.kind !== 'unit' && lun.kind !== 'address')
    c.report(cursor.path, 'value', 'a control takes a unit by name or by {target, unit}');
  return lun;
}
