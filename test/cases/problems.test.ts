/** Mistakes that only the compiler can see, each in the smallest case that shows it. */
import { describe, expect, test } from 'vitest';
import type { RequirementRegistry } from '../../src/cases/requirements.js';
import { asRequirement, type ScsiRequirement } from '../../src/cases/scsi-requirements.js';
import { caseFile, problemsOf } from './support.js';

/** Steps start at line 9 of the file, or later where there are more keys: see `caseFile`. */
const CASES: [name: string, steps: string, expected: string[], keys?: string][] = [
  ['a good case', '- command: {lun: disk, cdb: TEST UNIT READY}', []],

  // Names
  [
    'unknown role',
    '- command: {lun: disk2, cdb: TEST UNIT READY}',
    ['name 9:24 no unit is called "disk2"; did you mean "disk"?'],
  ],
  [
    'unknown name in a pattern',
    '- command: {lun: disk, cdb: INQUIRY}\n  expect: {data_in: "{k:u8} ..*"}',
    ['name 10:28 unknown name "k"'],
  ],
  [
    'capture before use',
    '- command: {lun: disk, cdb: INQUIRY}\n  expect: {data_in: "{as k:u8} {k:u8} ..*", residual: =k}',
    [],
  ],
  ['capture after use', '- check: k == 1\n- read: config.seg_max\n  as: k', ['name 9:16 unknown name "k"']],
  [
    'a pattern that cannot be read still names what it captures',
    '- command: {lun: disk, cdb: INQUIRY}\n  expect: {data_in: "{as k:be33} ..*"}\n- check: k == 1',
    ['bytes 10:34 column 7: no encoding "be33"; did you mean "be32"?'],
  ],
  [
    'capture only when',
    '- read: config.seg_max\n  as: k\n  when: disk.blocks > 1\n- check: k == 1',
    ['name 12:16 "k" is captured only when disk.blocks > 1, but used also otherwise'],
  ],
  [
    'capture when, used when',
    '- read: config.seg_max\n  as: k\n  when: disk.blocks > 1\n- check: k == 1\n  when: disk.blocks > 1',
    [],
  ],
  [
    'capture in a repeat without rounds',
    '- repeat: {n: =1..disk.blocks - 1}\n  steps: [{read: config.seg_max, as: k}]\n- check: k == 1',
    ['name 11:16 unknown name "k"'],
  ],
  [
    'capture in a repeat with rounds',
    '- repeat: {n: 1..3}\n  steps: [{read: config.seg_max, as: k}]\n- check: k == 1',
    [],
  ],
  [
    'repeat variable is gone afterwards',
    '- repeat: {n: =1..disk.blocks}\n  steps: [{check: n > 0}]\n- check: n == 1',
    ['name 11:16 unknown name "n"'],
  ],
  [
    'capture in an alternative',
    '- command: {lun: disk, cdb: INQUIRY}\n  expect:\n    one_of:\n      - {is: a, data_in: "{as k:u8} ..*"}\n      - {is: b, sense: 5/24/00}',
    ['expect 12:32 nothing can be captured in an alternative: another may be the one seen'],
  ],
  [
    'unknown function',
    '- check: mn(1, 2) == 1',
    ['value 9:16 no function "mn" in "mn(1, 2) == 1"; did you mean "min"?'],
  ],
  [
    'condition with =',
    '- check: =disk.blocks > 1',
    ['value 9:16 write the expression without "=": disk.blocks > 1'],
  ],
  [
    'plugged unit',
    '- control: {plug: {as: extra, beside: disk}}\n- check: extra.unit > 0\n- command: {lun: extra, cdb: TEST UNIT READY}',
    [],
    'needs: [disk, plug]',
  ],
  [
    'a control without its need',
    '- control: {hold: disk}',
    ['step 9:18 the control "hold" takes "hold" among the needs of the case'],
  ],
  [
    'a fault of another kind',
    '- control: {fault: {lun: disk, on: read, error: nexus}}\n- control: {clear: disk}',
    ['step 9:18 the control "fault" takes "nexus-fault" among the needs of the case'],
    'needs: [disk, fault]',
  ],
  [
    'a read that fails later',
    '- control: {fault: {lun: disk, on: read, error: deferred}}\n- control: {clear: disk}',
    ['value 9:55 only a write can fail later'],
    'needs: [disk, deferred-fault]',
  ],
  [
    'a negated role is not bound',
    '- check: cdrom.blocks == 0',
    ['name 9:16 unknown name "cdrom.blocks"'],
    'needs: ["!cdrom"]',
  ],
  [
    'condition among needs',
    '- check: disk.blocks > 0',
    ['name 7:20 unknown name "disk.block"; did you mean "disk.blocks"?'],
    'needs: [disk, =disk.block > 0]',
  ],
  [
    'a text among needs that is no command',
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    ['value 7:19 op is "REED(10)", which is no command'],
    'needs: [disk, =op]\neach: {op: [READ(10), REED(10)]}',
  ],

  // Locations
  [
    'unknown register',
    '- read: dev.statsu\n  expect: 0',
    ['name 9:15 no device register "statsu"; did you mean "status"?'],
  ],
  [
    'unknown configuration field',
    '- read: config.sense_sise\n  expect: 0',
    ['name 9:15 no configuration field "sense_sise"; did you mean "sense_size"?'],
  ],
  [
    'unknown ring field',
    '- read: ring.request.used.idex\n  expect: 0',
    ['name 9:15 no ring field "used.idex"; did you mean "used.idx"?'],
  ],
  [
    'medium of no unit',
    '- read: medium.cdrom[0]\n  expect: "00*1b"',
    ['name 9:15 no unit is called "cdrom"; name its role in "needs"'],
  ],
  [
    'buffer of nothing',
    '- read: buf.w.in\n  expect: untouched',
    ['name 9:15 nothing in flight is called "w"'],
  ],
  [
    'bytes for a number',
    '- read: dev.status\n  expect: "{1:u8}"',
    ['expect 10:17 dev.status holds a number, not bytes: expect a value, e.g. 0x0f'],
  ],
  [
    'flags of a register',
    '- read: dev.status\n  expect: ACKNOWLEDGE|DRIVR',
    [
      'value 10:17 "ACKNOWLEDGE|DRIVR" is no number; possible: ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, SUSPEND, DEVICE_NEEDS_RESET, FAILED',
    ],
  ],

  // CDBs and buffers
  [
    'action missing',
    '- command: {lun: disk, cdb: {op: PERSISTENT RESERVE OUT}}',
    [
      'cdb 9:40 PERSISTENT RESERVE OUT needs an "action": REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT AND ABORT, REGISTER AND IGNORE EXISTING KEY, REGISTER AND MOVE, REPLACE LOST RESERVATION',
    ],
  ],
  [
    'unknown action',
    '- command: {lun: disk, cdb: {op: PERSISTENT RESERVE OUT, action: RESERV}}',
    ['cdb 9:72 PERSISTENT RESERVE OUT has no action "RESERV"; did you mean "RESERVE"?'],
  ],
  [
    'op from an axis',
    '- command: {lun: disk, cdb: {op: =op, lba: 0}}',
    ['cdb 10:45 INQUIRY has no field lba; it has evpd, page, allocation_length, control'],
    'needs: [disk]\neach: {op: [READ(10), INQUIRY]}',
  ],
  [
    'op from a repeat',
    '- repeat: {op: [READ(10), READ10]}\n  steps: [{command: {lun: disk, cdb: {op: =op}}}]',
    ['cdb 10:49 no command "READ10"; did you mean "READ(10)"?'],
  ],
  [
    'data without a direction',
    '- command: {lun: disk, cdb: TEST UNIT READY, data: 5}',
    [
      'step 9:52 "data" means the one direction of the CDB, but it moves data in no directions: use data_in or data_out',
    ],
  ],
  [
    'blocks without a unit',
    '- command: {lun: {target: 0, unit: 0}, cdb: {op: READ(10), blocks: 1}}\n  expect: {data_in: "00*1b"}',
    ['bytes 10:27 a count in blocks needs a unit that is addressed by a role'],
  ],
  [
    'wildcards in sent bytes',
    '- command: {lun: disk, cdb: {op: WRITE(10), blocks: 1}, data_out: "00 .."}',
    ['bytes 9:77 column 4: "." leaves bits open, but these bytes are sent: only exact bytes can be'],
  ],
  [
    'cut with rest in the middle',
    '- command: {lun: disk, cdb: INQUIRY}\n  layout: {in: [rest, 4]}',
    ['value 10:22 "rest" can only be the last piece of a cut'],
  ],

  [
    'blocks of what is waited for',
    '- command: {lun: disk, cdb: {op: READ(10), blocks: 1}}\n  as: w\n- wait: w\n  expect: {data_in: "stamp(1, 0)*1b"}',
    [],
  ],
  [
    'stamp without a unit',
    '- chain: [{out: "stamp(1, 0)*4"}, {in: 108}]\n  queue: request',
    ['bytes 9:23 stamp() makes blocks, so it needs a unit that is addressed by a role'],
  ],

  // In flight
  [
    'never waited for',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: w\n- check: disk.blocks > 0',
    ['wait 10:13 "w" is still in flight at the end: wait for it, or reset the device or the queue'],
  ],
  [
    'left by a reset',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: w\n- reset: device\n- check: disk.blocks > 0',
    [],
  ],
  [
    'wait for another name',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: w\n- wait: v\n- wait: w',
    ['wait 11:15 nothing in flight is called "v"; in flight here: w'],
  ],
  [
    'staged without a name',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  staged: all',
    ['step 10:9 what is staged needs a name: as: w, and a later publish: w'],
  ],
  [
    'expect on what stays in flight',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: w\n  expect: {status: GOOD}\n- wait: w',
    ['expect 11:9 "w" stays in flight: put "expect" on wait: w'],
  ],
  [
    'after something unknown',
    '- tmf: {function: LOGICAL UNIT RESET, lun: disk}\n  expect: {after: [v]}',
    ['wait 10:26 nothing in flight is called "v"'],
  ],
  [
    'tag of something unknown',
    '- tmf: {function: ABORT TASK, lun: disk, tag: v}',
    ['wait 9:53 nothing in flight is called "v"'],
  ],
  [
    'position of something unknown',
    '- check: position(v) == 1',
    ['name 9:16 nothing in flight is called "v"'],
  ],
  [
    'chain without a queue',
    '- chain: [{out: "00"}, {in: 108}]',
    ['step 9:9 a chain says on which "queue" it goes'],
  ],

  // Coverage
  [
    'ids on what asserts nothing',
    '- read: dev.status\n  covers: [virtio.status.bit-values]\n- check: disk.blocks > 0',
    ['covers 10:9 this read expects nothing, so it covers nothing'],
  ],
  [
    'ids on what stays in flight',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: w\n  covers: [virtio.status.bit-values]\n- wait: w',
    ['covers 11:9 "w" stays in flight: nothing is checked here, so it covers nothing'],
  ],
  [
    'ids on what accepts everything',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {outcome: [returned, needs_reset, silent], answer: any, covers: [virtio.status.bit-values]}\n- check: disk.blocks > 0',
    ['covers 10:73 this accepts whatever happens, so it covers nothing'],
  ],
  [
    'the id of a case without any assertion',
    '- write: {dev.queue_select: 1}',
    ['covers 6:5 no expectation of the case is left for this id to cover'],
  ],

  [
    'wait for what was never published',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: w\n  staged: all\n- wait: w',
    ['wait 12:15 "w" is staged, so the device knows nothing of it: publish: w'],
  ],
  [
    'published',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: w\n  staged: all\n- publish: w\n- wait: w',
    [],
  ],
  [
    'a name that hides a unit',
    '- read: config.seg_max\n  as: disk\n- check: disk.blocks > 1',
    ['name 10:13 "disk" is the name of a unit already'],
  ],
  [
    'an axis that hides a unit',
    '- check: disk.blocks > 1',
    ['name 8:12 "disk" is the name of a unit already'],
    'needs: [disk]\neach: {disk: [1, 2]}',
  ],
  [
    'a command where a rule about it is wanted',
    '- check: disk.blocks > 1\n  covers: [SBC-4 READ]',
    ['covers 10:18 "SBC-4 READ" is no requirement id, e.g. scsi.req.residual or spc.inquiry.truncated'],
  ],

  // Alternatives
  [
    'two alternatives of one name',
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect:\n    one_of:\n      - {is: a, sense: 5/24/00}\n      - {is: a, response: BUSY}',
    ['expect 13:15 two alternatives are called "a"'],
  ],
  [
    'a shadowed alternative',
    '- command: {lun: disk, cdb: INQUIRY}\n  expect:\n    one_of:\n      - {is: good}\n      - {is: good and more, residual: 0}',
    ['expect 13:15 "good and more" can never be the one seen: "good" before it matches whenever it would'],
  ],

  // Axes
  [
    'rows with different keys',
    '- check: row.a > 0',
    ['value 8:17 the rows of an axis have the same keys; these have (a, name) and (name)'],
    'needs: [disk]\neach: {row: [{name: x, a: 1}, {name: y}]}',
  ],
  [
    'open range',
    '- check: n > 0',
    ['value 8:15 the range "=1.." needs both ends'],
    'needs: [disk]\neach: {n: "=1.."}',
  ],
];

