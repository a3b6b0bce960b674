/** The condition of response OVERRUN ("Device Operation: Request Queues"). */
import { dataLength } from '../../wire/scsi/command.js';
import { checkedFields } from '../units/command-table.js';
import { protectionTuple } from '../units/protection.js';
import { CheckCondition } from '../units/sense.js';
import type { Task } from './task.js';

/** Whether the CDB asks for more data than the buffers of its directions hold. */
export function isOverrun(task: Task): boolean {
  const row = task.unit.rowOf(task.cdb);
  if (row === undefined) return false;
  const { command } = row;
  let fields: Record<string, bigint>;
  try {
    fields = checkedFields(row, task.cdb);
  } catch (error) {
    // A CDB that is refused asks for no data.
    if (error instanceof CheckCondition) return false;
    throw error;
  }
  const length = dataLength(command, fields, task.unit.blockSize) ?? 0n;
  if (lacksProtection(task, fields, Number(length) / task.unit.blockSize)) return true;
  const short = (room: number) => length > BigInt(room);
  if (command.direction === 'both') return short(task.dataInLength) || short(task.dataOutLength);
  return short(command.direction === 'in' ? task.dataInLength : task.dataOutLength);
}

/**
 * Whether the CDB asks for protection information that the request has no room for; without VIRTIO_SCSI_F_T10_PI none
 * has.
 */
function lacksProtection(
  { protection = { out: 0, in: 0 } }: Task,
  { rdprotect = 0n, wrprotect = 0n, vrprotect = 0n, orprotect = 0n }: Record<string, bigint>,
  blocks: number,
): boolean {
  const bytes = blocks * protectionTuple.size;
  const outgoing = wrprotect !== 0n || vrprotect !== 0n || orprotect !== 0n;
  return (rdprotect !== 0n && bytes > protection.in) || (outgoing && bytes > protection.out);
}
