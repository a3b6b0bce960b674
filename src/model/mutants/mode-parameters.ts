/** Deviations in MODE SENSE and MODE SELECT, and in what mode parameters bring about. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { type CommandResult, GOOD, goodWith } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import { Sense } from '../units/sense.js';
import { cdb, edited, ending, idle, named, refused, refusing } from './command-shapes.js';
import type { Mutant } from './mutant.js';

export const sensing = (call: CommandCall): boolean => named(call, 'MODE SENSE(6)', 'MODE SENSE(10)');
export const selecting = (call: CommandCall): boolean => named(call, 'MODE SELECT(6)', 'MODE SELECT(10)');
const ALL_PAGES = 0x3fn;

/** Where mode pages begin in mode parameter data. */
export function pagesAt(data: Uint8Array, { command }: CommandCall): number {
  return command.length === 6 ? 4 + (data[3] ?? 0) : 8 + (data[6] ?? 0) * 256 + (data[7] ?? 0);
}

/** Changes the mode page of this code, where the data have it whole. */
function editPage(
  result: CommandResult,
  call: CommandCall,
  code: number,
  edit: (page: Uint8Array) => void,
): CommandResult {
  if (!sensing(call)) return result;
  return edited(result, (data) => {
    for (let at = pagesAt(data, call); at + 1 < data.length; at += 2 + (data[at + 1] ?? 0))
      if (((data[at] ?? 0) & 0x3f) === code) {
        edit(data.subarray(at, at + 2 + (data[at + 1] ?? 0)));
        return;
      }
  });
}

