/** The answers of a target for a unit that it does not have (SAM-6, "Incorrect logical unit numbers"). */
import { PERIPHERAL_NO_UNIT } from '../../wire/scsi/inquiry.js';
import type { Behaviours } from '../behaviours.js';
import type { Task } from '../scsi/task.js';
import type { Target } from '../scsi/topology.js';
import type { CommandResult } from './command-result.js';
import { CommandTable, type TableRow } from './command-table.js';
import { inquiry } from './commands/inquiry.js';
import { reportLuns, requestSense, samLun, testUnitReady } from './commands/primary.js';
import { LogicalUnit } from './logical-unit.js';
import { CheckCondition, Sense } from './sense.js';

/** Commands that are served even though there is no unit. */
const ANSWERED = new Set(['INQUIRY', 'REQUEST SENSE']);

export class MissingUnit extends LogicalUnit {
  readonly peripheral = PERIPHERAL_NO_UNIT;
  readonly #number: number | undefined;
  readonly #target: Target | undefined;
  #commands: CommandTable | undefined;

  /** `number` is the unit number, if the LUN holds one: number 0 answers REPORT LUNS for its target. */
  constructor(target: Target | undefined, number: number | undefined) {
    super();
    this.#target = target;
    this.#number = number;
  }

  /** Made when it is asked for: most requests to a unit that is missing have no target either, and are refused. */
  get commands(): CommandTable {
    this.#commands ??= new CommandTable([
      inquiry({
        peripheral: PERIPHERAL_NO_UNIT,
        removable: false,
        vendor: '',
        product: '',
        revision: '',
        pages: new Map(),
      }),
      requestSense(Sense.UNIT_NOT_SUPPORTED),
      reportLuns(() => this.#target?.unitNumbers.map(samLun) ?? []),
      testUnitReady(),
    ]);
    return this.#commands;
  }

  protected override admit({ command: { name } }: TableRow): void {
    if (ANSWERED.has(name) || (name === 'REPORT LUNS' && this.#number === 0)) return;
    throw new CheckCondition(Sense.UNIT_NOT_SUPPORTED);
  }

  override execute(task: Task, behaviours: Behaviours): CommandResult | undefined {
    const result = super.execute(task, behaviours);
    // Whatever the opcode, the unit is missing first of all.
    const opcode = result?.sense?.asc === Sense.INVALID_OPCODE.asc;
    return result && opcode ? { ...result, sense: Sense.UNIT_NOT_SUPPORTED } : result;
  }
}
