import { expect, test } from 'vitest';
import { decodeExchange } from '../../src/run/decode-exchange.js';
import type { CommandLayout } from '../../src/run/exchange-bytes.js';
import { encodeLun } from '../../src/wire/lun.js';
import { encodeCdb } from '../../src/wire/scsi/command.js';
import { commandByName } from '../../src/wire/scsi/commands.js';
import { Tmf, virtioScsiCtrlTmf, virtioScsiReqHead, virtioScsiReqPi } from '../../src/wire/virtio-scsi.js';

const hex = (...parts: Uint8Array[]) => Buffer.concat(parts).toString('hex');
const lun = encodeLun(0, 3);
const head = virtioScsiReqHead.encode({ lun, id: 77n, task_attr: 0 });
const pi = virtioScsiReqPi.encode({ pi_bytesout: 8, pi_bytesin: 0 });
const read = commandByName('READ(10)');
if (read === undefined) throw new Error('no READ(10)');
const cdb = new Uint8Array(32);
cdb.set(encodeCdb(read, { lba: 0x1234n, blocks: 2n }));

const command = (out: string, layout: CommandLayout, answer?: string) =>
  decodeExchange({ kind: 'command', queue: 2, out, layout, ...(answer !== undefined && { in: answer }) });
const field = (fields: ReturnType<typeof decodeExchange>, name: string) =>
  fields.find((one) => one.name === name);

test('a command, with the fields of its CDB', () => {
  const fields = command(hex(head, cdb, Uint8Array.of(1, 2)), { cdbSize: 32, senseSize: 96 });
  expect(field(fields, 'lun')).toMatchObject({ part: 'out', offset: 0, meaning: 'target 0 unit 3' });
  expect(field(fields, 'cdb')).toMatchObject({ offset: 19, meaning: 'READ(10)' });
  expect(field(fields, 'cdb.lba')).toMatchObject({ offset: 21, bytes: '00001234', meaning: '0x1234' });
  expect(field(fields, 'data_out')).toMatchObject({ offset: 51, bytes: '0102' });
});

test.each([
  ['literal', hex(head, cdb, pi, new Uint8Array(8), Uint8Array.of(9)), 19, 51],
  ['linux', hex(head, pi, cdb, new Uint8Array(8), Uint8Array.of(9)), 27, 19],
] as const)('protection information in the %s place', (piHeader, out, cdbAt, piAt) => {
  const fields = command(out, { cdbSize: 32, senseSize: 96, piHeader, piOut: 8 });
  expect(field(fields, 'cdb')).toMatchObject({ offset: cdbAt, meaning: 'READ(10)' });
  expect(field(fields, 'pi_bytesout')).toMatchObject({ offset: piAt, meaning: '8' });
  expect(field(fields, 'pi_out')).toMatchObject({ offset: 59, bytes: '00'.repeat(8) });
  expect(field(fields, 'data_out')).toMatchObject({ offset: 67, bytes: '09' });
});

test('an answer with sense data, and one that ends early', () => {
  const sense = '70000500000000'.padEnd(2 * 96, '0');
  const answer = `120000000000000000000200${sense}aabb`;
  const fields = command('', { cdbSize: 32, senseSize: 96 }, answer);
  expect(field(fields, 'status')).toMatchObject({ part: 'in', offset: 10, meaning: 'CHECK CONDITION' });
  expect(field(fields, 'response')?.meaning).toBe('OK');
  expect(field(fields, 'sense')?.meaning).toMatch(/5|ILLEGAL/);
  expect(field(fields, 'data_in')).toMatchObject({ offset: 108, bytes: 'aabb' });
  const short = command('', { cdbSize: 32, senseSize: 96 }, '1200');
  expect(short).toEqual([{ part: 'in', offset: 0, name: 'sense_len', bytes: '1200' }]);
});

test('a task management function, and bytes that are nothing', () => {
  const out = hex(virtioScsiCtrlTmf.encode({ type: 0, subtype: Tmf.ABORT_TASK, lun, id: 5n }));
  const fields = decodeExchange({ kind: 'tmf', queue: 0, out, in: '00' });
  expect(field(fields, 'subtype')?.meaning).toBe('ABORT_TASK');
  expect(field(fields, 'response')).toMatchObject({ part: 'in', meaning: 'FUNCTION_COMPLETE' });
  expect(decodeExchange({ kind: 'chain', queue: 1, out: 'ff', in: '' })).toEqual([
    { part: 'out', offset: 0, name: 'bytes', bytes: 'ff' },
  ]);
});
