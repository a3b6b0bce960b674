/** Commands of SPC and SBC as devices once carried them out. */
import { ScsiStatus } from '../../../wire/scsi/status.js';
import { Response } from '../../../wire/virtio-scsi.js';
import type { Task } from '../../scsi/task.js';
import { GOOD } from '../../units/command-result.js';
import type { CommandCall } from '../../units/command-table.js';
import { Sense } from '../../units/sense.js';
import { ADDRESSING_MUTANTS } from '../addressing.js';
import { isVerify, lbaOf } from '../blocks.js';
import { edited, named, refusal, rewriting } from '../command-shapes.js';
import { COMMAND_MUTANTS } from '../commands.js';
import { vital } from '../identity.js';
import { MODE_PARAMETER_MUTANTS, pagesAt, selecting, sensing } from '../mode-parameters.js';
import type { Mutant } from '../mutant.js';
import { alike, exhibit, unanswered } from './exhibit.js';

const FORMAT_UNIT = 'FORMAT UNIT';
const HEADER_6 = 4;
const DESCRIPTOR_LENGTH = 8;

/** Whether the buffers of a command are all of the direction that it does not have. */
function isWrongWay({ unit, cdb, dataInLength, dataOutLength }: Task): boolean {
  const direction = unit.rowOf(cdb)?.command.direction;
  if (direction === 'in') return dataInLength === 0 && dataOutLength > 0;
  return direction === 'out' && dataOutLength === 0 && dataInLength > 0;
}

const isMissing = ({ destination: { target, unit } }: CommandCall): boolean =>
  target !== undefined && unit === undefined;

