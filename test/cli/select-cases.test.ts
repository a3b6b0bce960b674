import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type SelectOptions, selectDefinitions } from '../../src/cli/select-cases.js';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { FIXTURES } from './vscsi.js';

const { files } = checkCaseFiles([join(FIXTURES, 'stall.yaml')]);
const select = (options: SelectOptions) => selectDefinitions(files, options).map(({ id }) => id);

test.each([
  [{}, ['stall.before', 'stall.here', 'stall.after']],
  [{ skip: ['*.here'] }, ['stall.before', 'stall.after']],
  [{ select: ['stall.b*', '*.here'] }, ['stall.before', 'stall.here']],
  [{ select: ['stall.here[x]'] }, ['stall.here']],
  // Which expansions there are is known to devices alone.
  [{ select: ['*e]'] }, ['stall.before', 'stall.here', 'stall.after']],
  [{ area: 'scsi-req' }, ['stall.before', 'stall.here', 'stall.after']],
  [{ area: 'stall', select: ['*.after'] }, ['stall.after']],
  [{ requirement: 'scsi.req.response-ok', skip: ['stall.before'] }, ['stall.here', 'stall.after']],
])('%j selects %j', (options, ids) => {
  expect(select(options)).toEqual(ids);
});

test.each([
  [{ select: ['stall.befor'] }, /no case matches --select stall\.befor; did you mean stall\.before\?/],
  [{ select: ['stal.*'] }, /no case matches --select stal\.\*; did you mean stall\./],
  [
    { select: ['nothing.like.it'] },
    /no case matches --select nothing\.like\.it; "vscsi list" shows them all/,
  ],
  [{ skip: ['*'] }, /--skip \* leaves no case/],
  [{ area: 'scsi-rec' }, /no case belongs to the area scsi-rec; did you mean scsi-req\?; areas with cases: /],
  [{ requirement: 'scsi.req.respons-ok' }, /no requirement .*; did you mean scsi\.req\.response-ok/],
  [{ requirement: 'scsi.req.residual' }, /none of the cases covers .*scsi\.req\.residual \("/],
])('%j is refused', (options, message) => {
  expect(() => select(options)).toThrow(message);
});
