/** Stored cases are what loading gives, and are used for nothing else. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { findCaseFiles, SPEC_CASES } from '../../src/run/package-info.js';
import { forgetStoredCases, storeCases, storedCases } from '../../src/run/parsed-cases.js';

let folder: string;
let store: string;
let file: string;

const written = (title: string) => `suite: s
spec: {document: virtio-1.4}
cases:
  - id: a.b
    title: ${title}
    needs: [disk]
    steps:
      - command: {lun: disk, cdb: {op: INQUIRY, allocation_length: 36}}
        expect: {data_in: "{as first:u8} ..*35", residual: 0, covers: [scsi.req.residual]}
`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-parsed-'));
  store = join(folder, 'store');
  file = join(folder, 'case.yaml');
  writeFileSync(file, written('Anything at all'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what was stored comes back as it was loaded', () => {
  const { paths, files } = checkCaseFiles([file]);
  storeCases(paths, files, store);
  expect(storedCases(paths, store)).toEqual(files);
});

test('files that have changed, or others, are not those stored', () => {
  const { paths, files } = checkCaseFiles([file]);
  storeCases(paths, files, store);
  writeFileSync(file, written('Something else'));
  expect(storedCases(paths, store)).toBeUndefined();
  const other = join(folder, 'other.yaml');
  writeFileSync(other, written('Anything at all'));
  expect(storedCases([other], store)).toBeUndefined();
  expect(storedCases([], store)).toBeUndefined();
});

test('a store that is not there, or cannot be read, is none', () => {
  const { paths, files } = checkCaseFiles([file]);
  expect(storedCases(paths, store)).toBeUndefined();
  writeFileSync(store, 'garbage');
  expect(storedCases(paths, store)).toBeUndefined();
  storeCases(paths, files, store);
  forgetStoredCases(store);
  expect(storedCases(paths, store)).toBeUndefined();
  forgetStoredCases(store);
});

test("the suite's own are stored for the loader as it is built and as it is written", async () => {
  const paths = findCaseFiles([SPEC_CASES]);
  const built = (await import('../../dist/run/parsed-cases.js' as string)) as {
    storedCases: typeof storedCases;
  };
  const files = storedCases(paths);
  expect(files?.length).toBe(paths.length);
  expect(built.storedCases(paths)).toEqual(files);
});