export const COMMAND_EXHIBITS: readonly Mutant[] = [
  exhibit(
    'QSD-04-format-unit-never-ends',
    'sbc.format.good',
    'FORMAT UNIT with a parameter list never ends.',
    () => ({
      perform: (call, run) => (named(call, FORMAT_UNIT) && call.fields.fmtdata === 1n ? undefined : run()),
    }),
  ),
  alike(
    'QSD-14-capacity-over-2tb',
    'sbc.capacity.last-block',
    'READ CAPACITY(10) returns the number of blocks in place of the last one.',
    COMMAND_MUTANTS,
    'capacity-10.count',
  ),
  exhibit(
    'QSD-16-verify-treated-as-read',
    'sbc.verify.compare',
    'VERIFY with BYTCHK 01b is GOOD without having compared anything.',
    () => ({
      result: (result, call) =>
        isVerify(call) && call.fields.bytchk === 1n && result.sense?.asc === Sense.MISCOMPARE.asc
          ? { status: ScsiStatus.GOOD, taken: result.taken ?? 0 }
          : result,
    }),
  ),
  exhibit(
    'QSD-19-mode-data-length',
    'spc.mode-sense.header-6',
    'MODE DATA LENGTH of MODE SENSE(6) leaves out the whole header instead of itself.',
    () => ({
      result: (result, call) =>
        named(call, 'MODE SENSE(6)')
          ? edited(result, (data) => {
              data[0] = (data[0] ?? 0) - (HEADER_6 - 1);
            })
          : result,
    }),
  ),
  exhibit(
    'QSD-20-mode-sense-10-header',
    'spc.mode-sense.header-10',
    'MODE SENSE(10) returns the header of MODE SENSE(6).',
    () => ({
      result: (result, call) => {
        const { data } = result;
        if (!named(call, 'MODE SENSE(10)') || data === undefined || data.length < 8) return result;
        const short = Uint8Array.of(
          (data[1] ?? 0) - (8 - HEADER_6) + 1,
          data[2] ?? 0,
          data[3] ?? 0,
          data[7] ?? 0,
          ...data.subarray(8),
        );
        return { ...result, data: short };
      },
    }),
  ),
  exhibit(
    'QSD-21-mode-sense-page-control',
    'spc.mode-sense.saved-unsupported',
    'MODE SENSE does not look at PC.',
    () => ({
      perform: rewriting((bytes, call) => {
        if (sensing(call)) bytes[2] = (bytes[2] ?? 0) & 0x3f;
      }),
    }),
    'acts',
  ),
  alike(
    'QSD-22-mode-sense-unknown-page-good',
    'spc.mode-sense.unsupported-page',
    'MODE SENSE of a page that is not there is GOOD with a header alone.',
    MODE_PARAMETER_MUTANTS,
    'mode-sense.unknown-page-empty',
  ),
  exhibit(
    'QSD-23-dbd-never-honoured',
    'spc.mode-sense.dbd',
    'MODE SENSE does not look at DBD.',
    () => ({
      perform: rewriting((bytes, call) => {
        if (sensing(call)) bytes[1] = (bytes[1] ?? 0) & ~0x08;
      }),
    }),
    'acts',
  ),
  exhibit(
    'QSD-24-block-descriptor-count',
    'spc.mode-sense.block-descriptor',
    'The block descriptor has the last address in place of the number of blocks.',
    () => ({
      result: (result, call) =>
        sensing(call)
          ? edited(result, (data) => {
              const at = pagesAt(data, call) - DESCRIPTOR_LENGTH;
              if (at < HEADER_6 || at + DESCRIPTOR_LENGTH > data.length) return;
              const view = new DataView(data.buffer, data.byteOffset + at);
              view.setUint32(0, view.getUint32(0) - 1);
            })
          : result,
    }),
  ),
  alike(
    'QSD-27-inquiry-nul-padding',
    'spc.inquiry.texts-padded',
    'Texts of standard INQUIRY data are filled up with zeros.',
    COMMAND_MUTANTS,
    'inquiry.nul-padding',
  ),
  exhibit(
    'QSD-32-missing-lun-inquiry',
    'sam.lun.incorrect-inquiry',
    'INQUIRY and REQUEST SENSE of a missing unit end with CHECK CONDITION.',
    () => ({
      perform: refusal(
        (call) => isMissing(call) && named(call, 'INQUIRY', 'REQUEST SENSE'),
        Sense.UNIT_NOT_SUPPORTED,
      ),
    }),
  ),
  exhibit(
    'QSD-37-direction-wrong',
    'scsi.req.response-overrun',
    'A command with a buffer of the other direction is GOOD, and moves nothing.',
    () => ({
      overrun: (short, task) => short && !isWrongWay(task),
      perform: ({ task }, run) => (isWrongWay(task) ? GOOD : run()),
    }),
  ),
  exhibit(
    'SPV-01-missing-lun',
    'scsi.req.response-bad-target',
    'Commands to a missing target are never answered.',
    unanswered(({ fields }) => fields.response === Response.BAD_TARGET),
  ),
  exhibit(
    'SPS-04-zero-length-rw',
    'sbc.transfer.zero-blocks',
    'READ(10) and WRITE(10) of no blocks are an invalid field.',
    () => ({
      perform: refusal(
        (call) => named(call, 'READ(10)', 'WRITE(10)') && call.fields.blocks === 0n,
        Sense.INVALID_FIELD_IN_CDB,
      ),
    }),
  ),
  exhibit(
    'SPS-08-vpd-page-code-wiped',
    'spc.vpd.header',
    'The first four bytes of VPD page 86h are zeros.',
    () => ({
      result: (result, call) => (vital(call, 0x86n) ? edited(result, (data) => data.fill(0, 0, 4)) : result),
    }),
  ),
  alike(
    'SPS-10-mode-select-always-good',
    'spc.mode-select.unknown-page',
    'MODE SELECT is GOOD whatever it is sent.',
    COMMAND_MUTANTS,
    'mode.select-always-good',
  ),
  exhibit(
    'CRV-06-read-capacity-obsolete-bits',
    'sbc.capacity.last-block',
    'READ CAPACITY(10) is refused unless the obsolete address in it has a certain value, which zero is not.',
    () => ({
      perform: refusal(
        (call) => named(call, 'READ CAPACITY(10)') && call.unit.blockSize > 0 && lbaOf(call) !== 1n,
        Sense.INVALID_FIELD_IN_CDB,
      ),
    }),
  ),
  alike(
    'CRV-08-phantom-luns',
    'scsi.req.lun-target-format',
    'Every unit number of a target reaches unit 0.',
    ADDRESSING_MUTANTS,
    'lun.phantom-units',
  ),
  exhibit(
    'CRV-10-mode-select-never-accepted',
    'spc.mode-select.changes',
    'MODE SELECT compares the header of its list with that of MODE SENSE, and so refuses every list.',
    () => ({
      perform: refusal(
        (call) => selecting(call) && call.fields.parameter_list_length !== 0n,
        Sense.INVALID_FIELD_IN_PARAMETER_LIST,
      ),
    }),
  ),
  exhibit(
    'VBX-05-read-capacity-16-block-size',
    'sbc.capacity.forms-agree',
    'READ CAPACITY(16) tells blocks of 512 bytes whatever they have.',
    () => ({
      result: (result, call) =>
        named(call, 'READ CAPACITY(16)')
          ? edited(result, (data) => {
              if (data.length >= 12) new DataView(data.buffer, data.byteOffset).setUint32(8, 512);
            })
          : result,
    }),
  ),
  exhibit(
    'OBV-01-unknown-opcode-unanswered',
    'sam.cdb.unknown-opcode',
    'A command that the unit does not know comes back with nothing written.',
    () => {
      let untouched = false;
      return {
        perform: ({ command }, run) => {
          untouched = command.name === 'unknown';
          return run();
        },
        answer: (answer, task) => {
          if (!untouched) return answer;
          untouched = false;
          return { ...answer, unwritten: [[0, task.origin.chain.writableLength]] };
        },
      };
    },
  ),
  exhibit(
    'OBV-04-report-luns-echo',
    'spc.report-luns.list',
    'REPORT LUNS lists the lun field of its own request.',
    () => ({
      result: (result, call) =>
        named(call, 'REPORT LUNS') && (result.data?.length ?? 0) >= 16
          ? edited(result, (data) => data.set(call.task.lun, 8))
          : result,
    }),
  ),
  alike(
    'OBV-07-inquiry-evpd-ignored',
    'spc.vpd.header',
    'INQUIRY returns standard data whatever EVPD says.',
    COMMAND_MUTANTS,
    'inquiry.evpd-ignored',
  ),
  alike(
    'QEX-11-report-luns-wlun-missing',
    'scsi.req.report-luns-wlun-implemented',
    'The REPORT LUNS well-known unit does not exist.',
    ADDRESSING_MUTANTS,
    'lun.no-report-luns-well-known-unit',
  ),
];
