import { expect, test } from 'vitest';
import { requestText } from '../../src/run/request-text.js';
import { encodeLun } from '../../src/wire/lun.js';
import { encodeCdb } from '../../src/wire/scsi/command.js';
import { commandByName } from '../../src/wire/scsi/commands.js';
import { TaskAttr, Tmf, virtioScsiCtrlTmf, virtioScsiReqHead } from '../../src/wire/virtio-scsi.js';

const hex = (...parts: Uint8Array[]) => Buffer.concat(parts).toString('hex');
const lun = encodeLun(0, 3);

test('a command with its fields and its data', () => {
  const write = commandByName('WRITE(10)');
  if (write === undefined) throw new Error('no WRITE(10)');
  const cdb = new Uint8Array(32);
  cdb.set(encodeCdb(write, { lba: 0x1000n, blocks: 2n }));
  const head = virtioScsiReqHead.encode({ lun, id: 77n, task_attr: TaskAttr.ORDERED });
  expect(requestText(hex(head, cdb, new Uint8Array(1024)))).toBe(
    'WRITE(10) lba=0x1000 blocks=2 with 1024 bytes of data-out to target 0 unit 3, tag 0x4d, ORDERED',
  );
});

test('an opcode that nobody knows', () => {
  const head = virtioScsiReqHead.encode({ lun: new Uint8Array(8), id: 1n, task_attr: 9 });
  const cdb = new Uint8Array(32);
  cdb[0] = 0xff;
  expect(requestText(hex(head, cdb))).toBe('opcode 0xff, a malformed lun, tag 1, task_attr 9');
});

test('a task management function', () => {
  const tmf = virtioScsiCtrlTmf.encode({ type: 0, subtype: Tmf.ABORT_TASK, lun, id: 5n });
  expect(requestText(hex(tmf))).toBe('ABORT_TASK, target 0 unit 3, tag 5');
});

test('what is neither has no words', () => {
  expect(requestText('0102')).toBeUndefined();
});
