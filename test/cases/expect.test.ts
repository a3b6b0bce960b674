import { describe, expect, test } from 'vitest';
import {
  type Judged,
  matchCheck,
  matchResult,
  matchSeen,
  type Observed,
  watchesInterrupts,
} from '../../src/cases/expect.js';
import { LayeredMap } from '../../src/cases/layered-map.js';
import type { ScopeValue } from '../../src/cases/types.js';
import { expandSteps, hex, scopeOf, stepOf } from './support.js';

const SENSE = hex('700005000000000a00000000240000000000');
const GOOD: Observed = {
  outcome: 'returned',
  queue: 'request',
  response: 0,
  status: 0,
  senseLen: 0,
  residual: 0,
};
const FAILED: Observed = { ...GOOD, status: 2, sense: SENSE, senseLen: 18 };

/** Judges an answer against an `expect`, written as flow YAML; nothing written with `undefined`. */
function judge(
  expectation: string | undefined,
  observed: Partial<Observed> = {},
  names: Parameters<typeof scopeOf>[0] = {},
): Judged {
  const written = expectation === undefined ? '' : `\n  expect: ${expectation}`;
  const { steps, scope } = expandSteps(
    `- command: {lun: disk, cdb: TEST UNIT READY}
  as: other
- command: {lun: disk, cdb: {op: INQUIRY, allocation_length: 4}}${written}
- wait: other`,
  );
  const step = steps[1];
  if (step?.kind !== 'command') throw new Error('no command');
  return matchResult(step.expect, { ...GOOD, ...observed }, new LayeredMap(scope, scopeOf(names)));
}
const shown = ({ mismatches }: Judged) =>
  mismatches.map(({ check, expected, got }) => `${check}: ${expected}, got ${got}`);

describe('implied', () => {
  test.each<[string | undefined, Partial<Observed>, string[]]>([
    [undefined, {}, []],
    [undefined, { status: 2 }, ['status: 0 GOOD, got 2 CHECK CONDITION']],
    [undefined, { response: 3 }, ['response: 0 OK, got 3 BAD_TARGET']],
    [undefined, { outcome: 'silent' }, ['outcome: returned, got silent']],
    ['{residual: 0}', FAILED, ['status: 0 GOOD, got 2 CHECK CONDITION']],
    ['{sense: 5/24/00}', FAILED, []],
    ['{sense: 5/24/00}', {}, ['sense: 5/24/00, got no sense', 'status: 2 CHECK CONDITION, got 0 GOOD']],
    ['{sense: 5/24/00}', { ...FAILED, status: 0 }, ['status: 2 CHECK CONDITION, got 0 GOOD']],
    ['{sense: [none, 5/24/00]}', {}, []],
    ['{sense: [none, 5/24/00]}', FAILED, []],
    ['{sense: none}', FAILED, ['sense: no sense, got 5/24/00', 'status: 0 GOOD, got 2 CHECK CONDITION']],
    ['{response: BAD_TARGET}', { response: 3, status: 2 }, []],
    ['{response: [OK, ABORTED]}', { response: 2, status: 2 }, []],
    ['{response: [OK, ABORTED]}', { status: 2 }, ['status: 0 GOOD, got 2 CHECK CONDITION']],
    ['{status: BUSY}', { status: 8 }, []],
    ['{status: BUSY}', { status: 8, response: 1 }, ['response: 0 OK, got 1 OVERRUN']],
    ['{status: any}', { status: 0xff }, []],
    ['{answer: any}', { response: 9, status: 2 }, []],
    ['{outcome: [silent, needs_reset]}', { outcome: 'silent' }, []],
    ['{outcome: [returned, silent]}', { status: 2 }, ['status: 0 GOOD, got 2 CHECK CONDITION']],
    ['[{sense: 5/24/00}, {residual: 0, level: SHOULD}]', FAILED, []],
    [
      '{event: {event: NO_EVENT}}',
      { queue: 'event', event: { event: 0, lun: new Uint8Array(8), reason: 0 } },
      [],
    ],
  ])('%s of %j', (expectation, observed, expected) => {
    expect(shown(judge(expectation, observed))).toEqual(expected);
  });

  test('a task management function succeeds with FUNCTION_COMPLETE and has no status', () => {
    const { steps, scope } = expandSteps('- tmf: {function: LOGICAL UNIT RESET, lun: disk}');
    const step = stepOf(steps, 'tmf');
    const run = (response: number) =>
      shown(matchResult(step.expect, { outcome: 'returned', queue: 'control', response }, scope));
    expect(run(0)).toEqual([]);
    expect(run(11)).toEqual(['response: 0 FUNCTION_COMPLETE, got 11 FUNCTION_REJECTED']);
  });

  test('implied parts have the level of the case, keys of a block that of the block', () => {
    const { mismatches } = judge('{residual: 0, level: MAY, because: A reason}', { status: 2, residual: 7 });
    expect(mismatches.map(({ check, level, because }) => [check, level, because])).toEqual([
      ['residual', 'MAY', 'A reason'],
      ['status', 'MUST', undefined],
    ]);
  });
});

