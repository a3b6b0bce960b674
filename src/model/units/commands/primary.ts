/** TEST UNIT READY, REQUEST SENSE and REPORT LUNS (SPC-5). */
import { GOOD, goodWith } from '../command-result.js';
import { allocated, type CommandEntry, invalidNamed } from '../command-table.js';
import { encodeSense, Sense, type SenseInfo } from '../sense.js';

export function testUnitReady(): CommandEntry {
  return { name: 'TEST UNIT READY', accepts: [], needsMedium: true, run: () => GOOD };
}

/** REQUEST SENSE: a pending unit attention becomes data and is thereby reported. `otherwise` is sent when none is. */
export function requestSense(otherwise: SenseInfo = Sense.NO_SENSE): CommandEntry {
  return {
    name: 'REQUEST SENSE',
    accepts: ['desc', 'allocation_length'],
    run: (call) => {
      const sense = call.unit.takeAttention() ?? otherwise;
      return goodWith(allocated(call, encodeSense(sense, call.fields.desc === 1n)));
    },
  };
}

/** Codes of SELECT REPORT. */
const SelectReport = { UNITS: 0, WELL_KNOWN: 1, ALL: 2 } as const;
const WELL_KNOWN_LUN = Uint8Array.of(0xc1, 0x01, 0, 0, 0, 0, 0, 0);

/** The 8-byte LUN of a unit: peripheral addressing below 256, flat space addressing from there (SAM-6). */
export function samLun(number: number): Uint8Array {
  const first = number < 256 ? 0 : 0x40 | (number >> 8);
  return Uint8Array.of(first, number & 0xff, 0, 0, 0, 0, 0, 0);
}

/** `list` gives the LUNs of ordinary units in the order in which they are reported. */
export function reportLuns(list: () => readonly Uint8Array[]): CommandEntry {
  return {
    name: 'REPORT LUNS',
    accepts: ['select_report', 'allocation_length'],
    run: (call) => {
      const select = Number(call.fields.select_report);
      const luns: Uint8Array[] = [];
      if (select === SelectReport.UNITS || select === SelectReport.ALL) luns.push(...list());
      if (select === SelectReport.WELL_KNOWN || select === SelectReport.ALL) luns.push(WELL_KNOWN_LUN);
      if (select > SelectReport.ALL) throw invalidNamed(call.command, 'select_report');
      call.unit.dropAttention(Sense.REPORTED_LUNS_CHANGED);
      const data = new Uint8Array(8 + 8 * luns.length);
      new DataView(data.buffer).setUint32(0, 8 * luns.length);
      for (const [at, lun] of luns.entries()) data.set(lun, 8 + 8 * at);
      return goodWith(allocated(call, data));
    },
  };
}
