/** Shapes of deviations in single commands: what a command ends in, its CDB, and refusals. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import type { Behaviours } from '../behaviours.js';
import { type CommandResult, GOOD } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import { Disk } from '../units/disk.js';
import { Sense, type SenseInfo } from '../units/sense.js';
import type { Mutant } from './mutant.js';

export type Change = (result: CommandResult, call: CommandCall) => CommandResult;

/** A mutant that changes what commands end in. */
export function ending(
  id: string,
  sentence: string,
  change: Change,
  source: Mutant['source'] = 'layout',
): Mutant {
  return {
    id,
    sentence,
    source,
    apply: (behaviours: Behaviours) => {
      behaviours.result = change;
    },
  };
}

/** Runs commands by a changed CDB. */
export const rewriting =
  (change: (bytes: Uint8Array, call: CommandCall) => void): Behaviours['perform'] =>
  (call, run) => {
    change(call.cdb, call);
    return run();
  };

/** Refuses some commands instead of running them. */
export const refusal =
  (applies: (call: CommandCall) => boolean, sense: SenseInfo): Behaviours['perform'] =>
  (call, run) =>
    applies(call) ? { status: ScsiStatus['CHECK CONDITION'], sense } : run();

type DiskAct = (call: CommandCall, disk: Disk, run: () => CommandResult) => CommandResult;

/** Lets disks do something else. */
export const onDisks =
  (act: DiskAct): Behaviours['perform'] =>
  (call, run) =>
    call.unit instanceof Disk ? act(call, call.unit, run) : run();

/** A mutant that changes a CDB before the unit sees it. */
export function cdb(
  id: string,
  sentence: string,
  change: (bytes: Uint8Array, call: CommandCall) => void,
): Mutant {
  return {
    id,
    sentence,
    source: 'layout',
    acts: true,
    apply: (behaviours: Behaviours) => {
      behaviours.perform = rewriting(change);
    },
  };
}

/** A mutant under which some commands are refused that a conformant unit carries out. */
export function refusing(
  id: string,
  sentence: string,
  applies: (call: CommandCall) => boolean,
  sense: SenseInfo = Sense.INVALID_FIELD_IN_CDB,
): Mutant {
  return {
    id,
    sentence,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.perform = refusal(applies, sense);
    },
  };
}

/** A mutant under which a disk does something else than a conformant one. */
export function acting(id: string, sentence: string, act: DiskAct): Mutant {
  return {
    id,
    sentence,
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      behaviours.perform = onDisks(act);
    },
  };
}

export const named = ({ command }: CommandCall, ...names: readonly string[]): boolean =>
  names.includes(command.name);

export const good = ({ status, data }: CommandResult): boolean =>
  status === ScsiStatus.GOOD && data !== undefined;

/** Data with some bytes changed. */
export function edited(result: CommandResult, edit: (data: Uint8Array) => void): CommandResult {
  if (!good(result) || result.data === undefined || result.data.length === 0) return result;
  const data = result.data.slice();
  edit(data);
  return { ...result, data };
}

/** A mutant that changes the data of the commands that it applies to, where they return any. */
export function editing(
  id: string,
  sentence: string,
  applies: (call: CommandCall) => boolean,
  edit: (data: Uint8Array, call: CommandCall) => void,
  source: Mutant['source'] = 'layout',
): Mutant {
  return ending(
    id,
    sentence,
    (result, call) => (applies(call) ? edited(result, (data) => edit(data, call)) : result),
    source,
  );
}

/** Sets a byte of data that reach so far. */
export function byte(
  id: string,
  sentence: string,
  applies: (call: CommandCall) => boolean,
  at: number,
  value: (old: number) => number,
): Mutant {
  return editing(id, sentence, applies, (data) => {
    if (data.length > at) data[at] = value(data[at] ?? 0);
  });
}

/** A mutant under which commands are answered GOOD without having done anything. */
export function idle(id: string, sentence: string, applies: (call: CommandCall) => boolean): Mutant {
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

/** Whether a command was refused with this additional sense code. */
export const refused = ({ sense }: CommandResult, asc = Sense.INVALID_FIELD_IN_CDB.asc): boolean =>
  sense?.asc === asc;