describe('parts', () => {
  test.each<[string, Partial<Observed>, string[]]>([
    ['{residual: 1..}', { residual: 0 }, ['residual: 1.., got 0']],
    ['{residual: 4}', { residual: 500 }, ['residual: 4, got 500 (0x1f4)']],
    ['{sense_len: 18}', { senseLen: 0 }, ['sense_len: 18 (0x12), got 0']],
    ['{status_qualifier: 0}', {}, ['status_qualifier: 0, got nothing']],
    ['{sense: [5/20/00, 5/25/..]}', FAILED, ['sense: 5/20/00 or 5/25/.., got 5/24/00']],
    [
      '{sense: 6/../..}',
      { ...FAILED, sense: hex('720629000000') },
      ['sense: 6/../.., got malformed sense: 6 bytes are too few for descriptor format sense data'],
    ],
    ['{response: [BUSY, FAILURE]}', {}, ['response: 5 BUSY or 9 FAILURE, got 0 OK']],
    ['{used: {len: 144, id: any}}', { used: { len: 108 } }, ['used.len: 144 (0x90), got 108 (0x6c)']],
    ['{used: any}', {}, []],
    ['{used: {len: 144}}', { used: { len: 108, lenUnreliable: true } }, []],
    [
      '{event_actual: {mask: 0xff, equals: 0}}',
      { eventActual: 2 },
      ['event_actual: 0x0 under mask 0xff, got 0x2'],
    ],
    ['{interrupt: 1}', { interrupts: { count: 0, exact: true } }, ['interrupt: 1, got 0']],
    ['{interrupt: 2}', { interrupts: { count: 1, exact: false } }, []],
    ['{interrupt: 0}', { interrupts: { count: 1, exact: false } }, ['interrupt: 0, got at least 1']],
    ['{interrupt: {vector: 2}}', { interrupts: { count: 1, exact: true, byVector: new Map([[2, 1]]) } }, []],
    [
      '{interrupt: {vector: 2}}',
      {
        interrupts: {
          count: 1,
          exact: true,
          byVector: new Map([
            [2, 1],
            [3, 1],
          ]),
        },
      },
      ['interrupt: none of vector 3, got 1'],
    ],
    ['{interrupt: {vector: 2, count: 0}}', { interrupts: { count: 0, exact: true } }, []],
    ['{config_interrupt: 1}', { configInterrupts: 0 }, ['config_interrupt: 1, got 0']],
    [
      '{after: [other]}',
      { returnedBefore: new Set() },
      ['after: other returned before this, got other not yet returned'],
    ],
    [
      '{before: [other]}',
      { returnedBefore: new Set(['other']), surelyReturnedBefore: new Set(['other']) },
      ['before: other returned after this, got other returned already'],
    ],
    [
      '{in: ["00", "01"]}',
      { writable: [{ bytes: hex('00'), poison: hex('ff') }] },
      ['in[1]: 01, got no buffer', 'in: 2 writable descriptors, got 1'],
    ],
  ])('%s', (expectation, observed, expected) => {
    expect(shown(judge(expectation, observed))).toEqual(expected);
  });

  test('events', () => {
    const event = { event: 0x8000_0001, lun: hex('0100000100000000'), reason: 1 };
    const observed = { queue: 'event', event } as const;
    expect(
      shown(judge('{event: {event: TRANSPORT_RESET, missed: 1, reason: RESCAN, lun: disk}}', observed)),
    ).toEqual([]);
    expect(
      shown(judge('{event: {event: PARAM_CHANGE, missed: 0, reason: 0x092a, lun: any}}', observed)),
    ).toEqual([
      'event.event: 3 PARAM_CHANGE, got 1 TRANSPORT_RESET',
      'event.missed: 0, got 1',
      'event.reason: 2346 (0x92a), got 1 RESCAN',
    ]);
    expect(shown(judge('{event: {lun: {target: 0, unit: 2}}}', observed))).toEqual([
      'event.lun: 01 00 40 02 00 00 00 00, got 01 00 00 01 00 00 00 00',
    ]);
  });

  test('bytes, with what a report needs to mark them', () => {
    const dataIn = hex('00800502');
    const [mismatch, ...others] = judge('{data_in: "00 80 06 .."}', { dataIn }).mismatches;
    expect(others).toEqual([]);
    expect(mismatch).toMatchObject({
      check: 'data_in',
      expected: '00 80 06 .. (at byte 2: 06)',
      got: '05',
      bytes: {
        got: dataIn,
        expected: hex('00800600'),
        mask: hex('ffffff00'),
        differing: hex('00000100'),
        firstDifference: 2,
      },
    });
  });

  test('poison decides on untouched bytes', () => {
    const poisoned = { dataIn: hex('01aabbcc'), dataInPoison: hex('00aabbcc') };
    expect(shown(judge('{data_in: "01 untouched*"}', poisoned))).toEqual([]);
    expect(judge('{data_in: "01 written*"}', poisoned).mismatches).toMatchObject([{ undecided: true }]);
  });

  test('what is captured may be used beside it, and comes back', () => {
    const dataIn = hex('00050102');
    const { mismatches, captures } = judge('{data_in: "{as n:be16} {as list:u8[2]}", residual: =251 - n}', {
      dataIn,
      residual: 246,
    });
    expect(mismatches).toEqual([]);
    expect([...captures]).toEqual<[string, ScopeValue][]>([
      ['n', 5n],
      ['list', [1n, 2n]],
    ]);
  });
});

