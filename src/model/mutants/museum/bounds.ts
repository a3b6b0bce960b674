/** Lengths and addresses that devices once did not check, or checked wrongly. */
import { SenseKey } from '../../../wire/scsi/sense.js';
import { Response } from '../../../wire/virtio-scsi.js';
import { type CommandResult, goodAfter } from '../../units/command-result.js';
import { Disk } from '../../units/disk.js';
import { Sense } from '../../units/sense.js';
import { blocksOf, firstRange, isSynchronize, isVerify, lbaOf } from '../blocks.js';
import { named, refusal } from '../command-shapes.js';
import { selecting } from '../mode-parameters.js';
import type { Mutant } from '../mutant.js';
import { PROOF_REQUEST_MUTANTS } from '../proofs-requests.js';
import { alike, exhibit } from './exhibit.js';

const isOutOfRange = ({ sense }: CommandResult): boolean => sense?.asc === Sense.LBA_OUT_OF_RANGE.asc;
/** Operation codes of the groups whose CDB length was not known: 011b, 110b and 111b. */
const OF_UNKNOWN_LENGTH = (opcode: number): boolean => [3, 6, 7].includes(opcode >> 5) && opcode !== 0x7f;
const PAGE_LENGTH_WRONG = Sense.INVALID_FIELD_IN_PARAMETER_LIST.asc;
/** PAGE LENGTH of the Control page. */
const CONTROL = { code: 0x0a, length: 0x0a };
const INQUIRY_DATA = 36;
const WRAPPING = 1n << 63n;

export const BOUNDS_EXHIBITS: readonly Mutant[] = [
  exhibit(
    'QSD-03-mode-select-short-page',
    'spc.mode-select.page-length',
    'MODE SELECT takes a page that says that it is shorter than it is.',
    () => ({
      result: (result, call) => {
        if (!selecting(call) || result.sense?.asc !== PAGE_LENGTH_WRONG) return result;
        const list = call.task.dataOut(Number(call.fields.parameter_list_length));
        const at = call.command.length === 6 ? 4 : 8;
        const short = list[at] === CONTROL.code && (list[at + 1] ?? CONTROL.length) < CONTROL.length;
        return short ? goodAfter(list.length) : result;
      },
    }),
  ),
  exhibit(
    'QSD-13-zero-length-at-edges',
    'sbc.transfer.zero-blocks',
    'READ and WRITE of no blocks at address 0 are out of range.',
    () => ({
      perform: refusal(
        (call) => /^(READ|WRITE)\(1/.test(call.command.name) && blocksOf(call) === 0 && lbaOf(call) === 0n,
        Sense.LBA_OUT_OF_RANGE,
      ),
    }),
  ),
  exhibit(
    'QSD-35-unknown-cdb-group',
    'sam.cdb.unknown-opcode',
    'A command of a group whose CDBs have no length is never answered.',
    () => ({ perform: ({ cdb }, run) => (OF_UNKNOWN_LENGTH(cdb[0] ?? 0) ? undefined : run()) }),
  ),
  exhibit(
    'LIO-02-unmap-range-overflow',
    'sbc.unmap.range',
    'UNMAP does not notice a range that runs through the highest address.',
    () => ({
      result: (result, call) =>
        named(call, 'UNMAP') && isOutOfRange(result) && firstRange(call)[0] >= WRAPPING
          ? goodAfter(call.task.dataOutLength)
          : result,
    }),
  ),
  exhibit(
    'SPS-05-error-status-beyond-end',
    'sbc.transfer.range',
    'A block that is not there is a failure of the hardware.',
    () => ({
      result: (result) =>
        isOutOfRange(result)
          ? { ...result, sense: { key: SenseKey['HARDWARE ERROR'], asc: 0x44, ascq: 0 } }
          : result,
    }),
  ),
  exhibit(
    'SPS-06-max-transfer-not-enforced',
    'sbc.transfer.maximum',
    'A transfer of more blocks than MAXIMUM TRANSFER LENGTH is never answered.',
    () => ({
      perform: (call, run) =>
        call.unit instanceof Disk &&
        /^(READ|WRITE)\(/.test(call.command.name) &&
        blocksOf(call) > call.unit.limits.transferBlocks
          ? undefined
          : run(),
    }),
  ),
  exhibit(
    'CRV-09-inquiry-allocation-length-panic',
    'spc.inquiry.truncated',
    'INQUIRY with room for fewer than 36 bytes is never answered.',
    () => ({
      perform: (call, run) =>
        named(call, 'INQUIRY') && call.fields.evpd === 0n && call.task.dataInLength < INQUIRY_DATA
          ? undefined
          : run(),
    }),
  ),
  exhibit(
    'OBV-02-request-length-trusted',
    'scsi.req.response-bad-target',
    'The answer for a missing target fills the whole buffer.',
    () => ({
      answer: (answer, { dataInLength }) =>
        answer.fields.response === Response.BAD_TARGET
          ? { ...answer, dataIn: new Uint8Array(dataInLength).fill(0xa5) }
          : answer,
    }),
  ),
  alike(
    'QEX-01-longer-buffer-over-transfers',
    'scsi.req.dataout-is-remainder',
    'WRITE writes as many blocks as its buffer holds, however few the CDB names.',
    PROOF_REQUEST_MUTANTS,
    'data-out.buffer-written',
  ),
  exhibit(
    'QEX-04-verify-and-sync-range',
    'sbc.verify.range',
    'VERIFY and SYNCHRONIZE CACHE do not look whether their blocks exist.',
    () => ({
      result: (result, call) =>
        (isVerify(call) || isSynchronize(call)) && isOutOfRange(result)
          ? goodAfter(call.task.dataOutLength)
          : result,
    }),
  ),
];
