/** Deviations in the commands of SPC that are not about single blocks: mode parameters, logs, reports, media. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import type { Behaviours } from '../behaviours.js';
import { Cdrom } from '../units/cdrom.js';
import { type CommandResult, GOOD, goodWith } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import { Sense } from '../units/sense.js';
import { cdb, edited, ending, good, named, refusing } from './command-shapes.js';
import type { Mutant } from './mutant.js';

const INVALID_FIELD = Sense.INVALID_FIELD_IN_CDB.asc;
const refused = ({ sense }: CommandResult, asc = INVALID_FIELD): boolean => sense?.asc === asc;

/** Commands that are answered GOOD without having done anything. */
function idle(id: string, sentence: string, applies: (call: CommandCall) => boolean): Mutant {
  return {
    id,
    sentence,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.perform = (call, run) =>
        applies(call) ? { ...GOOD, taken: Number(call.fields.parameter_list_length ?? 0n) } : run();
    },
  };
}

// ---- mode parameters

const sensing = (call: CommandCall): boolean => named(call, 'MODE SENSE(6)', 'MODE SENSE(10)');
const selecting = (call: CommandCall): boolean => named(call, 'MODE SELECT(6)', 'MODE SELECT(10)');
const ALL_PAGES = 0x3fn;

/** Where mode pages begin in mode parameter data. */
function pagesAt(data: Uint8Array, { command }: CommandCall): number {
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

const MODE: readonly Mutant[] = [
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
];

const SENSE: readonly Mutant[] = [
  ending(
    'sense.list-pointer-in-cdb',
    'The field pointer of an error of a parameter list says that it points into the CDB.',
    (result) =>
      refused(result, Sense.INVALID_FIELD_IN_PARAMETER_LIST.asc) && result.sense?.pointer
        ? { ...result, sense: { ...result.sense, pointer: { ...result.sense.pointer, inCdb: true } } }
        : result,
  ),
  ending(
    'request-sense.attention-as-error',
    'A unit attention that REQUEST SENSE returns as data is an ABORTED COMMAND.',
    (result, call) =>
      named(call, 'REQUEST SENSE')
        ? edited(result, (data) => {
            if (((data[2] ?? 0) & 0x0f) === 0x06) data[2] = 0x0b;
          })
        : result,
  ),
];

// ---- log pages, diagnostics, buffers

const page = (call: CommandCall, name: string): bigint | undefined =>
  named(call, name) ? call.fields.page : undefined;

const FACILITIES: readonly Mutant[] = [
  ending(
    'log-sense.list-reversed',
    'The supported log pages are listed in descending order.',
    (result, call) =>
      page(call, 'LOG SENSE') === 0n ? edited(result, (data) => data.subarray(4).reverse()) : result,
  ),
  ending('log-sense.page-without-code', 'Log pages have the code 00h.', (result, call) =>
    named(call, 'LOG SENSE')
      ? edited(result, (data) => {
          data[0] = 0;
        })
      : result,
  ),
  ending(
    'log-sense.parameter-too-long',
    'The first log parameter is longer than its page.',
    (result, call) =>
      (page(call, 'LOG SENSE') ?? 0n) > 0n
        ? edited(result, (data) => {
            if (data.length > 7) data[7] = 0xf0;
          })
        : result,
  ),
  refusing(
    'log-sense.short-refused',
    'LOG SENSE with an allocation length below 4 is refused.',
    (call) => named(call, 'LOG SENSE') && (call.fields.allocation_length ?? 0n) < 4n,
  ),
  ending('log-sense.unknown-page-empty', 'A log page that is not there is empty.', (result, call) =>
    named(call, 'LOG SENSE') && call.fields.sp === 0n && refused(result)
      ? goodWith(Uint8Array.of(Number(call.fields.page), 0, 0, 0))
      : result,
  ),
  {
    id: 'log-sense.sp-ignored',
    sentence: 'LOG SENSE does not look at SP, and DS says that no page can be saved.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.perform = (call, run) => {
        if (!named(call, 'LOG SENSE')) return run();
        call.cdb[1] = (call.cdb[1] ?? 0) & ~0x01;
        return edited(run(), (data) => {
          data[0] = (data[0] ?? 0) | 0x80;
        });
      };
    },
  },
  refusing('send-diagnostic.self-test-fails', 'The default self-test is refused.', (call) =>
    named(call, 'SEND DIAGNOSTIC'),
  ),
  cdb('send-diagnostic.code-ignored', 'SELF-TEST CODE is not looked at.', (bytes, call) => {
    if (named(call, 'SEND DIAGNOSTIC')) bytes[1] = (bytes[1] ?? 0) & 0x1f;
  }),
  ending('receive-diagnostic.not-itself', 'Diagnostic page 00h lists page 01h alone.', (result, call) =>
    page(call, 'RECEIVE DIAGNOSTIC RESULTS') === 0n
      ? edited(result, (data) => {
          if (data.length > 4) data[4] = 1;
        })
      : result,
  ),
  ending('receive-diagnostic.any-page', 'Every diagnostic page is there, and empty.', (result, call) =>
    named(call, 'RECEIVE DIAGNOSTIC RESULTS') && refused(result)
      ? goodWith(Uint8Array.of(Number(call.fields.page), 0, 0, 0))
      : result,
  ),
  ending('read-buffer.descriptor-long', 'The descriptor of a buffer has eight bytes.', (result, call) =>
    named(call, 'READ BUFFER(10)') && call.fields.mode === 3n && (result.data?.length ?? 0) === 4
      ? {
          ...result,
          data: Uint8Array.of(...(result.data ?? []), 0, 0, 0, 0).subarray(
            0,
            Number(call.fields.allocation_length),
          ),
        }
      : result,
  ),
  idle(
    'write-buffer.forgotten',
    'WRITE BUFFER is GOOD and writes nothing.',
    (call) => named(call, 'WRITE BUFFER') && call.fields.mode !== 0n && (call.fields.mode ?? 0n) < 0x10n,
  ),
  cdb('write-buffer.offset-ignored', 'WRITE BUFFER does not look at BUFFER OFFSET.', (bytes, call) => {
    if (named(call, 'WRITE BUFFER')) bytes.fill(0, 3, 6);
  }),
  cdb('read-buffer.offset-ignored', 'READ BUFFER does not look at BUFFER OFFSET.', (bytes, call) => {
    if (named(call, 'READ BUFFER(10)')) bytes.fill(0, 3, 6);
  }),
  cdb('read-buffer.mode-folded', 'Of MODE only the two lowest bits are looked at.', (bytes, call) => {
    if (named(call, 'READ BUFFER(10)', 'WRITE BUFFER') && ((bytes[1] ?? 0) & 0x10) !== 0)
      bytes[1] = (bytes[1] ?? 0) & 0x03;
  }),
  ending('timestamp.origin-reserved', 'TIMESTAMP ORIGIN is 1.', (result, call) =>
    named(call, 'REPORT TIMESTAMP')
      ? edited(result, (data) => {
          if (data.length > 2) data[2] = 1;
        })
      : result,
  ),
  {
    id: 'timestamp.stands-still',
    sentence: 'The timestamp is the one that was first reported.',
    source: 'layout',
    apply: (behaviours) => {
      let first: Uint8Array | undefined;
      behaviours.result = (result, call) => {
        if (named(call, 'SET TIMESTAMP')) first = undefined;
        if (!named(call, 'REPORT TIMESTAMP') || !good(result)) return result;
        first ??= result.data;
        return first ? { ...result, data: first } : result;
      };
    },
  },
  idle('timestamp.set-ignored', 'SET TIMESTAMP is GOOD and sets nothing.', (call) =>
    named(call, 'SET TIMESTAMP'),
  ),
];

