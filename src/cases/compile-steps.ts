/** Compiles steps. */
import { bindings, checkRows, compileAxis, toScopeValue } from './compile-axes.js';
import { compileControl } from './compile-control.js';
import { compileSetup } from './compile-device.js';
import { compileResult, compileSeen } from './compile-expect.js';
import {
  compileCdb,
  compileLayout,
  compileLocation,
  compileLun,
  compileQueue,
  holdsBytes,
  texts,
  UNKNOWN_LOCATION,
  unitOfLun,
} from './compile-places.js';
import { type Compiler, type Cursor, child, elements, mapOf, type Path } from './compiler.js';
import { constant } from './expression.js';
import { LIMITS } from './limits.js';
import type {
  CommandSpec,
  Content,
  DataIn,
  DataOut,
  Descriptor,
  DescriptorOverrides,
  ReadonlyScope,
  RepeatStep,
  ResultExpectation,
  ScopeValue,
  Sending,
  Step,
  StepBase,
  TmfSpec,
  WaitStep,
  WriteStep,
} from './types.js';
import {
  DESCRIPTOR_FLAGS,
  namesOfLocation,
  STEP_KINDS,
  type StepKind,
  TASK_ATTRIBUTES,
  TMF_FUNCTIONS,
} from './vocabulary.js';

/** Milliseconds that a step waits unless it says otherwise: for an answer, which ends the wait when it comes, */
const ANSWER_WITHIN = 5000;
/** where none may come, which takes the whole time, */
const SILENCE_WITHIN = 1000;
/** and for what becomes of a broken rule, after which the runner also lets the device come to rest. */
const HOSTILE_SILENCE_WITHIN = 100;
const NOTIFY = ['never', 'when-asked'] as const;
const WATCH = ['rings', 'buffers', 'interrupts', 'events', 'status'] as const;

/** Compiles a list of steps in order; names become known as they go. */
export function compileSteps(c: Compiler, cursor: Cursor, scope: ReadonlyScope, depth = 0): Step[] {
  return elements(cursor).flatMap((element) => {
    const step = compileStep(c, element, scope, depth);
    return step ? [step] : [];
  });
}

/** The kind of a step; undefined where it is not one kind. */
export function kindOf(raw: unknown): StepKind | undefined {
  const kinds = STEP_KINDS.filter((kind) => Object.hasOwn(mapOf(raw), kind));
  return kinds.length === 1 ? kinds[0] : undefined;
}

function compileStep(c: Compiler, cursor: Cursor, scope: ReadonlyScope, depth: number): Step | undefined {
  const kind = kindOf(cursor.raw);
  const body = kind && child(cursor, kind);
  if (!kind || !body) return undefined;
  c.steps++;
  if (c.steps > LIMITS.compiledSteps) {
    if (c.steps === LIMITS.compiledSteps + 1)
      c.report(
        cursor.path,
        'limit',
        `repeats over texts make more than ${LIMITS.compiledSteps} steps of this case`,
      );
    return undefined;
  }
  const whenAt = child(cursor, 'when');
  const when = whenAt && c.condition(whenAt);
  const note = child(cursor, 'note');
  const base: StepBase = {
    at: c.locate(cursor.path),
    ...(when ? { when } : {}),
    ...(note ? { note: String(note.raw) } : {}),
  };
  return c.step(unitOfStep(c, kind, body), when?.text, () =>
    compileKind(c, kind, cursor, body, base, scope, depth),
  );
}

