/** SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-5): the default self-test, and the page that lists the pages. */
import { GOOD, goodWith } from '../command-result.js';
import { allocated, type CommandEntry, invalidNamed } from '../command-table.js';

const SUPPORTED_PAGES = 0x00;

export function diagnosticCommands(): CommandEntry[] {
  return [
    {
      name: 'SEND DIAGNOSTIC',
      // The self-test finds nothing. Without one, and without a list, nothing is asked for.
      accepts: ['selftest', 'pf', 'unitoffl', 'devoffl'],
      run: () => GOOD,
    },
    {
      name: 'RECEIVE DIAGNOSTIC RESULTS',
      accepts: ['pcv', 'page', 'allocation_length'],
      run: (call) => {
        // Without PCV the page is that of the last SEND DIAGNOSTIC, which takes none.
        if (call.fields.pcv !== 1n) throw invalidNamed(call.command, 'pcv');
        if (Number(call.fields.page) !== SUPPORTED_PAGES) throw invalidNamed(call.command, 'page');
        return goodWith(allocated(call, Uint8Array.of(SUPPORTED_PAGES, 0, 0, 1, SUPPORTED_PAGES)));
      },
    },
  ];
}
