/** The condition of response OVERRUN ("Device Operation: Request Queues"). */
import { dataLength } from '../../wire/scsi/command.js';
import { checkedFields } from '../units/command-table.js';
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
  const short = (room: number) => length > BigInt(room);
  if (command.direction === 'both') return short(task.dataInLength) || short(task.dataOutLength);
  return short(command.direction === 'in' ? task.dataInLength : task.dataOutLength);
}