/** The unit that the request in a chain addresses, indirect tables included. */
function unitOfChain(c: Compiler, descriptors: Cursor): string | undefined {
  for (const element of elements(descriptors)) {
    const { request } = mapOf(mapOf(element.raw).out);
    if (request !== undefined) return unitOfLun(c, mapOf(request).lun);
    const table = child(element, 'table');
    const inner = table && unitOfChain(c, table);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** The unit whose blocks `b` counts in a step. */
function unitOfStep(c: Compiler, kind: StepKind, body: Cursor): string | undefined {
  if (kind === 'command' || kind === 'tmf') return unitOfLun(c, mapOf(body.raw).lun);
  if (kind === 'chain') return unitOfChain(c, body);
  if (kind === 'wait') {
    const [name] = texts(body);
    return name && c.unitInFlight(name.text);
  }
  if (kind !== 'read' || typeof body.raw !== 'string') return undefined;
  const medium = /^medium\.([a-z][a-z0-9_]*)\[/.exec(body.raw)?.[1];
  const buffer = /^buf\.([a-z][a-z0-9_]*)\./.exec(body.raw)?.[1];
  return medium ?? (buffer === undefined ? undefined : c.unitInFlight(buffer));
}

function compileKind(
  c: Compiler,
  kind: StepKind,
  cursor: Cursor,
  body: Cursor,
  base: StepBase,
  scope: ReadonlyScope,
  depth: number,
): Step {
  switch (kind) {
    case 'command':
      return {
        ...base,
        kind,
        ...compileCommand(c, body),
        layout: layout(c, cursor),
        ...sending(c, cursor, 2n),
      };
    case 'tmf':
      return { ...base, kind, ...compileTmf(c, body), layout: layout(c, cursor), ...sending(c, cursor, 0n) };
    case 'an': {
      const request = child(body, 'query') ? ('query' as const) : ('subscribe' as const);
      const mask = c.optionalNumber(body, request) ?? constant(0n);
      const lun = compileLun(c, child(body, 'lun') ?? body);
      return { ...base, kind, request, mask, lun, layout: layout(c, cursor), ...sending(c, cursor, 0n) };
    }
    case 'chain': {
      const descriptors = elements(body).map((element) => compileDescriptor(c, element, 0));
      if (!child(cursor, 'queue')) c.report(cursor.path, 'step', 'a chain says on which "queue" it goes');
      return { ...base, kind, descriptors, ...sending(c, cursor, 2n) };
    }
    case 'publish': {
      const notify = child(cursor, 'notify');
      const names = elements(body).map((element) => c.inFlightName(element));
      for (const name of names) c.staged.delete(name);
      const again = c.optionalNumber(cursor, 'again');
      return {
        ...base,
        kind,
        names,
        ...(again ? { again } : {}),
        notify: notify ? c.word(notify, NOTIFY, 'never') : 'always',
      };
    }
    case 'kick': {
      const value = c.optionalNumber(body, 'value');
      const queue = compileQueue(c, child(body, 'queue') ?? body);
      return { ...base, kind, queue, ...(value ? { value } : {}) };
    }
    case 'wait':
      return compileWait(c, cursor, body, base);
    case 'quiet': {
      const duration = c.duration(child(body, 'for') ?? body, 0);
      const watch = child(body, 'watch');
      for (const name of c.inFlight.keys()) c.settled.add(name);
      return {
        ...base,
        kind,
        duration,
        watch: watch ? elements(watch).map((element) => c.word(element, WATCH, 'rings')) : WATCH,
        judgement: c.judgement([cursor], cursor.path),
      };
    }
    case 'read': {
      const location = compileLocation(c, body);
      const bytes = holdsBytes(location);
      const expect = compileSeen(c, cursor, location, bytes);
      const as = captureName(c, cursor);
      const within = child(cursor, 'within');
      return {
        ...base,
        kind,
        location,
        holds: bytes ? 'bytes' : 'number',
        ...(as === undefined ? {} : { as }),
        ...(within ? { within: c.duration(within, 0) } : {}),
        ...(expect ? { expect } : {}),
      };
    }
    case 'write':
      return { ...base, kind, writes: elements(body).flatMap((element) => compileWrites(c, element)) };
    case 'setup':
      return { ...base, kind, ...compileSetup(c, body), driver: driver(c, cursor) };
    case 'reset': {
      for (const name of c.inFlight.keys()) c.settled.add(name);
      const target = body.raw === 'device' ? 'device' : compileQueue(c, body);
      return {
        ...base,
        kind,
        target,
        driver: driver(c, cursor),
        within: c.duration(child(cursor, 'within'), ANSWER_WITHIN),
      };
    }
    case 'control':
      return { ...base, kind: 'control', control: compileControl(c, body) };
    case 'check':
      return { ...base, kind, condition: c.condition(body), judgement: c.judgement([cursor], cursor.path) };
    case 'repeat':
      return compileRepeat(c, cursor, body, base, scope, depth);
  }
}

// ---------------------------------------------------------------- senders

function driver(c: Compiler, cursor: Cursor): 'first' | 'second' {
  const found = child(cursor, 'driver');
  return found ? c.word(found, ['first', 'second'] as const, 'first') : 'first';
}

function layout(c: Compiler, cursor: Cursor) {
  return compileLayout(c, child(cursor, 'layout'));
}

/** The name that `as` gives to a value read. */
function captureName(c: Compiler, cursor: Cursor): string | undefined {
  const as = child(cursor, 'as');
  if (!as) return undefined;
  c.refuseUnitName(String(as.raw), as.path);
  c.capture(String(as.raw));
  return String(as.raw);
}

/** How long a step waits for what it expects. */
function patience(c: Compiler, cursor: Cursor, { blocks }: ResultExpectation): number {
  const maySayNothing = blocks.some((block) =>
    [block, ...(block.oneOf ?? [])].some(({ outcome }) => outcome?.includes('silent')),
  );
  const silence = c.hostile ? HOSTILE_SILENCE_WITHIN : SILENCE_WITHIN;
  return c.duration(child(cursor, 'within'), maySayNothing ? silence : ANSWER_WITHIN);
}

function sending(c: Compiler, cursor: Cursor, standardQueue: bigint): Sending {
  const [queue, as, staged, notify, retry] = ['queue', 'as', 'staged', 'notify', 'retry'].map((key) =>
    child(cursor, key),
  );
  const expectAt = child(cursor, 'expect');
  if (staged && !as)
    c.report(staged.path, 'step', 'what is staged needs a name: as: w, and a later publish: w', {
      key: true,
    });
  if (as) {
    const name = String(as.raw);
    c.refuseUnitName(name, as.path);
    c.send(name, as.path);
    if (staged) c.staged.add(name);
    if (expectAt)
      c.report(expectAt.path, 'expect', `"${name}" stays in flight: put "expect" on wait: ${name}`, {
        key: true,
      });
    else c.refuseCovers(cursor, `"${name}" stays in flight: nothing is checked here`);
    if (retry)
      c.report(retry.path, 'step', `"${name}" stays in flight and cannot be sent again`, { key: true });
  }
  const expect = compileResult(c, as ? { raw: {}, path: cursor.path } : cursor, { asserts: !as });
  const again = retry && c.number(retry);
  return {
    queue: queue
      ? compileQueue(c, queue)
      : constant(standardQueue, standardQueue === 0n ? 'control' : 'request'),
    ...(as ? { as: String(as.raw) } : {}),
    ...(staged ? { staged: c.word(staged, ['all', 'tail'] as const, 'all') } : {}),
    notify: notify ? c.word(notify, NOTIFY, 'never') : 'always',
    driver: driver(c, cursor),
    retry: typeof again?.constant === 'bigint' ? Number(again.constant) : 0,
    within: patience(c, cursor, expect),
    expect,
  };
}

/** The keys of `command`, also within a chain. */
function compileCommand(c: Compiler, body: Cursor): CommandSpec {
  const lun = compileLun(c, child(body, 'lun') ?? body);
  const cdb = compileCdb(c, child(body, 'cdb') ?? body);
  const tag = c.optionalNumber(body, 'tag');
  const piIn = child(body, 'pi_in');
  const piOut = child(body, 'pi_out');
  const data = dataBuffers(c, body, cdb);
  // Of a CDB that is no more than bytes it is not known what it does with data-out.
  const writes =
    cdb.kind === 'command' ? cdb.direction === 'out' || cdb.direction === 'both' : data.dataOut !== undefined;
  if (writes && lun.kind === 'unit') c.writesTo(lun.name);
  return {
    lun,
    cdb,
    ...data,
    ...(tag ? { tag } : {}),
    attr: c.optionalNumber(body, 'attr', TASK_ATTRIBUTES) ?? constant(0n),
    prio: c.optionalNumber(body, 'prio') ?? constant(0n),
    crn: c.optionalNumber(body, 'crn') ?? constant(0n),
    ...(piIn ? { piIn: c.size(piIn) } : {}),
    ...(piOut ? { piOut: c.pattern(piOut, true) } : {}),
  };
}

function dataBuffers(
  c: Compiler,
  body: Cursor,
  cdb: CommandSpec['cdb'],
): { dataIn?: DataIn; dataOut?: DataOut } {
  const [data, input, output] = ['data', 'data_in', 'data_out'].map((key) => child(body, key));
  const out: { dataIn?: DataIn; dataOut?: DataOut } = {};
  if (input) out.dataIn = input.raw === 'none' ? { kind: 'none' } : { kind: 'size', size: c.size(input) };
  if (output)
    out.dataOut =
      output.raw === 'none' ? { kind: 'none' } : { kind: 'bytes', pattern: c.pattern(output, true) };
  if (data) {
    const size = c.size(data);
    const direction = cdb.kind === 'command' ? cdb.direction : 'none';
    if (direction === 'in' && !input) out.dataIn = { kind: 'size', size };
    else if (direction === 'out' && !output) out.dataOut = { kind: 'size', size };
    else if (!c.undetermined(child(mapCursor(body, 'cdb'), 'op') ?? body))
      c.report(
        data.path,
        'step',
        `"data" means the one direction of the CDB, but ${input || output ? 'that is given beside it' : `it moves data in ${direction === 'both' ? 'both' : 'no'} directions`}: use data_in or data_out`,
        { key: true },
      );
  }
  if (
    cdb.kind === 'command' &&
    cdb.direction === 'in' &&
    cdb.command.dataLength === 'explicit' &&
    out.dataIn === undefined
  )
    c.report(
      body.path,
      'cdb',
      `the length of the data of ${cdb.command.name} is not in its CDB: give data_in`,
    );
  return out;
}

function mapCursor(cursor: Cursor, key: string): Cursor {
  return child(cursor, key) ?? { raw: {}, path: cursor.path };
}

function compileTmf(c: Compiler, body: Cursor): TmfSpec {
  const functionAt = child(body, 'function') ?? body;
  const lun = compileLun(c, child(body, 'lun') ?? body);
  const tag = child(body, 'tag');
  const named = tag && typeof tag.raw === 'string' && /^[a-z][a-z0-9_]*$/.test(tag.raw) ? tag : undefined;
  return {
    function: c.number(functionAt, TMF_FUNCTIONS),
    lun,
    ...(named ? { tag: { inFlight: c.inFlightName(named) } } : tag ? { tag: c.number(tag) } : {}),
  };
}

function overrides(c: Compiler, cursor: Cursor): DescriptorOverrides {
  const [len, flags, next, id, repeat] = (['len', 'flags', 'next', 'id', 'repeat'] as const).map((key) =>
    c.optionalNumber(cursor, key, key === 'flags' ? DESCRIPTOR_FLAGS : {}),
  );
  return {
    ...(len ? { len } : {}),
    ...(flags ? { flags } : {}),
    ...(next ? { next } : {}),
    ...(id ? { id } : {}),
    ...(repeat ? { repeat } : {}),
  };
}

function compileDescriptor(c: Compiler, cursor: Cursor, depth: number): Descriptor {
  const [out, input, table, raw] = ['out', 'in', 'table', 'raw'].map((key) => child(cursor, key));
  const own = overrides(c, cursor);
  if (out) return { ...own, kind: 'out', content: compileContent(c, out) };
  if (input) return { ...own, kind: 'in', size: c.size(input) };
  if (table) {
    if (depth > 4) c.report(table.path, 'limit', 'indirect tables nest at most 4 deep');
    const entries =
      depth > 4 ? [] : elements(table).map((element) => compileDescriptor(c, element, depth + 1));
    return { ...own, kind: 'table', entries };
  }
  const body = raw ?? cursor;
  const { len, ...others } = overrides(c, body);
  const writable = c.optionalNumber(body, 'writable');
  return {
    ...own,
    ...others,
    kind: 'raw',
    addr: c.optionalNumber(body, 'addr') ?? constant(0n),
    len: len ?? constant(0n),
    ...(writable ? { writable } : {}),
  };
}

function compileContent(c: Compiler, cursor: Cursor): Content[] {
  return elements(cursor).map((element): Content => {
    const [request, tmf] = [child(element, 'request'), child(element, 'tmf')];
    if (request) return { kind: 'request', request: compileCommand(c, request) };
    if (tmf) return { kind: 'tmf', tmf: compileTmf(c, tmf) };
    return { kind: 'bytes', pattern: c.pattern(element, true) };
  });
}

// ---------------------------------------------------------------- other kinds

function compileWait(c: Compiler, cursor: Cursor, body: Cursor, base: StepBase): WaitStep {
  const as = child(cursor, 'as');
  let target: WaitStep['target'];
  const interrupt = child(body, 'interrupt');
  if (interrupt) {
    const vector = c.optionalNumber(interrupt, 'vector');
    const source = child(interrupt, 'source');
    target = {
      kind: 'interrupt',
      ...(vector ? { vector } : {}),
      ...(source ? { source: c.word(source, ['config', 'line'] as const, 'config') } : {}),
    };
  } else if (body.raw === 'event') {
    // Whichever buffer the device takes: all of them may be meant.
    for (const name of c.inFlight.keys()) c.settled.add(name);
    target = { kind: 'event' };
  } else {
    const names = texts(body).map(({ cursor: element, text }) => {
      if (c.staged.has(text))
        c.report(
          element.path,
          'wait',
          `"${text}" is staged, so the device knows nothing of it: publish: ${text}`,
        );
      return c.inFlightName(element);
    });
    for (const name of names) c.settled.add(name);
    target = { kind: 'names', names };
  }
  const expect = compileResult(c, cursor, { asserts: true });
  if (as) c.capture(String(as.raw));
  return {
    ...base,
    kind: 'wait',
    target,
    within: patience(c, cursor, expect),
    listed: child(cursor, 'order') !== undefined,
    ...(as ? { as: String(as.raw) } : {}),
    expect,
  };
}

function compileWrites(c: Compiler, cursor: Cursor): WriteStep['writes'] {
  const at = child(cursor, 'at');
  const pairs: { location: Cursor; value: Cursor }[] = at
    ? [{ location: at, value: child(cursor, 'value') ?? cursor }]
    : Object.entries(mapOf(cursor.raw)).map(([key, raw]) => {
        const path: Path = [...cursor.path, key];
        return { location: { raw: key, path }, value: { raw, path } };
      });
  return pairs.map(({ location: place, value }) => {
    const location = compileLocation(c, place);
    if (location === UNKNOWN_LOCATION)
      return { location, value: { kind: 'number' as const, number: constant(0n) } };
    if (location.kind === 'medium') c.writesTo(location.unit);
    // Writing 0 to the status resets the device: what was in flight is not waited for.
    if (
      location.text === 'dev.status' ||
      location.text === 'dev.queue_reset' ||
      location.text === 'dev.queue_enable' ||
      location.text === 'mmio.QueueReady' ||
      location.text === 'mmio.QueueReset' ||
      location.text === 'mmio.QueuePFN' ||
      location.text === 'mmio.Status' ||
      location.text === 'legacy.queue_pfn' ||
      location.text === 'legacy.device_status'
    )
      for (const name of c.inFlight.keys()) c.settled.add(name);
    if (holdsBytes(location)) {
      const unit = location.kind === 'medium' ? location.unit : undefined;
      const pattern = c.step(unit, undefined, () => c.pattern(value, true));
      return { location, value: { kind: 'bytes' as const, pattern } };
    }
    return {
      location,
      value: { kind: 'number' as const, number: c.number(value, namesOfLocation(location.text)) },
    };
  });
}

// ---------------------------------------------------------------- repeat

/** A repeat over several axes is a repeat within a repeat: the first axis changes slowest. */
function compileRepeat(
  c: Compiler,
  cursor: Cursor,
  body: Cursor,
  base: StepBase,
  scope: ReadonlyScope,
  depth: number,
): RepeatStep {
  const stepsAt = child(cursor, 'steps');
  if (depth >= LIMITS.repeatDepth) {
    c.report(cursor.path, 'limit', `"repeat" nests at most ${LIMITS.repeatDepth} deep`);
    return { ...base, kind: 'repeat', name: '', rounds: { kind: 'variants', variants: [] } };
  }
  if (!stepsAt) c.report(cursor.path, 'step', 'a repeat needs "steps"');
  const axes = Object.keys(mapOf(body.raw));
  const compileFrom = (index: number): RepeatStep => {
    const name = axes[index] ?? '';
    const axisAt = child(body, name) ?? body;
    c.refuseUnitName(name, axisAt.path, true);
    const inner = (): Step[] => {
      if (index + 1 < axes.length) return [compileFrom(index + 1)];
      return stepsAt ? compileSteps(c, stepsAt, scope, depth + 1) : [];
    };
    const own: StepBase = index === 0 ? base : { at: base.at };
    const axis = compileAxis(c, axisAt);
    if (axis.kind === 'numbers') {
      const { source } = axis;
      const steps = c.within(certain(source), () => {
        c.define(name);
        return inner();
      });
      return { ...own, kind: 'repeat', name, rounds: { kind: 'values', values: source, steps } };
    }
    if (!checkRows(c, axisAt)) {
      const steps = c.within(false, () => {
        c.define(name);
        return inner();
      });
      return {
        ...own,
        kind: 'repeat',
        name,
        rounds: { kind: 'variants', variants: [{ bind: new Map(), steps }] },
      };
    }
    if (axis.values.length > LIMITS.variants)
      c.report(axisAt.path, 'limit', `a repeat over texts has at most ${LIMITS.variants} of them`);
    const affordable = c.steps > LIMITS.compiledSteps ? 0 : LIMITS.variants;
    const variants = axis.values.slice(0, affordable).map((value, at) =>
      // The last body's names stay: it has captured whatever the bodies capture.
      c.within(at === axis.values.length - 1, () => {
        const bound = toScopeValue(c, value, scope, {}, true) ?? '';
        const bind: ReadonlyMap<string, ScopeValue> = bindings(name, bound);
        c.define(name, bound);
        return { bind, steps: inner() };
      }),
    );
    return { ...own, kind: 'repeat', name, rounds: { kind: 'variants', variants } };
  };
  return compileFrom(0);
}

/** Whether an axis surely has a value, so that what its steps capture is known afterwards. */
function certain(source: Extract<ReturnType<typeof compileAxis>, { kind: 'numbers' }>['source']): boolean {
  if (source.kind === 'list') return source.list.length > 0;
  if (source.kind !== 'range') return false;
  const [from, to] = [source.from.constant, source.to.constant];
  return typeof from === 'bigint' && typeof to === 'bigint' && from <= to;
}

/** Reports what is sent and then forgotten: commands in flight at the end are an error of the case. */
export function checkSettled(c: Compiler): void {
  for (const [name, path] of c.inFlight)
    if (!c.settled.has(name))
      c.report(
        path,
        'wait',
        `"${name}" is still in flight at the end: wait for it, or reset the device or the queue`,
      );
}
