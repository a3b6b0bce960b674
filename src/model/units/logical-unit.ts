/** What every logical unit does, whatever its type (SAM-6 "Unit attention conditions", SPC-5). */
import { decodeCdb } from '../../wire/scsi/command.js';
import { ScsiStatus } from '../../wire/scsi/status.js';
import { TaskAttr } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { Task } from '../scsi/task.js';
import type { CommandResult } from './command-result.js';
import { type CommandCall, type CommandTable, checkedFields, type TableRow } from './command-table.js';
import { CheckCondition, Sense, type SenseInfo } from './sense.js';

/** Commands that a pending unit attention does not keep from running. */
const UNAFFECTED_BY_ATTENTION = new Set([
  'INQUIRY',
  'REPORT LUNS',
  'REQUEST SENSE',
  'GET EVENT STATUS NOTIFICATION',
]);

/** How hard a unit is reset. */
export type UnitReset = 'hard' | 'logical-unit' | 'nexus-loss';

/** A way of accessing the medium. */
export type MediumAccess = 'read' | 'write';
/**
 * What an access runs into: a medium that fails, at once or when a cached write reaches it, or a response of the
 * transport, by its code.
 */
export type AccessFault = 'medium' | 'deferred' | { readonly response: number };

/** Ends a command by a response of the transport, without any status. An outcome, like `CheckCondition`. */
export class DeliveryFailure {
  readonly response: number;
  constructor(response: number) {
    this.response = response;
  }
}

export abstract class LogicalUnit {
  /** PERIPHERAL QUALIFIER and PERIPHERAL DEVICE TYPE, byte 0 of all INQUIRY data. */
  abstract readonly peripheral: number;
  abstract readonly commands: CommandTable;
  /** Bytes of one logical block; 0 for units without blocks. */
  readonly blockSize: number = 0;
  /** Asynchronous events that the unit can report (bits of the AN requests). */
  readonly asyncEvents: number = 0;
  /** Milliseconds of virtual time that each command takes. */
  delay = 0;
  /** What accesses to the medium run into, until it is cleared. */
  readonly faults = new Map<MediumAccess, AccessFault>();
  #attentions: SenseInfo[] = [];
  /** What became of an earlier command, and was not told yet. */
  #deferred: SenseInfo | undefined;

  /** Sense data of this unit are in descriptor format. */
  get descriptorSense(): boolean {
    return false;
  }

  /** Raises a unit attention condition; one that is pending already is not queued twice. */
  raiseAttention(sense: SenseInfo): void {
    const same = ({ asc, ascq }: SenseInfo) => asc === sense.asc && ascq === sense.ascq;
    if (!this.#attentions.some(same)) this.#attentions.push(sense);
  }

  /** Takes the oldest unit attention condition. */
  takeAttention(): SenseInfo | undefined {
    return this.#attentions.shift();
  }

  /** Drops a pending unit attention condition. */
  dropAttention({ asc, ascq }: SenseInfo): void {
    this.#attentions = this.#attentions.filter((each) => each.asc !== asc || each.ascq !== ascq);
  }

  /** A reset event. A reset replaces whatever attention was pending. */
  reset(_kind: UnitReset, attention: SenseInfo): void {
    this.#attentions = [attention];
    this.#deferred = undefined;
  }

  /** Writes end before they are on the medium, unless they ask for more (FUA). */
  protected get writesBack(): boolean {
    return false;
  }

  /** The table row of a CDB that the unit serves. */
  rowOf(cdb: Uint8Array): TableRow | undefined {
    const found = this.commands.find(cdb);
    return found instanceof CheckCondition ? undefined : found;
  }

  /** Called once the opcode is known and before anything else; throws `CheckCondition`. */
  protected admit(_row: TableRow): void {}

  /** Throws `CheckCondition` while the unit cannot access its medium. */
  protected checkReady(): void {}

  /** Throws `CheckCondition` or `DeliveryFailure` when an access at this block runs into a fault. */
  protected checkFault(access: MediumAccess, lba: bigint): void {
    const fault = this.faults.get(access);
    if (fault === undefined) return;
    if (typeof fault === 'object') throw new DeliveryFailure(fault.response);
    const sense = access === 'read' ? Sense.UNRECOVERED_READ_ERROR : Sense.WRITE_ERROR;
    if (fault === 'medium') throw new CheckCondition({ ...sense, information: lba });
    this.#deferred = { ...sense, information: lba };
  }

  /** Throws what is still to be told of an earlier command, or of this one. */
  #tellDeferred(deferred: boolean): void {
    const sense = this.#deferred;
    if (sense === undefined) return;
    this.#deferred = undefined;
    throw new CheckCondition({ ...sense, deferred });
  }

  /** Runs one command to its end, or returns nothing if it never ends. Throws `DeliveryFailure`. */
  execute(task: Task, behaviours: Behaviours): CommandResult | undefined {
    const found = this.commands.find(task.cdb);
    const row = found instanceof CheckCondition ? undefined : found;
    const run = (call: CommandCall): CommandResult => {
      try {
        // No unit establishes ACA conditions (NORMACA is 0), and the attribute is for commands during one.
        if (task.attribute === TaskAttr.ACA) throw new CheckCondition(Sense.INVALID_MESSAGE);
        if (found instanceof CheckCondition) throw found;
        this.admit(found);
        if (!UNAFFECTED_BY_ATTENTION.has(found.command.name)) {
          const attention = this.takeAttention();
          if (attention) throw new CheckCondition(attention);
          this.#tellDeferred(true);
        }
        if (found.entry.needsMedium) this.checkReady();
        const fields = checkedFields(found, task.cdb);
        const result = found.entry.run({ ...call, fields });
        if (!this.writesBack || fields.fua === 1n) this.#tellDeferred(false);
        return result;
      } catch (error) {
        if (!(error instanceof CheckCondition)) throw error;
        return { status: ScsiStatus['CHECK CONDITION'], sense: error.sense, taken: error.taken };
      }
    };
    const command = row?.command ?? UNKNOWN_COMMAND;
    const call: CommandCall = {
      command,
      cdb: task.cdb,
      fields: decodeCdb(command, task.cdb),
      unit: this,
      destination: task.destination,
      task,
    };
    const result = behaviours.perform(call, () => run(call));
    if (result === undefined) return undefined;
    return behaviours.result({ descriptorSense: this.descriptorSense, ...result }, call);
  }
}

/** Stands for a command that the unit does not know. */
const UNKNOWN_COMMAND = {
  name: 'unknown',
  opcode: 0,
  length: 0,
  standard: 'SPC',
  direction: 'none',
  dataLength: 'none',
  fields: {},
} as const;