describe('problems', () => {
  test.each(CASES)('%s', (_, steps, expected, keys) => {
    expect(problemsOf(caseFile(steps, keys))).toEqual(expected);
  });

  test('several ids for a case', () => {
    const text = caseFile('- command: {lun: disk, cdb: TEST UNIT READY}').replace(
      'covers: [scsi.req.residual]',
      'covers: [scsi.req.residual, scsi.req.id-any-value]',
    );
    expect(problemsOf(text)).toEqual([
      'covers 6:5 a case covers one id; put these 2 onto the expectations that check them',
    ]);
  });

  test('a case that covers nothing', () => {
    const text = caseFile('- command: {lun: disk, cdb: TEST UNIT READY}').replace(/ {4}covers: .*\n/, '');
    expect(problemsOf(text)).toEqual([
      'covers 4:5 the case covers nothing: give "covers" for it or for its expectations',
    ]);
  });

  test('an id that is used twice', () => {
    const text = caseFile('- command: {lun: disk, cdb: TEST UNIT READY}');
    const second = text.slice(text.indexOf('  - id:'));
    expect(problemsOf(text + second)).toEqual(['case 10:9 the id test.one is used twice']);
  });
});

describe('what is looked up', () => {
  const requirements: RequirementRegistry = new Map(
    (['residual', 'other'] as const).map((name) => [
      `scsi.req.${name}`,
      {
        id: `scsi.req.${name}`,
        strength: 'MUST',
        kind: 'normative',
        // A rule for the driver says nothing about the device, so a level may be written.
        role: name === 'other' ? 'driver' : 'device',
        since: '1.0',
      },
    ]),
  );

  test('requirement ids', () => {
    const text = caseFile('- command: {lun: disk, cdb: TEST UNIT READY}').replace('residual', 'residuel');
    expect(problemsOf(text, { requirements })).toEqual([
      'covers 6:14 no requirement "scsi.req.residuel"; did you mean "scsi.req.residual"?',
    ]);
  });

  describe('of what rests on a single source', () => {
    const rule = (id: string, agreement: ScsiRequirement['agreement']): ScsiRequirement => ({
      id,
      commands: ['any'],
      strength: 'MUST',
      basis: ['qemu'],
      agreement,
      text: 't',
    });
    const both: RequirementRegistry = new Map(
      [rule('spc.one', 'single'), rule('spc.many', 'agree')].map((each) => [each.id, asRequirement(each)]),
    );
    const problems = (block: string) => {
      const step = `- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: ${block}`;
      const text = caseFile(step, 'needs: [disk]').replace(/ {4}covers: .*\n/, '');
      return problemsOf(text, { requirements: both, rulings: new Set(['A7.bad-target']) });
    };
    const start = /^covers 9:\d+ spc\.one rests on one source and warns at most; /;

    test('a broken expectation is a warning', () => {
      expect(problems('{residual: 0, covers: [spc.one]}')).toEqual([]);
      expect(problems('{residual: 0, level: MUST, covers: [spc.one]}')).toEqual([
        'covers 9:31 the catalogue says SHOULD for spc.one: leave "level" out',
      ]);
    });
    test.each([
      ['another requirement', '{residual: 0, covers: [spc.one, spc.many]}'],
      ['a ruling', '{residual: 0, ruling: A7.bad-target, covers: [spc.one]}'],
      [
        'an alternative',
        '{covers: [spc.one], one_of: [{is: a, residual: 0}, {is: b, residual: 1, verdict: fail}]}',
      ],
    ])('%s makes no fail of it', (_, block) => {
      expect(problems(block)).toEqual([expect.stringMatching(start)]);
    });
    test('alternatives may warn', () => {
      expect(
        problems('{covers: [spc.one], one_of: [{is: a, residual: 0}, {is: b, residual: 1, verdict: warn}]}'),
      ).toEqual([]);
    });
  });

  test('rulings and museum', () => {
    const text = caseFile(
      '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {residual: 0, ruling: A7.bad-tarjet}',
      'needs: [disk]\nmuseum: [QVS-99-unknown]',
    );
    expect(
      problemsOf(text, { rulings: new Set(['A7.bad-target']), museum: new Set(['QVS-01-known']) }),
    ).toEqual([
      'covers 8:14 no bug "QVS-99-unknown" in the museum',
      'covers 11:39 no ruling "A7.bad-tarjet"; did you mean "A7.bad-target"?',
    ]);
  });

  test('a level that contradicts the catalogue', () => {
    const steps = (id: string) =>
      `- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {residual: 0, level: MAY, covers: [${id}]}`;
    const keys = 'needs: [disk]';
    const text = (id: string) => caseFile(steps(id), keys).replace(/ {4}covers: .*\n/, '');
    expect(problemsOf(text('scsi.req.residual'), { requirements })).toEqual([
      'covers 9:31 the catalogue says MUST for scsi.req.residual: leave "level" out',
    ]);
    expect(problemsOf(text('scsi.req.other'), { requirements })).toEqual([]);
  });
});

describe('more than data', () => {
  const head = 'suite: Test\nspec: {document: virtio-1.4}\n';
  test.each([
    ['cases: &x []\n', /anchors/],
    ['let: {a: &x 1, b: *x}\ncases: []\n', /anchors/],
    ['let: {a: !!binary "AA=="}\ncases: []\n', /tag/],
    ['let: {a: !foo 1}\ncases: []\n', /tag|Unresolved/],
    ['let: {"<<": {a: 1}}\ncases: []\n', /merges/],
    ['let: {[a, b]: 1}\ncases: []\n', /single word/],
    ['cases: [\n', /yaml/],
    ['cases: []\n', /at least 1/],
    ['cases: {}\n', /a list, not a map/],
    ['case: []\n', /does not belong here; did you mean "cases"/],
    ['', /"cases" is missing/],
  ])('%j', (rest, message) => {
    const problems = problemsOf(head + rest);
    expect(problems[0]).toMatch(message);
  });

  test.each(['', 'just text', '[1, 2]', '12', '--- 1\n--- 2\n', '\u0000', 'a: b: c'])(
    '%j is no case file',
    (text) => {
      expect(problemsOf(text)).toHaveLength(1);
    },
  );
});
