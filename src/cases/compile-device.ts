/** Compiles `device` and `setup`. */
import { Feature, type FeatureName } from '../wire/virtio.js';
import { compileQueue } from './compile-places.js';
import { type Compiler, type Cursor, child, elements, mapOf } from './compiler.js';
import { CaseError } from './errors.js';
import { constant } from './expression.js';
import { didYouMean } from './suggest.js';
import type { DevicePlan, Expression, FeatureChange, QueueSetup, SetupPlan, VectorChoice } from './types.js';
import { textOf } from './values.js';
import { FEATURES, RING_AREAS } from './vocabulary.js';

function feature(c: Compiler, cursor: Cursor): Expression {
  return c.guard(cursor, 'name', constant(0n), () => {
    if (c.undetermined(cursor)) return constant(0n);
    const value = textOf(cursor.raw, c.valueOf);
    if (typeof value === 'string' && !value.startsWith('=')) {
      if (!Object.hasOwn(Feature, value))
        throw new CaseError('SYNTAX', `no feature "${value}"${didYouMean(value, FEATURES)}`);
      return constant(BigInt(Feature[value as FeatureName]), value);
    }
    return c.number(cursor);
  });
}

function features(c: Compiler, cursor: Cursor): FeatureChange {
  const list = (key: string) => {
    const found = child(cursor, key);
    return found && elements(found).map((element) => feature(c, element));
  };
  const only = list('only');
  return { add: list('add') ?? [], drop: list('drop') ?? [], ...(only ? { only } : {}) };
}

const MEMORY = ['fresh', 'same', 'tight', 'high'] as const;

function compileAreas(c: Compiler, cursor: Cursor): NonNullable<QueueSetup['areas']> {
  return Object.fromEntries(
    RING_AREAS.flatMap((area) => {
      const found = child(cursor, area);
      if (!found) return [];
      const at = child(found, 'at');
      const named = at && RING_AREAS.find((name) => name === at.raw);
      const plus = c.optionalNumber(found, 'plus');
      return [[area, { ...(at ? { at: named ?? c.number(at) } : {}), ...(plus ? { plus } : {}) }]];
    }),
  );
}

function queues(
  c: Compiler,
  cursor: Cursor,
): { readonly only?: Expression[]; readonly queues: QueueSetup[] } {
  const only = child(cursor, 'only');
  const setups = Object.keys(mapOf(cursor.raw))
    .filter((key) => key !== 'only')
    .map((key): QueueSetup => {
      const found = child(cursor, key) ?? cursor;
      const size = c.optionalNumber(found, 'size');
      const memory = child(found, 'memory');
      const areas = child(found, 'areas');
      const align = c.optionalNumber(found, 'align');
      return {
        queue: compileQueue(c, { raw: key, path: found.path }),
        ...(size ? { size } : {}),
        ...(memory ? { memory: c.word(memory, MEMORY, 'same') } : {}),
        ...(areas ? { areas: compileAreas(c, areas) } : {}),
        ...(align ? { align } : {}),
      };
    });
  return {
    queues: setups,
    ...(only ? { only: elements(only).map((element) => compileQueue(c, element)) } : {}),
  };
}

function vectors(c: Compiler, cursor: Cursor): 'intx' | VectorChoice[] {
  if (cursor.raw === 'intx') return 'intx';
  return Object.keys(mapOf(cursor.raw)).map((key): VectorChoice => {
    const found = child(cursor, key) ?? cursor;
    return {
      source: key === 'config' ? 'config' : compileQueue(c, { raw: key, path: found.path }),
      vector: found.raw === 'none' ? 'none' : c.number(found),
    };
  });
}

const STAGES = ['acknowledge', 'driver', 'features', 'queues', 'live'] as const;

/** The keys that `setup` and `device` share. */
export function compileSetup(c: Compiler, cursor: Cursor): SetupPlan {
  const until = child(cursor, 'until');
  const change = child(cursor, 'features');
  const queueMap = child(cursor, 'queues');
  const vectorMap = child(cursor, 'vectors');
  const eventBuffers = c.optionalNumber(cursor, 'event_buffers');
  const pageSize = c.optionalNumber(cursor, 'page_size');
  const parsed = queueMap ? queues(c, queueMap) : { queues: [] };
  return {
    until: until ? c.word(until, STAGES, 'live') : 'live',
    queues: parsed.queues,
    ...(parsed.only ? { only: parsed.only } : {}),
    ...(change ? { features: features(c, change) } : {}),
    ...(eventBuffers ? { eventBuffers } : {}),
    ...(pageSize ? { pageSize } : {}),
    ...(vectorMap ? { vectors: vectors(c, vectorMap) } : {}),
  };
}

/** The state in which the harness hands the device over. */
export function compileDevice(c: Compiler, cursor: Cursor | undefined): DevicePlan {
  if (!cursor) return { until: 'live', queues: [], state: 'live' };
  const state = child(cursor, 'state');
  return {
    ...compileSetup(c, cursor),
    state: state ? c.word(state, ['live', 'reset', 'untouched'] as const, 'live') : 'live',
  };
}
