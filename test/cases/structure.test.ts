/** Mistakes in the structure of a case: one message each, with the right word where there is one. */
import { expect, test } from 'vitest';
import { caseFile, problemsOf } from './support.js';

/** Steps, the message, further keys of the case. Steps start at line 9 of the file, or later where there are more keys. */
const MISTAKES: [steps: string, message: string, keys?: string][] = [
  [
    '- command: {lun: disk, cdb: TEST UNIT REDY}',
    'cdb 9:35 unknown command "TEST UNIT REDY"; did you mean "TEST UNIT READY"?',
  ],
  ['- command: {cdb: TEST UNIT READY}', 'key 9:18 "lun" is missing'],
  ['- command: {lun: disk}', 'key 9:18 "cdb" is missing'],
  [
    '- command: disk',
    'value 9:18 "command" has to be a map, not "disk": Send one SCSI command and wait for it (with as: leave it in flight)',
  ],
  [
    '- comand: {lun: disk, cdb: TEST UNIT READY}',
    'step 9:9 a step needs a kind, such as command, read or quiet; did you mean "command"?',
  ],
  ['- command: {lun: disk, cdb: {lba: 0}}', 'key 9:35 "op" is missing'],
  [
    '- command: {lun: disk, cdb: {op: READ(10), lba: x}}',
    'value 9:55 "x" does not fit "lba": A number, a name, a range 1..4, =expression, or {mask, equals}',
  ],
  [
    '- command: {lun: disk, cdb: {op: READ(10), lba: 1.5}}',
    'value 9:55 "lba" has to be a whole number or a text, not the number 1.5: A number, a name, a range 1..4, =expression, or {mask, equals}',
  ],
  ['- command: {lun: disk, cdb: {op: READ(10), lba: -1}}', 'cdb 9:55 READ(10): lba -1 is not 0..4294967295'],
  [
    '- command: {lun: disk, cdb: {op: READ(10), lba: "00 01"}}',
    'value 9:55 "00 01" does not fit "lba": A number, a name, a range 1..4, =expression, or {mask, equals}',
  ],
  [
    '- command: {lun: {target: 0}, cdb: TEST UNIT READY}',
    'key 9:24 an address has "target" and "unit", or "target" and "sam", or "bytes"',
  ],
  [
    '- command: {lun: {target: 0, unit: 0, from: flat}, cdb: TEST UNIT READY}',
    'key 9:45 "from" does not belong here; did you mean "form"?',
  ],
  [
    '- command: {lun: 3, cdb: TEST UNIT READY}',
    'value 9:24 "lun" has to be a text, not the number 3: A role of needs, a name given by plug, {target, unit}, {target, sam} or {bytes}',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY, datain: 4}',
    'key 9:52 "datain" does not belong here; did you mean "data_in"?',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY, data_in: "00 01"}',
    'value 9:61 "00 01" is no size of a buffer: a number of bytes, 8 blocks, or none',
  ],
  [
    '- command: {lun: disk, cdb: {op: WRITE(10), blocks: 1}, data_out: 512}',
    'bytes 9:73 512 is a number: quote byte patterns',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY, attr: HEADS}',
    'value 9:58 unknown attr "HEADS"; did you mean "HEAD"?',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: GOOD',
    'value 10:17 "expect" has to be a map, not "GOOD": What must come back: one block, or several with levels of their own',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {status: GOD}',
    'value 10:26 unknown status "GOD"; did you mean "GOOD"?',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {status: GOOD, sens: 5/24/00}',
    'key 10:32 "sens" does not belong here; did you mean "sense"?',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {data_in: 00}',
    'bytes 10:27 00 was read as the number 0: quote byte patterns',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {one_of: [{is: a}]}',
    'value 10:26 "one_of" needs at least 2 elements',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: [{status: GOOD}]',
    'value 10:17 "expect" needs at least 2 elements',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {one_of: {is: a}}',
    'value 10:26 "one_of" has to be a list, not a map: The first alternative that matches decides; if none does, the level decides',
  ],
  ['- command: {lun: disk, cdb: TEST UNIT READY}\n  within: 5', 'value 10:17 5 needs a unit: 5ms'],
  ['- command: {lun: disk, cdb: TEST UNIT READY}\n  retry: 0', 'value 10:16 "retry" is at least 1, not 0'],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  as: W',
    'value 10:13 "W" does not fit "as": Lower case letters, digits and _',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  queue: requests',
    'value 10:16 "requests" does not fit "queue": control, event, request (the first), request.1 … or an index',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  layout: {in: 108}',
    'value 10:22 "in" has to be a list or a map or a text, not the number 108: Expression, e.g. =disk.blocks - 1',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  layout: {in: [108, reste]}',
    'value 10:28 unknown in "reste"; did you mean "rest"?',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  layout: {indirect: yes}',
    'value 10:28 unknown indirect "yes"; possible: all, none',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  ruling: A7',
    'value 10:17 "A7" does not fit "ruling": Point and outcome of rulings.yaml, which holds the verdict, e.g. A7.bad-target',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}\n  covers: scsi.req.residual',
    'covers 10:17 "covers" has to be a list: [scsi.req.residual]',
  ],
  [
    '- tmf: {function: LUN RESET, lun: disk}',
    'value 9:25 unknown function "LUN RESET"; possible: ABORT TASK, ABORT TASK SET, CLEAR ACA, CLEAR TASK SET, I_T NEXUS RESET, LOGICAL UNIT RESET, QUERY TASK, QUERY TASK SET',
  ],
  ['- tmf: {lun: disk}', 'key 9:14 "function" is missing'],
  ['- wait: {interupt: {vector: 1}}', 'key 9:16 "interupt" does not belong here; did you mean "interrupt"?'],
  ['- quiet: {watch: [rings]}', 'key 9:16 "for" is missing'],
  ['- quiet: {for: 5ms, watch: [ring]}', 'value 9:35 unknown watch "ring"; did you mean "rings"?'],
  ['- read: status\n  expect: 0', 'name 9:15 no location "status"; did you mean "dev.status"?'],
  [
    '- read: {region: config, offset: 0}\n  expect: 0',
    'key 9:15 a location has "region", "offset" and "width", or "field"',
  ],
  [
    '- read: {region: confg, offset: 0, width: 1}\n  expect: 0',
    'value 9:24 unknown region "confg"; did you mean "config"?',
  ],
  [
    '- read: dev.status\n  expect: {values: 3}',
    'key 10:18 "values" does not belong here; did you mean "value"?',
  ],
  ['- read: dev.status\n  expect: {mask: 3}', 'key 10:17 "equals" is missing'],
  [
    '- write: {dev.status: [1]}',
    'value 9:29 "dev.status" has to be a whole number or a text, not a list: What is written: a value or bytes',
  ],
  ['- write: {status: 1}', 'name 9:17 no location "status"; did you mean "dev.status"?'],
  [
    '- write: dev.status',
    'value 9:16 "write" has to be a map or a list, not "dev.status": Change registers, ring fields or medium, in the order given',
  ],
  ['- control: {hodl: disk}', 'key 9:19 "hodl" does not belong here; did you mean "hold"?'],
  [
    '- control: hold',
    'value 9:18 "control" has to be a map, not "hold": Something outside the driver: hold commands, plug, resize, media, faults',
  ],
  ['- check: [1]', 'value 9:16 "check" has to be a text, not a list: An expression that must hold'],
  ['- check: 5', 'value 9:16 "check" has to be a text, not the number 5: An expression that must hold'],
  [
    '- repeat: {n: 5}\n  steps: [{quiet: 5ms}]',
    'value 9:21 "n" has to be a text, not the number 5: A list, a range 0..3, or =expression',
  ],
  ['- repeat: {n: 1..3}', 'key 9:9 "steps" is missing'],
  ['- setup: {until: alive}', 'value 9:24 unknown until "alive"; did you mean "live"?'],
  [
    '- setup: {features: {add: [VIRTIO_F_INORDER]}}',
    'value 9:34 unknown feature "VIRTIO_F_INORDER"; did you mean "VIRTIO_F_IN_ORDER"?',
  ],
  ['- chain: [{int: 4}]\n  queue: request', 'key 9:18 "int" does not belong here; did you mean "in"?'],
  [
    '- chain: [{in: 4, out: "00"}]\n  queue: request',
    'key 9:17 a descriptor has one of "out", "in", "table", "raw"',
  ],
  ['- chain: [{out: {request: {lun: disk}}}]\n  queue: request', 'key 9:33 "cdb" is missing'],
  ['- {}', 'step 9:9 a step needs a kind, such as command, read or quiet'],
  ['- null', 'step 9:9 a step needs a kind, such as command, read or quiet'],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 7:12 "needs" has to be a list, not "disk": All must hold, ! negates; where one does not, the case is skipped for that reason',
    'needs: disk',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:19 unknown ring "splitt"; did you mean "split"?',
    'needs: [disk]\nmodes: {ring: splitt}',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:12 unknown tag "slw"; did you mean "slow"?',
    'needs: [disk]\ntags: [slw]',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'key 8:13 no standing check "canari"; did you mean "canary"?',
    'needs: [disk]\nwaive: {canari: because it is so}',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:15 "n" has to be a text, not the number 5: A list, a range 0..3, or =expression',
    'needs: [disk]\neach: {n: 5}',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:11 "each" has to be a map, not a list: Each name goes through a list, a range 0..3, or =expression',
    'needs: [disk]\neach: [1, 2]',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:14 "hostile" can only be true, not false',
    'needs: [disk]\nhostile: false',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'key 8:5 "cover" does not belong here; possible: id, title, covers, museum, level, needs, modes, each, let, device, hostile, waive, changes, tags, steps',
    'needs: [disk]\ncover: [x]',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:21 unknown state "lve"; did you mean "live"?',
    'needs: [disk]\ndevice: {state: lve}',
  ],
  ['- quiet: {for: 5}', 'value 9:22 5 needs a unit: 5ms'],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:14 "foo" does not fit "museum": Bug of the museum, e.g. QVS-01-tmf-tag-truncated',
    'needs: [disk]\nmuseum: [foo]',
  ],
  [
    '- command: {lun: disk, cdb: TEST UNIT READY}',
    'value 8:12 unknown level "must"; did you mean "MUST"?',
    'needs: [disk]\nlevel: must',
  ],
  ['- an: {query: 1, subscribe: 2, lun: disk}', 'key 9:13 "an" has one of "query", "subscribe"'],
  ['- an: {lun: disk}', 'key 9:13 "an" has one of "query", "subscribe"'],
  ['- kick: {queue: request}', 'key 9:15 "value" is missing'],
  ['- publish: []', 'value 9:18 "publish" needs at least 1 element'],
  [
    '- check: min(disk.blocks, 1) == 1, 2',
    'value 9:16 an operator is missing between two parts, in "min(disk.blocks, 1) == 1, 2"',
  ],
];

test.each(MISTAKES)('%s', (steps, message, keys) => {
  expect(problemsOf(caseFile(steps, keys))).toEqual([message]);
});