// ---- what a unit says that it supports

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

const REPORTS: readonly Mutant[] = [
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

// ---- media, starting and stopping, reservations

const PREVENT = 'PREVENT ALLOW MEDIUM REMOVAL';
const STARTS = ['START STOP UNIT', 'START STOP UNIT (MMC)'];
const ejecting = (call: CommandCall): boolean =>
  named(call, ...STARTS) && call.fields.loej === 1n && call.fields.start === 0n;
const CONFLICT: CommandResult = { status: ScsiStatus['RESERVATION CONFLICT'] };
const isEmpty = (unit: LogicalUnit): boolean => unit instanceof Cdrom && unit.medium === undefined;

const MEDIA: readonly Mutant[] = [
  idle('prevent.not-obeyed', 'PREVENT ALLOW MEDIUM REMOVAL is GOOD and prevents nothing.', (call) =>
    named(call, PREVENT),
  ),
  {
    id: 'prevent.outlives-reset',
    sentence: 'Only PREVENT ALLOW MEDIUM REMOVAL ends a prevention.',
    source: 'layout',
    apply: (behaviours) => {
      const prevented = new Map<string, boolean>();
      behaviours.perform = (call, run) => {
        const key = JSON.stringify(call.destination, (name, value) => (name === 'unit' ? undefined : value));
        if (named(call, PREVENT)) prevented.set(key, call.fields.prevent === 1n);
        if (ejecting(call) && call.fields.power_conditions === 0n && prevented.get(key))
          return { status: ScsiStatus['CHECK CONDITION'], sense: Sense.MEDIUM_REMOVAL_PREVENTED };
        return run();
      };
    },
  },
  ending('no-medium.capacity-told', 'READ CAPACITY(10) without a medium returns zeros.', (result, call) =>
    named(call, 'READ CAPACITY(10)') && isEmpty(call.unit) ? goodWith(new Uint8Array(8)) : result,
  ),
  refusing(
    'no-medium.prevent-refused',
    'PREVENT ALLOW MEDIUM REMOVAL needs a medium.',
    (call) => named(call, PREVENT) && isEmpty(call.unit),
    Sense.NO_MEDIUM_TRAY_OPEN,
  ),
  cdb('start-stop.power-condition-ignored', 'POWER CONDITION is not looked at.', (bytes, call) => {
    if (named(call, ...STARTS)) bytes[4] = (bytes[4] ?? 0) & 0x0f;
  }),
  cdb('start-stop.stop-ejects', 'A drive ejects its medium whenever it is stopped.', (bytes, call) => {
    if (named(call, 'START STOP UNIT (MMC)') && ((bytes[4] ?? 0) & 0xf1) === 0) bytes[4] = 0x02;
  }),
  ending('inquiry.rmb-clear', 'No unit says that its medium can be removed.', (result, call) =>
    named(call, 'INQUIRY') && call.fields.evpd === 0n
      ? edited(result, (data) => {
          if (data.length > 1) data[1] = 0;
        })
      : result,
  ),
  cdb('event-status.asynchronous', 'Events are told without POLLED.', (bytes, call) => {
    if (named(call, 'GET EVENT STATUS NOTIFICATION')) bytes[1] = (bytes[1] ?? 0) | 1;
  }),
  refusing('prevent.disk-refused', 'A disk refuses PREVENT ALLOW MEDIUM REMOVAL.', (call) =>
    named(call, PREVENT),
  ),
  ending(
    'prevent.obsolete-unknown',
    'Obsolete PREVENT values are an unknown operation code.',
    (result, call) =>
      named(call, PREVENT) && refused(result) ? { ...result, sense: Sense.INVALID_OPCODE } : result,
  ),
  refusing(
    'start-stop.start-refused',
    'A unit that is ready refuses to be started.',
    (call) => named(call, 'START STOP UNIT') && call.fields.start === 1n,
  ),
  ending('start-stop.other-reason', 'A stopped unit says that it is becoming ready.', (result) =>
    refused(result, Sense.NOT_READY_STOPPED.asc) && result.sense
      ? { ...result, sense: { ...result.sense, ascq: 0x01 } }
      : result,
  ),
  refusing(
    'start-stop.fixed-ejects',
    'A disk whose medium stays says that it has none when it is told to eject it.',
    (call) => named(call, 'START STOP UNIT') && ejecting(call),
    Sense.NO_MEDIUM_TRAY_OPEN,
  ),
  ending('reserve.conflict-with-itself', 'RELEASE(6) conflicts with its own reservation.', (result, call) =>
    named(call, 'RELEASE(6)') ? CONFLICT : result,
  ),
  cdb('reserve.extents-ignored', 'RESERVE(6) does not look at its extents bit.', (bytes, call) => {
    if (named(call, 'RESERVE(6)')) bytes[1] = 0;
  }),
];

// ---- many at once

/** The twelfth access in a row of a kind, by commands of one name, goes to the next block. */
function twelfth(access: 'read' | 'write'): Mutant {
  return {
    id: `medium.twelfth-${access}-elsewhere`,
    sentence: `The twelfth ${access} in a row is of the block behind the one that it names.`,
    source: 'layout',
    apply: (behaviours) => {
      let row = 0;
      behaviours.perform = (call, run) => {
        if (!named(call, ...['10', '16'].map((size) => `${access.toUpperCase()}(${size})`))) row = 0;
        return run();
      };
      behaviours.mediumBlock = (lba, by) => (by === access && ++row % 12 === 0 ? lba + 1n : lba);
    },
  };
}

// ---- identity

const standard = (call: CommandCall): boolean => named(call, 'INQUIRY') && call.fields.evpd === 0n;
const vital = (call: CommandCall, code: bigint): boolean =>
  named(call, 'INQUIRY') && call.fields.evpd === 1n && call.fields.page === code;

/** Sets a byte of data that reach so far. */
function byte(
  id: string,
  sentence: string,
  applies: (call: CommandCall) => boolean,
  at: number,
  value: (old: number) => number,
): Mutant {
  return ending(id, sentence, (result, call) =>
    applies(call)
      ? edited(result, (data) => {
          if (data.length > at) data[at] = value(data[at] ?? 0);
        })
      : result,
  );
}

const IDENTITY: readonly Mutant[] = [
  byte('inquiry.response-format-1', 'RESPONSE DATA FORMAT is 1.', standard, 3, (old) => (old & 0xf0) | 1),
  byte('inquiry.version-unassigned', 'VERSION is 7Fh.', standard, 2, () => 0x7f),
  byte('inquiry.aerc', 'AERC is set.', standard, 3, (old) => old | 0x80),
  byte('inquiry.versions-gap', 'The second version descriptor is empty.', standard, 61, () => 0),
  ending('inquiry.versions-of-tapes', 'Version descriptors name SSC and nothing else.', (result, call) =>
    standard(call)
      ? edited(result, (data) => {
          if (data.length < 74) return;
          data.fill(0, 58);
          data.set([0x02, 0x00], 58);
        })
      : result,
  ),
  {
    id: 'inquiry.low-length-byte',
    sentence: 'Of the allocation length of INQUIRY only the low byte counts from 256 on.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.result = (result, call) => {
        const length = Number(call.fields.allocation_length ?? 0n);
        return named(call, 'INQUIRY') && length > 255 && length < 600 && good(result)
          ? { ...result, data: result.data?.subarray(0, length & 0xff) ?? new Uint8Array(0) }
          : result;
      };
    },
  },
  ending(
    'vpd.one-byte-short',
    'A page that fits just into the allocation length lacks its last byte.',
    (result, call) =>
      named(call, 'INQUIRY') &&
      call.fields.evpd === 1n &&
      good(result) &&
      result.data?.length === Number(call.fields.allocation_length) &&
      result.data.length > 8
        ? { ...result, data: result.data.subarray(0, -1) }
        : result,
  ),
  ending(
    'vpd.naa-of-nine',
    'The NAA designator is one byte longer, and the page with it.',
    (result, call) => {
      const { data } = result;
      if (!vital(call, 0x83n) || !good(result) || data === undefined || data.length < 12) return result;
      // It is the second designator.
      const at = 4 + 4 + (data[7] ?? 0);
      const end = at + 4 + (data[at + 3] ?? 0);
      if (end > data.length) return result;
      const out = Uint8Array.of(...data.subarray(0, end), 0, ...data.subarray(end));
      out[3] = (out[3] ?? 0) + 1;
      out[at + 3] = (out[at + 3] ?? 0) + 1;
      return { ...result, data: out };
    },
  ),
  byte(
    'vpd.vendor-binary',
    'The T10 vendor designator is binary.',
    (call) => vital(call, 0x83n),
    4,
    () => 1,
  ),
  ending('vpd.ports-only', 'All designators are of target ports.', (result, call) => {
    if (!vital(call, 0x83n)) return result;
    return edited(result, (data) => {
      for (let at = 4; at + 3 < data.length; at += 4 + (data[at + 3] ?? 0))
        data[at + 1] = (data[at + 1] ?? 0) | 0x10;
    });
  }),
  byte(
    'vpd.extended-short',
    'Extended INQUIRY Data say that they have 3Bh bytes.',
    (call) => vital(call, 0x86n),
    3,
    () => 0x3b,
  ),
  byte(
    'vpd.rotation-reserved',
    'MEDIUM ROTATION RATE is 2.',
    (call) => vital(call, 0xb1n),
    5,
    () => 2,
  ),
  byte(
    'vpd.form-factor-reserved',
    'NOMINAL FORM FACTOR is 0Fh.',
    (call) => vital(call, 0xb1n),
    7,
    () => 0x0f,
  ),
  ending('vpd.unmap-without-limit', 'MAXIMUM UNMAP LBA COUNT is 0 beside LBPU.', (result, call) =>
    vital(call, 0xb0n) ? edited(result, (data) => data.fill(0, 20, 24)) : result,
  ),
  ending(
    'vpd.best-beyond-most',
    'OPTIMAL TRANSFER LENGTH is above MAXIMUM TRANSFER LENGTH.',
    (result, call) => (vital(call, 0xb0n) ? edited(result, (data) => data.fill(0xff, 12, 16)) : result),
  ),
  byte(
    'capacity-16.protected-unannounced',
    'PROT_EN is set on every unit.',
    (call) => named(call, 'READ CAPACITY(16)'),
    12,
    (old) => old | 1,
  ),
  byte(
    'request-sense.key-kept',
    'REQUEST SENSE returns ABORTED COMMAND when nothing is wrong.',
    (call) => named(call, 'REQUEST SENSE'),
    2,
    (old) => old | 0x0b,
  ),
  byte(
    'persistent-in.generation-high',
    'The generation of READ KEYS depends on the allocation length.',
    (call) => named(call, 'PERSISTENT RESERVE IN / READ KEYS') && call.fields.allocation_length !== 4096n,
    0,
    () => 1,
  ),
  byte(
    'persistent-in.capabilities-long',
    'REPORT CAPABILITIES says that it has nine bytes.',
    (call) => named(call, 'PERSISTENT RESERVE IN / REPORT CAPABILITIES'),
    1,
    () => 9,
  ),
  ending('mode-sense.wp-never', 'WP is never set.', (result, call) =>
    sensing(call)
      ? edited(result, (data) => {
          const at = call.command.length === 6 ? 2 : 3;
          if (data.length > at) data[at] = (data[at] ?? 0) & 0x7f;
        })
      : result,
  ),
];

export const PRIMARY_COMMAND_MUTANTS: readonly Mutant[] = [
  twelfth('read'),
  twelfth('write'),
  ...SENSE,
  ...IDENTITY,
  ...MODE,
  ...FACILITIES,
  ...REPORTS,
  ...MEDIA,
];