describe('alternatives', () => {
  const ONE_OF = `{one_of: [{is: none, data_in: "(7f|3f) ..*"}, {is: sense, sense: 5/25/00}, {is: missing, response: BAD_TARGET, ruling: A7.bad-target}, {is: noted, status: BUSY, verdict: note}]}`;

  test.each<[Partial<Observed>, Record<string, unknown>]>([
    [{ dataIn: hex('7f000000') }, { is: 'none' }],
    [
      { dataIn: hex('00000000'), response: 3 },
      { is: 'missing', ruling: 'A7.bad-target' },
    ],
    [
      { dataIn: hex('00000000'), status: 8 },
      { is: 'noted', verdict: 'note' },
    ],
  ])('%#', (observed, alternative) => {
    const judged = judge(ONE_OF, observed);
    expect(judged.mismatches).toEqual([]);
    expect(judged.alternatives).toMatchObject([alternative]);
    expect(judged.confirmed).toEqual(['scsi.req.residual']);
  });

  test('when none matches, the message says how each differed', () => {
    expect(shown(judge(ONE_OF, { ...FAILED, dataIn: hex('00000000') }))).toEqual([
      'one_of: none | sense | missing | noted, got not "none": data_in expected (7f|3f) ..* (at byte 0: 7f or another of 2 alternatives), got 00; ' +
        'not "sense": sense expected 5/25/00, got 5/24/00; not "missing": response expected 3 BAD_TARGET, got 0 OK; ' +
        'not "noted": status expected 8 BUSY, got 2 CHECK CONDITION',
    ]);
  });

  test('keys beside the alternatives hold in any case', () => {
    const judged = judge('{residual: 4, one_of: [{is: good}, {is: busy, status: BUSY}]}', { residual: 0 });
    expect(shown(judged)).toEqual(['residual: 4, got 0']);
    expect(judged.alternatives).toMatchObject([{ is: 'good' }]);
    expect(judged.confirmed).toEqual([]);
  });

  test('outcomes may differ', () => {
    const outcomes =
      '{one_of: [{is: reset, outcome: needs_reset}, {is: refused, outcome: returned, answer: any, verdict: note}, {is: silent, outcome: silent, ruling: A18.silent}]}';
    const seen = (observed: Partial<Observed>) => judge(outcomes, observed).alternatives.map(({ is }) => is);
    expect(seen({ outcome: 'silent' })).toEqual(['silent']);
    expect(seen({ response: 9, status: 2 })).toEqual(['refused']);
    expect(seen({ outcome: 'needs_reset' })).toEqual(['reset']);
  });

  test('a name tells afterwards which one was seen, also when none was', () => {
    const named =
      '{one_of: [{is: done, as: done}, {is: busy, as: busy, status: BUSY}, {is: full, status: TASK SET FULL}]}';
    const names = (observed: Partial<Observed>) => Object.fromEntries(judge(named, observed).captures);
    expect(names({})).toEqual({ done: true, busy: false });
    expect(names({ status: 8 })).toEqual({ done: false, busy: true });
    expect(names({ status: 0x28 })).toEqual({ done: false, busy: false });
    expect(names({ status: 0x18 })).toEqual({ done: false, busy: false });
  });

  test('conditions drop alternatives', () => {
    const conditional =
      '{one_of: [{is: big, status: BUSY, when: disk.blocks > 1}, {is: small, when: disk.blocks <= 1}]}';
    expect(shown(judge(conditional))).toEqual([
      'one_of: big, got not "big": status expected 8 BUSY, got 0 GOOD',
    ]);
    expect(judge(conditional, {}, { 'disk.blocks': 1 }).alternatives).toMatchObject([{ is: 'small' }]);
    const none = '{one_of: [{is: a, when: disk.blocks < 0}, {is: b, status: BUSY, when: disk.blocks < 0}]}';
    expect(shown(judge(none))).toEqual([
      'one_of: an alternative whose condition holds, got none: the case is at fault',
    ]);
  });
});

