/** Which commands a unit is taken to serve, by its answers. */
import { expect, test } from 'vitest';
import type { Driver } from '../../src/harness/driver.js';
import type { ProbedUnit } from '../../src/run/probe.js';
import { servedCommands } from '../../src/run/served-commands.js';

const SENSE_BYTES = 96;
const HEAD_BYTES = 12;
const CHECK_CONDITION = 2;
const REPORT_SUPPORTED = 0xa3_0c;
const INVALID_OPCODE = [0x20, 0];
const INVALID_FIELD = [0x24, 0];

/** What the unit says to a CDB: the additional sense code of an illegal request, or data. */
type Says = (
  cdb: Uint8Array,
  dataInSize: number,
) => { refused: readonly number[] } | { data: readonly number[] };

function answerOf(said: ReturnType<Says>, dataInSize: number): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + SENSE_BYTES + dataInSize);
  if ('data' in said) {
    bytes.set(said.data, HEAD_BYTES + SENSE_BYTES);
    return bytes;
  }
  bytes[0] = 18;
  bytes[10] = CHECK_CONDITION;
  bytes.set([0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, ...said.refused], HEAD_BYTES);
  return bytes;
}

/** Whether a unit that answers so serves a command, and the CDBs that it got. */
function served(name: string, says: Says, scratch = true): { serves: boolean; cdbs: Uint8Array[] } {
  const cdbs: Uint8Array[] = [];
  const driver = {
    state: { sizes: { senseSize: SENSE_BYTES, cdbSize: 32 } },
    nextId: () => 1n,
    stage: ({ cdb, dataInSize }: { cdb: Uint8Array; dataInSize: number }) => {
      cdbs.push(cdb);
      const bytes = answerOf(says(cdb, dataInSize), dataInSize);
      return { answer: { bytes, poison: bytes } };
    },
    publish: () => undefined,
    wait: () => true,
  } as unknown as Driver;
  const unit = { profile: { target: 0, unit: 0 }, blocks: 64, scratch } as unknown as ProbedUnit;
  return { serves: servedCommands(driver)(unit, name), cdbs };
}

const isReportSupported = (cdb: Uint8Array) =>
  (((cdb[0] ?? 0) << 8) | ((cdb[1] ?? 0) & 0x1f)) === REPORT_SUPPORTED;

/** A unit without REPORT SUPPORTED OPERATION CODES that answers anything else so. */
const mute =
  (says: Says): Says =>
  (cdb, size) =>
    isReportSupported(cdb) ? { refused: INVALID_FIELD } : says(cdb, size);

const supports =
  (support: number, otherwise: Says): Says =>
  (cdb, size) =>
    isReportSupported(cdb) ? { data: [0, support] } : otherwise(cdb, size);

const refuse =
  (refused: readonly number[]): Says =>
  () => ({ refused });
const good: Says = () => ({ data: [] });

test.each<[string, string, Says, boolean]>([
  ['an unknown operation code', 'UNMAP', mute(refuse(INVALID_OPCODE)), false],
  ['a field of a command that has no service action', 'LOG SENSE', mute(refuse(INVALID_FIELD)), true],
  ['GOOD', 'REPORT TIMESTAMP', mute(good), true],
  ['a field of REPORT TIMESTAMP', 'REPORT TIMESTAMP', mute(refuse(INVALID_FIELD)), false],
  ['a field of SET TIMESTAMP', 'SET TIMESTAMP', mute(refuse(INVALID_FIELD)), false],
  ['a field of READ KEYS', 'PERSISTENT RESERVE IN / READ KEYS', mute(refuse(INVALID_FIELD)), false],
  ['a field of what tells it', 'REPORT SUPPORTED OPERATION CODES', mute(good), false],
  ['SUPPORT 001b', 'UNMAP', supports(1, good), false],
  ['SUPPORT 011b', 'UNMAP', supports(3, refuse(INVALID_OPCODE)), true],
  ['SUPPORT 000b, and then the command is tried', 'UNMAP', supports(0, refuse(INVALID_OPCODE)), false],
])('%s: %s', (_, name, says, expected) => {
  expect(served(name, says).serves).toBe(expected);
});

test('leaves room for what some units want at least', () => {
  const wantsRoom: Says = (cdb, size) =>
    size < 4 || cdb[9] === 0 ? { refused: INVALID_FIELD } : { data: [] };
  expect(served('REPORT TIMESTAMP', mute(wantsRoom)).serves).toBe(true);
});

test('tries WRITE BUFFER itself, by a mode that keeps to the buffer and without bytes', () => {
  const { serves, cdbs } = served('WRITE BUFFER', mute(refuse(INVALID_OPCODE)));
  expect(serves).toBe(false);
  expect(cdbs.at(-1)).toEqual(Uint8Array.of(0x3b, 2, 0, 0, 0, 0, 0, 0, 0, 0));
});

test('does not try WRITE BUFFER on a unit that is not lent', () => {
  const { cdbs } = served('WRITE BUFFER', mute(good), false);
  expect(cdbs.every(isReportSupported)).toBe(true);
});