export const MODE_PARAMETER_MUTANTS: readonly Mutant[] = [
  ending(
    'mode-sense.length-counts-itself',
    'MODE DATA LENGTH of MODE SENSE(10) counts itself.',
    (result, call) =>
      named(call, 'MODE SENSE(10)')
        ? edited(result, (data) => {
            if (data.length > 1) data[1] = (data[1] ?? 0) + 2;
          })
        : result,
  ),
  cdb('mode-sense.dbd-ignored', 'MODE SENSE(10) does not look at DBD.', (bytes, call) => {
    if (named(call, 'MODE SENSE(10)')) bytes[1] = (bytes[1] ?? 0) & ~0x08;
  }),
  ending(
    'mode-sense.page-twice',
    'The Caching page stands where the Control page belongs, too.',
    (result, call) =>
      editPage(result, call, 0x0a, (page) => {
        if (call.fields.page === ALL_PAGES) page[0] = 0x08;
      }),
  ),
  ending(
    'mode-sense.forms-differ',
    'WP is set in the header of MODE SENSE(10) and not in that of MODE SENSE(6).',
    (result, call) =>
      named(call, 'MODE SENSE(10)')
        ? edited(result, (data) => {
            if (data.length > 3) data[3] = (data[3] ?? 0) ^ 0x80;
          })
        : result,
  ),
  ending(
    'mode-sense.page-alone-differs',
    'A page that is asked for by its code has another last byte.',
    (result, call) =>
      sensing(call) && call.fields.page !== ALL_PAGES
        ? edited(result, (data) => {
            data[data.length - 1] = (data[data.length - 1] ?? 0) ^ 1;
          })
        : result,
  ),
  ending(
    'mode-sense.changeable-other-code',
    'Page controls other than that of current values return pages without codes.',
    (result, call) =>
      sensing(call) && (call.fields.pc === 1n || call.fields.pc === 2n)
        ? editPage(result, call, 0x08, (page) => {
            page[0] = 0x3e;
          })
        : result,
  ),
  ending('mode-sense.unknown-page-empty', 'A page that is not there is an empty answer.', (result, call) =>
    sensing(call) && refused(result)
      ? goodWith(Uint8Array.of(...(call.command.length === 6 ? [3, 0, 0, 0] : [0, 6, 0, 0, 0, 0, 0, 0])))
      : result,
  ),
  ending(
    'mode-sense.page-not-listed',
    'A page that does not come with all pages is there.',
    (result, call) =>
      sensing(call) && call.fields.page === 0x3en && refused(result)
        ? goodWith(
            Uint8Array.of(...(call.command.length === 6 ? [5, 0, 0, 0] : [0, 8, 0, 0, 0, 0, 0, 0]), 0x3e, 0),
          )
        : result,
  ),
  ending(
    'mode-sense.saved-invalid-field',
    'Saved values that cannot be had are an invalid field.',
    (result, call) =>
      sensing(call) && refused(result, Sense.SAVING_NOT_SUPPORTED.asc)
        ? { ...result, sense: Sense.INVALID_FIELD_IN_CDB }
        : result,
  ),
  ending('mode-sense.longlba-clear', 'LONGLBA is never set.', (result, call) =>
    named(call, 'MODE SENSE(10)')
      ? edited(result, (data) => {
          if (data.length > 4) data[4] = 0;
        })
      : result,
  ),
  ending(
    'mode-sense.descriptor-without-length',
    'The block descriptor does not tell the block length.',
    (result, call) =>
      sensing(call)
        ? edited(result, (data) => data.fill(0, pagesAt(data, call) - 3, pagesAt(data, call)))
        : result,
  ),
  ending('mode-page.caching-shorter', 'The Caching page says that it is one byte shorter.', (result, call) =>
    editPage(result, call, 0x08, (page) => {
      page[1] = 0x11;
    }),
  ),
  ending('mode-page.control-reserved', 'TST of the Control page is 7, and QERR 2.', (result, call) =>
    editPage(result, call, 0x0a, (page) => {
      page[2] = 0xe0;
      page[3] = 0x04;
    }),
  ),
  ending(
    'mode-page.control-modifier-reserved',
    'QUEUE ALGORITHM MODIFIER of the Control page is 3.',
    (result, call) =>
      editPage(result, call, 0x0a, (page) => {
        page[3] = 0x30;
      }),
  ),
  ending('mode-sense.wp-always', 'WP is set in every mode parameter header.', (result, call) =>
    sensing(call)
      ? edited(result, (data) => {
          const at = call.command.length === 6 ? 2 : 3;
          if (data.length > at) data[at] = (data[at] ?? 0) | 0x80;
        })
      : result,
  ),
  cdb('mode-sense.default-is-current', 'Page control 10b returns current values.', (bytes, call) => {
    if (sensing(call) && (bytes[2] ?? 0) >> 6 === 2) bytes[2] = (bytes[2] ?? 0) & 0x3f;
  }),
  idle('mode-select.nothing-done', 'MODE SELECT is GOOD and does nothing.', selecting),
  ending('mode-select.list-not-checked', 'MODE SELECT finds no mistake in a list.', (result, call) =>
    selecting(call) &&
    (refused(result, Sense.INVALID_FIELD_IN_PARAMETER_LIST.asc) ||
      refused(result, Sense.PARAMETER_LIST_LENGTH_ERROR.asc))
      ? { status: ScsiStatus.GOOD, taken: result.taken ?? 0 }
      : result,
  ),
  refusing(
    'mode-select.empty-refused',
    'MODE SELECT without a list is a wrong list length.',
    (call) => selecting(call) && call.fields.parameter_list_length === 0n,
    Sense.PARAMETER_LIST_LENGTH_ERROR,
  ),
  cdb('mode-select.sp-ignored', 'MODE SELECT does not look at SP.', (bytes, call) => {
    if (selecting(call)) bytes[1] = (bytes[1] ?? 0) & ~0x01;
  }),
  ending(
    'mode-select.pf-ignored',
    'MODE SELECT takes vendor formats for the standard one, and finds nothing wrong.',
    (result, call) =>
      selecting(call) && call.fields.pf === 0n
        ? { status: ScsiStatus.GOOD, taken: Number(call.fields.parameter_list_length) }
        : result,
  ),
  ending('sense.d-sense-ignored', 'Sense data are in fixed format whatever D_SENSE says.', (result) =>
    result.sense ? { ...result, descriptorSense: false } : result,
  ),
  ending('mode-select.swp-not-obeyed', 'SWP changes nothing about writing.', (result) =>
    refused(result, Sense.SOFTWARE_WRITE_PROTECTED.asc) ? GOOD : result,
  ),
  {
    id: 'mode-select.attention-for-itself',
    sentence: 'A change of mode parameters is a unit attention for the one that made it.',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      behaviours.result = (result, call) => {
        if (selecting(call) && result.status === ScsiStatus.GOOD)
          call.unit.raiseAttention(Sense.MODE_PARAMETERS_CHANGED);
        return result;
      };
    },
  },
  {
    id: 'sense.descriptor-length-off',
    sentence: 'Sense data in descriptor format say that they are one byte longer.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer) => {
        if (((answer.sense[0] ?? 0) & 0x7e) !== 0x72 || (answer.sense[7] ?? 0) === 0) return answer;
        const sense = answer.sense.slice();
        sense[7] = (sense[7] ?? 0) + 1;
        return { ...answer, sense };
      };
    },
  },
  ending('mode-sense.wp-never', 'WP is never set.', (result, call) =>
    sensing(call)
      ? edited(result, (data) => {
          const at = call.command.length === 6 ? 2 : 3;
          if (data.length > at) data[at] = (data[at] ?? 0) & 0x7f;
        })
      : result,
  ),
];
