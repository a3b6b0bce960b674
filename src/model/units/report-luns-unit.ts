/** The REPORT LUNS well-known logical unit (SPC-5, "REPORT LUNS well known logical unit"). */
import { encodeLun } from '../../wire/lun.js';
import { DeviceType } from '../../wire/scsi/inquiry.js';
import type { Topology } from '../scsi/topology.js';
import { CommandTable } from './command-table.js';
import { inquiry } from './commands/inquiry.js';
import { reportLuns, requestSense, testUnitReady } from './commands/primary.js';
import { LogicalUnit } from './logical-unit.js';

export class ReportLunsUnit extends LogicalUnit {
  readonly peripheral = DeviceType.WELL_KNOWN;
  readonly commands: CommandTable;

  /**
   * It belongs to no target, so it lists the units of all of them, each with its target: as a LUN of two levels, which
   * is also the form of the `lun` field.
   */
  constructor(topology: Topology) {
    super();
    const list = () =>
      [...topology.all()].map(({ target, number }) =>
        encodeLun(target.id, number, number < 256 ? 'peripheral' : 'flat'),
      );
    this.commands = new CommandTable([
      inquiry({
        peripheral: this.peripheral,
        removable: false,
        vendor: 'VSCSI',
        product: 'REPORT LUNS',
        revision: '1',
        pages: new Map(),
      }),
      testUnitReady(),
      requestSense(),
      reportLuns(list),
    ]);
  }
}
