/** REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT FUNCTIONS (SPC-5): what the command table knows of itself. */
import { goodWith } from '../command-result.js';
import {
  allocated,
  type CommandCall,
  type CommandEntry,
  type CommandTable,
  invalidNamed,
  type TableRow,
} from '../command-table.js';

const ReportingOptions = { ALL: 0n, OPCODE: 1n, OPCODE_AND_ACTION: 2n, EITHER: 3n } as const;
const TIMEOUTS_LENGTH = 12;
const CTDP_IN_LIST = 0x02;
const SERVACTV = 0x01;
const CTDP_OF_ONE = 0x80;
const NOT_SUPPORTED = 1;
const PER_STANDARD = 3;
/** ABORT TASK, ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET, QUERY TASK. */
const FUNCTIONS = 0x80 | 0x40 | 0x10 | 0x08 | 0x04;
/** QUERY TASK SET, I_T NEXUS RESET. */
const MORE_FUNCTIONS = 0x02 | 0x01;

/** A command timeouts descriptor in which no time is given. */
function timeouts(wanted: boolean): number[] {
  return wanted ? [0, TIMEOUTS_LENGTH - 2, ...new Array<number>(TIMEOUTS_LENGTH - 2).fill(0)] : [];
}

const be16 = (value: number): number[] => [value >> 8, value & 0xff];
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value & 0xffff)];

function listAll(rows: readonly TableRow[], rctd: boolean): Uint8Array {
  const sorted = [...rows].sort(
    ({ command: a }, { command: b }) =>
      a.opcode - b.opcode || (a.serviceAction?.value ?? 0) - (b.serviceAction?.value ?? 0),
  );
  const list = sorted.flatMap(({ command: { opcode, serviceAction, length } }) => [
    opcode,
    0,
    ...be16(serviceAction?.value ?? 0),
    0,
    (rctd ? CTDP_IN_LIST : 0) | (serviceAction ? SERVACTV : 0),
    ...be16(length),
    ...timeouts(rctd),
  ]);
  return Uint8Array.from([...be32(list.length), ...list]);
}

function describeOne(row: TableRow | undefined, rctd: boolean): Uint8Array {
  if (row === undefined) return Uint8Array.of(0, NOT_SUPPORTED, 0, 0);
  const { command } = row;
  const usage = [...row.usage];
  usage[0] = command.opcode;
  if (command.serviceAction) {
    const [byte, lastByte, bit, bits] = command.serviceAction.at;
    if (bits > 8) usage[byte] = command.serviceAction.value >> 8;
    usage[lastByte] =
      ((usage[lastByte] ?? 0) & ~(((1 << bits) - 1) << bit)) | ((command.serviceAction.value << bit) & 0xff);
  }
  const support = (rctd ? CTDP_OF_ONE : 0) | PER_STANDARD;
  return Uint8Array.from([0, support, ...be16(command.length), ...usage, ...timeouts(rctd)]);
}

function report(table: CommandTable, call: CommandCall): Uint8Array {
  const {
    reporting_options: option,
    requested_operation_code: opcode,
    requested_service_action: action,
  } = call.fields;
  const rctd = call.fields.rctd === 1n;
  if (option === ReportingOptions.ALL) return listAll(table.rows, rctd);
  if ((option ?? 0n) > ReportingOptions.EITHER) throw invalidNamed(call.command, 'reporting_options');
  const rows = table.withOpcode(Number(opcode));
  const withActions = rows.some(({ command }) => command.serviceAction !== undefined);
  if (option === ReportingOptions.OPCODE && withActions)
    throw invalidNamed(call.command, 'requested_operation_code');
  if (option === ReportingOptions.OPCODE_AND_ACTION && rows.length > 0 && !withActions)
    throw invalidNamed(call.command, 'requested_service_action');
  const row = withActions
    ? rows.find(({ command }) => command.serviceAction?.value === Number(action))
    : rows[0];
  // Without service actions the third option allows no other one than 0.
  const fits = withActions || option === ReportingOptions.OPCODE || action === 0n;
  return describeOne(fits ? row : undefined, rctd);
}

/** `table` is asked for when the command runs, since it holds these entries itself. */
export function reportSupported(table: () => CommandTable): CommandEntry[] {
  return [
    {
      name: 'REPORT SUPPORTED OPERATION CODES',
      accepts: [
        'rctd',
        'reporting_options',
        'requested_operation_code',
        'requested_service_action',
        'allocation_length',
      ],
      run: (call) => goodWith(allocated(call, report(table(), call))),
    },
    {
      name: 'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
      accepts: ['repd', 'allocation_length'],
      run: (call) => {
        const more = call.fields.repd === 1n ? 12 : 0;
        const data = Uint8Array.of(FUNCTIONS, MORE_FUNCTIONS, 0, more, ...new Array<number>(more).fill(0));
        return goodWith(allocated(call, data));
      },
    },
  ];
}
