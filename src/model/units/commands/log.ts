/** LOG SENSE (SPC-5, "Log parameters"): the pages that there are, temperature, and informational exceptions. */
import { type CommandResult, goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';

const SUPPORTED_PAGES = 0x00;
/** DU 0, and FORMAT AND LINKING 11b: a binary list. */
const BINARY_LIST = 0x03;
/** No temperature is known. */
const UNKNOWN_TEMPERATURE = 0xff;

function parameter(code: number, value: readonly number[]): number[] {
  return [code >> 8, code & 0xff, BINARY_LIST, value.length, ...value];
}

/** Log parameters by the codes of their pages. */
const PAGES: ReadonlyMap<number, readonly number[]> = new Map([
  // Temperature, and the reference temperature.
  [0x0d, [...parameter(0, [0, UNKNOWN_TEMPERATURE]), ...parameter(1, [0, UNKNOWN_TEMPERATURE])]],
  // No exception, as an additional sense code and its qualifier, and the most recent temperature.
  [0x2f, parameter(0, [0, 0, UNKNOWN_TEMPERATURE])],
]);

function sense(call: CommandCall): CommandResult {
  const page = Number(call.fields.page);
  const body = page === SUPPORTED_PAGES ? [SUPPORTED_PAGES, ...PAGES.keys()] : PAGES.get(page);
  if (body === undefined) throw invalidNamed(call.command, 'page');
  return goodWith(allocated(call, Uint8Array.of(page, 0, body.length >> 8, body.length & 0xff, ...body)));
}

/** Nothing can be saved, and there are no subpages. */
export function logCommands(): CommandEntry[] {
  return [{ name: 'LOG SENSE', accepts: ['pc', 'page', 'allocation_length'], run: sense }];
}
