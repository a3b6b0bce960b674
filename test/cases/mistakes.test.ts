/** Each file of `fixtures/mistakes` holds one typical mistake and gets one message that tells what and where. */
import { expect, test } from 'vitest';
import { CaseLoader } from '../../src/cases/load.js';
import { formatProblem } from '../../src/cases/problem.js';
import { fixtures, show } from './support.js';

const EXPECTED: Readonly<Record<string, string>> = {
  '01': 'step 9:9 a step has one kind, this one has two: command, quiet',
  '02': 'key 10:9 "expects" does not belong here (a command step); did you mean "expect"?',
  '03': 'cdb 9:40 unknown command "READ10"; did you mean "READ(10)"?',
  '04': 'cdb 9:58 READ(10) has no field allocation_length; it has rdprotect, dpo, fua, rarc, fua_nv, lba, group_number, blocks, control',
  '05': 'bytes 9:23 00 was read as the number 0: quote byte patterns',
  '06': 'value 9:16 20 needs a unit: 20ms',
  '07': 'value 9:55 "=min(1" and "2)": an expression with a comma inside { } or [ ] needs quotes',
  '08': 'expect 10:18 response is not for a read; a read expects a value, e.g. expect: 0x0f',
  '09': 'expect 12:15 "is" is missing: every alternative has a name',
  '10': 'expect 13:15 verdict and ruling exclude each other: the ruling holds the verdict',
  '11': 'value 10:28 unknown response "BADTARGET"; did you mean "BAD_TARGET"?',
  '12': 'key 10:9 "retry" does not belong here (a quiet step); possible: level, ruling, covers, because, when, note',
  '13': 'name 9:56 unknown name "dsk.blocks"; did you mean "disk.blocks"?',
  '14': 'bytes 10:34 column 7: odd number of hex digits: "5"',
  '15': 'bytes 10:28 column 1: {disk.blocks - 1} needs an encoding, e.g. {disk.blocks - 1:be32}',
  '16': 'value 9:20 no indexing and no property access; use at(list, n), in "disk["blocks"] == 1"',
  '17': 'wait 9:15 nothing in flight is called "ghost"',
  '18': 'value 10:25 "05/20/00" is no sense triple: hexadecimal KEY/ASC/ASCQ, e.g. 5/24/00',
  '19': 'value 10:21 "no" is too short: give the reason',
  '20': 'key 9:52 "lun" appears twice in one map',
  '21': 'value 3:39 unknown need "modrn"; did you mean "modern"?',
};

const loader = new CaseLoader();
const files = fixtures('mistakes');

test('every file has its message', () => {
  expect(files.map(({ file }) => file.slice(0, 2))).toEqual(Object.keys(EXPECTED).sort());
});

test.each(files)('$file', ({ file, text }) => {
  const result = loader.load(file, text);
  expect(result.file).toBeUndefined();
  expect(result.problems.map(show)).toEqual([EXPECTED[file.slice(0, 2)]]);
});

test('a broken file hides no other, and several mistakes in one file are all told', () => {
  const { files: loaded, problems } = loader.loadAll([...files, ...fixtures('examples')]);
  expect(loaded).toHaveLength(fixtures('examples').length);
  expect(problems).toHaveLength(files.length);
  const both = `suite: Two
spec: {document: virtio-1.4}
cases:
  - {id: a.a, title: The first case is broken, covers: [scsi.req.residual], needs: [disk], steps: [{quiet: 5}]}
  - id: a.b
    title: The second one as well
    covers: [scsi.req.residual]
    needs: [disk]
    steps:
      - check: dsk.blocks == 1
      - command: {lun: dusk, cdb: TEST UNIT READY}
`;
  expect(loader.load('both.yaml', both).problems.map(show)).toEqual([
    'value 4:108 5 needs a unit: 5ms',
    'name 10:16 unknown name "dsk.blocks"; did you mean "disk.blocks"?',
    'name 11:24 no unit is called "dusk"; did you mean "disk"?',
  ]);
});

test('a problem shows its place, its line and a mark', () => {
  const [mistake] = loader.load(files[10]?.file ?? '', files[10]?.text ?? '').problems;
  expect(mistake && formatProblem(mistake)).toBe(
    [
      '11-unknown-response-code.yaml:10:28  value  unknown response "BADTARGET"; did you mean "BAD_TARGET"?',
      '   10 |         expect: {response: BADTARGET}',
      '      |                            ^',
    ].join('\n'),
  );
});