describe('reads', () => {
  const read = (location: string, expectation: string, seen: bigint | Uint8Array, poison?: Uint8Array) => {
    const { steps, scope } = expandSteps(`- read: ${location}\n  expect: ${expectation}`);
    const { expect: wanted } = stepOf(steps, 'read');
    if (!wanted) throw new Error('expects nothing');
    return matchSeen(wanted, seen, scope, poison ? { poison } : {});
  };

  test.each<[string, string, bigint | Uint8Array, string[]]>([
    ['dev.status', '0', 0n, []],
    ['dev.status', 'ACKNOWLEDGE|DRIVER', 3n, []],
    ['dev.status', 'ACKNOWLEDGE|DRIVER', 1n, ['value: 3, got 1']],
    ['dev.queue_size', '1..32768', 0n, ['value: 1..32768, got 0']],
    ['pci.status', '{mask: 8, equals: 8}', 0x10n, ['value: 0x8 under mask 0x8, got 0x10']],
    ['medium.disk[0]', '"a5*1b"', new Uint8Array(512).fill(0xa5), []],
    [
      '{region: config, offset: 0, length: 2, width: 1}',
      '"00 .."',
      hex('0102'),
      ['value: 00 .. (at byte 0: 00), got 01'],
    ],
    ['dev.status', '[{value: 1.., level: SHOULD}, {value: 3}]', 0n, ['value: 1.., got 0', 'value: 3, got 0']],
  ])('%s %s', (location, expectation, seen, expected) => {
    expect(shown(read(location, expectation, seen))).toEqual(expected);
  });

  test('alternatives', () => {
    const oneOf =
      '{one_of: [{is: taken, value: 16}, {is: refused, as: refused, value: 32, ruling: A20.refused}]}';
    expect(read('config.cdb_size', oneOf, 32n).alternatives).toMatchObject([
      { is: 'refused', ruling: 'A20.refused' },
    ]);
    expect(read('config.cdb_size', oneOf, 32n).captures.get('refused')).toBe(true);
    expect(read('config.cdb_size', oneOf, 16n).captures.get('refused')).toBe(false);
    expect(shown(read('config.cdb_size', oneOf, 64n))).toEqual([
      'one_of: taken | refused, got not "taken": value expected 16 (0x10), got 64 (0x40); not "refused": value expected 32 (0x20), got 64 (0x40)',
    ]);
  });

  test('captures', () => {
    expect([...read('medium.disk[0]', '"{as head:be16} ..*"', hex('01020000')).captures]).toEqual([
      ['head', 0x102n],
    ]);
  });
});

test('a check that does not hold shows both sides', () => {
  const { steps, scope } = expandSteps('- check: disk.blocks + 1 < 10\n  level: MAY');
  expect(matchCheck(stepOf(steps, 'check'), scope).mismatches).toMatchObject([
    {
      check: 'check',
      expected: 'disk.blocks + 1 < 10',
      got: '2049 < 10 is false',
      level: 'MAY',
      covers: ['scsi.req.residual'],
    },
  ]);
  expect(matchCheck(stepOf(steps, 'check'), scopeOf({ 'disk.blocks': 1 })).confirmed).toEqual([
    'scsi.req.residual',
  ]);
});

test.each([
  ['disk.blocks > 1 && disk.blocks < 10', '2048 < 10 is false'],
  ['disk.blocks == 1 || disk.blocks + 1 == 3', '2048 == 1 is false, 2049 == 3 is false'],
  ['any_of(disk.blocks, 1, 2)', 'false'],
])('a check of parts shows the parts that do not hold: %s', (condition, got) => {
  const { steps, scope } = expandSteps(`- check: ${condition}\n  level: MAY`);
  expect(matchCheck(stepOf(steps, 'check'), scope).mismatches).toMatchObject([{ got }]);
});

test('whether interrupts are watched', () => {
  const { steps } = expandSteps(`- command: {lun: disk, cdb: TEST UNIT READY}
- command: {lun: disk, cdb: TEST UNIT READY}
  expect: {one_of: [{is: quiet, interrupt: 0}, {is: other, response: BUSY}]}`);
  expect(steps.map((step) => step.kind === 'command' && watchesInterrupts(step.expect))).toEqual([
    false,
    true,
  ]);
});
