/** Deviations in what a unit says that it supports. */
import { type CommandResult, goodWith } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import { Sense } from '../units/sense.js';
import { cdb, edited, ending, named, refused, refusing } from './command-shapes.js';
import type { Mutant } from './mutant.js';

const RSOC = 'REPORT SUPPORTED OPERATION CODES';
const RSTMF = 'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS';
const listing = (call: CommandCall): boolean => named(call, RSOC) && call.fields.reporting_options === 0n;
const asking = (call: CommandCall): boolean => named(call, RSOC) && call.fields.reporting_options !== 0n;

/** Changes every descriptor of the list of all commands. */
function editDescriptors(
  result: CommandResult,
  call: CommandCall,
  edit: (one: Uint8Array) => void,
): CommandResult {
  if (!listing(call)) return result;
  const size = call.fields.rctd === 1n ? 20 : 8;
  return edited(result, (data) => {
    for (let at = 4; at + size <= data.length; at += size) edit(data.subarray(at, at + size));
  });
}

export const SUPPORTED_COMMAND_MUTANTS: readonly Mutant[] = [
  ending('rsoc.ctdp-clear', 'CTDP is zero beside timeouts descriptors.', (result, call) =>
    editDescriptors(result, call, (one) => {
      one[5] = (one[5] ?? 0) & ~0x02;
    }),
  ),
  ending('rsoc.servactv-clear', 'SERVACTV is zero beside service actions.', (result, call) =>
    editDescriptors(result, call, (one) => {
      one[5] = (one[5] ?? 0) & ~0x01;
    }),
  ),
  ending('rsoc.cdb-length-16', 'The length of every CDB is 16.', (result, call) =>
    editDescriptors(result, call, (one) => {
      one[7] = 16;
    }),
  ),
  ending('rsoc.usage-without-opcode', 'CDB usage data begin with FFh.', (result, call) =>
    asking(call)
      ? edited(result, (data) => {
          if (data.length > 4) data[4] = 0xff;
        })
      : result,
  ),
  ending('rsoc.usage-other-service-action', 'CDB usage data hold service action 00h.', (result, call) =>
    asking(call) && call.fields.reporting_options === 2n
      ? edited(result, (data) => {
          if (data.length > 5) data[5] = (data[5] ?? 0) & ~0x1f;
        })
      : result,
  ),
  ending(
    'rsoc.form-not-checked',
    'The wrong form of a question is answered "not supported".',
    (result, call) =>
      asking(call) && (call.fields.reporting_options ?? 0n) < 3n && refused(result)
        ? goodWith(Uint8Array.of(0, 1, 0, 0))
        : result,
  ),
  ending('rsoc.all-supported', 'Every command is told as supported.', (result, call) =>
    asking(call)
      ? edited(result, (data) => {
          if (data.length > 1) data[1] = (data[1] ?? 0) | 0x03;
        })
      : result,
  ),
  ending('rsoc.none-supported', 'Every command is told as not supported.', (result, call) =>
    asking(call) && call.fields.allocation_length !== 64n
      ? edited(result, (data) => {
          if (data.length > 1) data[1] = 1;
        })
      : result,
  ),
  ending('rsoc.mandatory-missing', 'TEST UNIT READY is told as not supported.', (result, call) =>
    asking(call) && call.fields.requested_operation_code === 0n
      ? edited(result, (data) => {
          if (data.length > 1) data[1] = 1;
        })
      : result,
  ),
  cdb('rsoc.option-folded', 'Of REPORTING OPTIONS the highest bit is not looked at.', (bytes, call) => {
    if (named(call, RSOC)) bytes[2] = (bytes[2] ?? 0) & ~0x04;
  }),
  ending('rsoc.length-follows', 'COMMAND DATA LENGTH is that of what is returned.', (result, call) =>
    listing(call)
      ? edited(result, (data) => {
          if (data.length >= 4) new DataView(data.buffer, data.byteOffset).setUint32(0, data.length - 4);
        })
      : result,
  ),
  refusing(
    'mandatory.read-10-unknown',
    'READ(10) of no blocks is an unknown operation code.',
    (call) => named(call, 'READ(10)') && call.fields.blocks === 0n,
    Sense.INVALID_OPCODE,
  ),
  ending('rstmf.repd-ignored', 'REPD is not looked at.', (result, call) =>
    named(call, RSTMF) ? { ...result, data: result.data?.subarray(0, 4) ?? new Uint8Array(0) } : result,
  ),
  ending('rstmf.no-lun-reset', 'LOGICAL UNIT RESET is not among the functions.', (result, call) =>
    named(call, RSTMF)
      ? edited(result, (data) => {
          data[0] = (data[0] ?? 0) & ~0x08;
        })
      : result,
  ),
  {
    id: 'rstmf.functions-rejected',
    sentence: 'Every task management function is rejected.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.manage = () => 4;
    },
  },
];
