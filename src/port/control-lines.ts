/**
 * Controls as lines of JSON, as they are said at a control socket: one connection for each, a line that asks, a line
 * that answers.
 */
import { MAX_TARGET, MAX_UNIT } from '../wire/lun.js';
import {
  CONTROL_CAPABILITIES,
  CONTROL_NAMES,
  type Control,
  type ControlCapability,
  type ControlName,
  FAULT_ACCESSES,
  FAULT_ERRORS,
  MEDIA,
} from './controls.js';

/** No line is longer: a control names some units at most. */
export const MOST_LINE_BYTES = 65536;

/** Asks what is offered, instead of for a control. */
export const OFFERED = 'offered';

/** What is answered: what is offered to whoever asked for that, why a control was not carried out, or nothing. */
export interface ControlReply {
  readonly offered?: readonly ControlCapability[];
  readonly error?: string;
}

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const within =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
const oneOf =
  (words: readonly string[]): Check =>
  (value) =>
    words.some((word) => word === value);
const has =
  (fields: Fields): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).every((key) => Object.hasOwn(fields, key)) &&
    Object.entries(fields).every(([key, check]) => check((value as Record<string, unknown>)[key]));

const blocks = within(1, Number.MAX_SAFE_INTEGER);
const at = has({ target: within(0, MAX_TARGET), unit: within(0, MAX_UNIT) });
const units: Check = (value) => Array.isArray(value) && value.every(at);
const fresh = has({ kind: oneOf(['disk', 'cdrom']), blocks, blockSize: within(1, 2 ** 24) });

const FIELDS: Readonly<Record<ControlName, Fields>> = {
  hold: { units },
  release: { units },
  plug: { at, fresh: (value) => value === undefined || fresh(value) },
  unplug: { at },
  eject: { at },
  insert: { at, medium: oneOf(MEDIA) },
  resize: { at, blocks },
  fault: { at, on: oneOf(FAULT_ACCESSES), error: oneOf(FAULT_ERRORS) },
  clear: { at },
  'reset-unit': { at },
  'config-change': {},
  'power-cycle': {},
};

/** What a line asks for. Throws `ControlLineError`. */
export function parseControl(line: string): Control | typeof OFFERED {
  const request = parsed(line) as { name?: unknown } | null;
  const name = request?.name;
  if (name === OFFERED) return OFFERED;
  if (typeof name !== 'string' || !Object.hasOwn(CONTROL_NAMES, name))
    throw new ControlLineError(`"name" is ${OFFERED} or one of ${Object.keys(CONTROL_NAMES).join(', ')}`);
  const fields = FIELDS[name as ControlName];
  const wrong = Object.entries(fields).find(
    ([key, check]) => !check((request as Record<string, unknown>)[key]),
  );
  if (wrong) throw new ControlLineError(`${name}: "${wrong[0]}" is missing or wrong`);
  const idle = Object.keys(request ?? {}).find((key) => key !== 'name' && !Object.hasOwn(fields, key));
  if (idle !== undefined) throw new ControlLineError(`${name}: "${idle}" means nothing`);
  return request as Control;
}

/** A reply that makes sense. Throws `ControlLineError`. */
export function parseReply(line: string): ControlReply {
  const reply = parsed(line);
  const known = has({
    offered: (value) =>
      value === undefined || (Array.isArray(value) && value.every(oneOf(CONTROL_CAPABILITIES))),
    error: (value) => value === undefined || typeof value === 'string',
  });
  if (!known(reply)) throw new ControlLineError(`no reply to a control: ${line.slice(0, 200)}`);
  return reply as ControlReply;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ControlLineError(`not a line of JSON: ${line.slice(0, 200)}`);
  }
}

/** A line that is none of a control socket's. */
export class ControlLineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ControlLineError';
  }
}
