/**
 * State of a unit that outlives a device reset: looked at before and after a case that may change it, and put back.
 * What a case changes without saying so in `changes:` is a mistake of the case.
 */

import type { Step } from '../cases/types.js';
import type { CHANGES } from '../cases/vocabulary.js';
import type { Driver } from '../harness/driver.js';
import { scsiAnswer } from '../harness/request.js';
import { encodeLun } from '../wire/lun.js';
import { encodeCdb } from '../wire/scsi/command.js';
import { commandByName } from '../wire/scsi/commands.js';
import { parseSense, SenseKey } from '../wire/scsi/sense.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';
import { everyStep } from './every-step.js';
import { ask as askUnit, type ProbedUnit } from './probe.js';

/** A kind of state, as cases declare it. */
export type StateKind = (typeof CHANGES)[number];

/** What the unit answers about each kind of state, in hex. */
export type UnitState = ReadonlyMap<StateKind, string>;

/** Commands after which a unit may not be as it was. Writing data is not among them: no case relies on old data. */
const CHANGING =
  /^(MODE SELECT|LOG SELECT|PERSISTENT RESERVE OUT|RESERVE\(|RELEASE\(|PREVENT ALLOW|START STOP UNIT|FORMAT UNIT|SANITIZE|SET TIMESTAMP)/;

const ANSWER_LIMIT_MS = 2000;
/** A tray or a spindle takes its time. */
const MECHANICS_LIMIT_MS = 60_000;
/** So many unit attentions may come before a unit says what is wrong with it. */
const MOST_ATTENTIONS = 4;
const MODE_BYTES = 4096;
const MODE_HEADER = 8;
/** The key under which reservations are cleared. */
const KEY = Uint8Array.of(0x76, 0x73, 0x63, 0x73, 0x69, 0x2d, 0x30, 0x31);

/** Roles of the units whose lasting state the steps may change. */
export function rolesThatChange(steps: readonly Step[]): string[] {
  const found = new Set<string>();
  for (const step of everyStep(steps))
    if (
      step.kind === 'command' &&
      step.lun.kind === 'unit' &&
      step.cdb.kind === 'command' &&
      CHANGING.test(step.cdb.command.name)
    )
      found.add(step.lun.name);
  return [...found];
}

/** Data-in of a command that ended GOOD, or undefined. */
function ask(
  driver: Driver,
  { profile: { target, unit } }: ProbedUnit,
  name: string,
  fields: Record<string, bigint>,
  data: { readonly in?: number; readonly out?: Uint8Array } = {},
  limitMs = ANSWER_LIMIT_MS,
): Uint8Array | undefined {
  const command = commandByName(name);
  if (command === undefined) throw new Error(`the command table lacks ${name}`);
  const exchange = driver.stage({
    lun: encodeLun(target, unit),
    id: driver.nextId(),
    cdb: encodeCdb(command, fields),
    dataInSize: data.in ?? 0,
    ...(data.out && { dataOut: data.out }),
  });
  driver.publish([exchange]);
  driver.wait([exchange], limitMs);
  if (exchange.answer === undefined) return undefined;
  const { response, dataIn } = scsiAnswer(exchange.answer, driver.state.sizes);
  if (response.response !== Response.OK || response.status !== ScsiStatus.GOOD) return undefined;
  return dataIn.subarray(0, Math.max(0, dataIn.length - response.residual));
}

function modePages(driver: Driver, unit: ProbedUnit): Uint8Array | undefined {
  const answer = ask(
    driver,
    unit,
    'MODE SENSE(10)',
    { dbd: 1n, page: 0x3fn, allocation_length: BigInt(MODE_BYTES) },
    { in: MODE_BYTES },
  );
  return answer?.subarray(MODE_HEADER);
}

/** Reads a unit's lasting state; what it does not support says nothing. The device must be live. */
export function readUnitState(driver: Driver, unit: ProbedUnit): UnitState {
  const hex = (bytes: Uint8Array | undefined) =>
    bytes ? Buffer.from(bytes).toString('hex') : 'not supported';
  const keys = ask(
    driver,
    unit,
    'PERSISTENT RESERVE IN / READ KEYS',
    { allocation_length: 256n },
    { in: 256 },
  );
  const capacity = ask(driver, unit, 'READ CAPACITY(10)', {}, { in: 8 });
  return new Map<StateKind, string>([
    ['mode-pages', hex(modePages(driver, unit))],
    // The generation counts every change, so it never comes back.
    ['reservations', hex(keys?.subarray(4))],
    ['medium', hex(capacity)],
  ]);
}

/** Kinds of state that differ. */
export function differences(before: UnitState, after: UnitState): StateKind[] {
  return [...before].flatMap(([kind, value]) => (after.get(kind) === value ? [] : [kind]));
}

/** Puts back what can be put back by commands; whether the state is as before then. */
export function restoreUnitState(driver: Driver, unit: ProbedUnit, before: UnitState): boolean {
  const wrong = differences(before, readUnitState(driver, unit));
  if (wrong.includes('mode-pages')) restoreModePages(driver, unit, before.get('mode-pages') ?? '');
  if (wrong.includes('reservations')) clearReservations(driver, unit);
  return differences(before, readUnitState(driver, unit)).length === 0;
}

/**
 * Lets the medium of a unit go, and starts a unit that was stopped or puts the medium in again that was ejected. What
 * it has to say about that is left for whoever clears unit attentions.
 */
export function makeReady(driver: Driver, unit: ProbedUnit): void {
  ask(driver, unit, 'PREVENT ALLOW MEDIUM REMOVAL', {});
  for (let attempt = 0; attempt < MOST_ATTENTIONS; attempt++) {
    const { response, sense } = askUnit(driver, unit.profile, 'TEST UNIT READY', {}, 0);
    const parsed = parseSense(sense.subarray(0, response.sense_len));
    if (response.status !== ScsiStatus['CHECK CONDITION'] || !parsed.ok) return;
    if (parsed.key === SenseKey['UNIT ATTENTION']) continue;
    if (parsed.key !== SenseKey['NOT READY']) return;
    const fields = unit.limits.removable === 1n ? { start: 1n, loej: 1n } : { start: 1n };
    ask(driver, unit, 'START STOP UNIT', fields, {}, MECHANICS_LIMIT_MS);
    return;
  }
}

/** Selects every page as it was, one by one: a page that cannot be selected does not keep the others from it. */
function restoreModePages(driver: Driver, unit: ProbedUnit, pages: string): void {
  const bytes = Buffer.from(pages, 'hex');
  for (let at = 0; at + 2 <= bytes.length; ) {
    const subpage = ((bytes[at] ?? 0) & 0x40) !== 0;
    const length = subpage ? 4 + bytes.readUInt16BE(at + 2) : 2 + (bytes[at + 1] ?? 0);
    const page = Uint8Array.from(bytes.subarray(at, at + length));
    // PS is reserved in MODE SELECT.
    page[0] = (page[0] ?? 0) & 0x7f;
    const list = Buffer.concat([new Uint8Array(MODE_HEADER), page]);
    ask(
      driver,
      unit,
      'MODE SELECT(10)',
      { pf: 1n, parameter_list_length: BigInt(list.length) },
      { out: list },
    );
    at += length;
  }
}

function clearReservations(driver: Driver, unit: ProbedUnit): void {
  const list = (key: Uint8Array, serviceKey: Uint8Array) =>
    Buffer.concat([key, serviceKey, new Uint8Array(8)]);
  const fields = { parameter_list_length: 24n };
  const none = new Uint8Array(8);
  ask(driver, unit, 'PERSISTENT RESERVE OUT / REGISTER AND IGNORE EXISTING KEY', fields, {
    out: list(none, KEY),
  });
  ask(driver, unit, 'PERSISTENT RESERVE OUT / CLEAR', fields, { out: list(KEY, none) });
}
