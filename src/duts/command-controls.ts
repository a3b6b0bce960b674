/**
 * Controls that a profile provides by commands of its own: the way in which any device can have them, whatever the
 * suite knows about it.
 */
import { execFile } from 'node:child_process';
import {
  CONTROL_NAMES,
  type Control,
  type ControlCapability,
  type ControlName,
  FAULT_CAPABILITIES,
  type UnitAddress,
} from '../port/controls.js';
import { PortError } from '../port/errors.js';
import type { DutAdapter, RunningDut } from './dut.js';

/** What a command is for: a control, or a kind of fault. */
export type CommandKey = ControlName | ControlCapability;

/** A program and its arguments for each control. */
export interface ControlCommands {
  readonly commands: Readonly<Partial<Record<CommandKey, readonly string[]>>>;
  /** Folder in which they run. */
  readonly folder: string;
}

/** How long a command may take. */
const LIMIT_MS = 10_000;

/** Keys that are of use only together. */
const PAIRS: readonly (readonly [CommandKey, CommandKey])[] = [
  ['hold', 'release'],
  ['plug', 'unplug'],
  ['eject', 'insert'],
];

const FAULTS = Object.values(FAULT_CAPABILITIES);

/** Every key that a profile can give a command. */
export const COMMAND_KEYS: readonly CommandKey[] = [
  ...new Set([...(Object.keys(CONTROL_NAMES) as ControlName[]), ...FAULTS]),
];

/** What is missing beside the commands that are given: what a case does has to be undone. */
export function missingCommand(
  keys: readonly string[],
): { readonly key: string; readonly lacks: string } | undefined {
  for (const [one, other] of PAIRS)
    for (const [key, lacks] of [
      [one, other],
      [other, one],
    ] as const)
      if (keys.includes(key) && !keys.includes(lacks)) return { key, lacks };
  const fault = FAULTS.find((key) => keys.includes(key));
  return fault !== undefined && !keys.includes('clear') ? { key: fault, lacks: 'clear' } : undefined;
}

/** An adapter whose devices have the controls of the commands, besides its own, which they replace. */
export function withCommands(adapter: DutAdapter, given: ControlCommands): DutAdapter {
  return { ...adapter, start: async (transport) => withControls(await adapter.start(transport), given) };
}

function withControls(dut: RunningDut, { commands, folder }: ControlCommands): RunningDut {
  const keys = Object.keys(commands) as CommandKey[];
  const offered = keys.flatMap((key) => {
    // Whoever plugs by command is expected to plug anything anywhere.
    if (key === 'plug') return ['plug', 'plug-target', 'plug-cdrom'] as const;
    if (isFault(key)) return [key];
    return key in CONTROL_NAMES && key !== 'clear' ? [CONTROL_NAMES[key as ControlName]] : [];
  });
  return {
    ...dut,
    controls: [...new Set([...dut.controls, ...offered])],
    async control(control) {
      const command = commands[keyOf(control)];
      if (command !== undefined) await run(command, folder, environmentOf(control, dut));
      // Faults of both kinds may be there.
      const both = control.name === 'clear' && dut.controls.some(isFault);
      if (command === undefined || both) await dut.control(control);
    },
  };
}

function isFault(key: CommandKey): key is ControlCapability {
  return FAULTS.some((fault) => fault === key);
}

function keyOf(control: Control): CommandKey {
  return control.name === 'fault' ? FAULT_CAPABILITIES[control.error] : control.name;
}

/** What a command is told, as variables of its environment. */
function environmentOf(control: Control, { pid }: RunningDut): Record<string, string> {
  const told: Record<string, string | number> = { control: control.name };
  if (pid !== undefined) told.pid = pid;
  const address = ({ target, unit }: UnitAddress) => `${target}:${unit}`;
  if ('units' in control) told.units = control.units.map(address).join(' ');
  if ('at' in control) {
    told.target = control.at.target;
    told.unit = control.at.unit;
  }
  switch (control.name) {
    case 'plug':
      if (control.fresh) {
        const { kind, blocks, blockSize } = control.fresh;
        Object.assign(told, { kind, blocks, block_size: blockSize });
      }
      break;
    case 'insert':
      told.medium = control.medium;
      break;
    case 'resize':
      told.blocks = control.blocks;
      break;
    case 'fault':
      told.on = control.on;
      told.error = control.error;
      break;
  }
  return Object.fromEntries(
    Object.entries(told).map(([name, value]) => [`VSCSI_${name.toUpperCase()}`, String(value)]),
  );
}

/** Throws `PortError` CONTROL_REFUSED, with what the command wrote to standard error. */
function run(
  [program = '', ...args]: readonly string[],
  folder: string,
  told: Readonly<Record<string, string>>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd: folder,
      env: { ...process.env, ...told },
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    } as const;
    const child = execFile(program, args, options, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else {
        const why = error.killed ? `did not end within ${LIMIT_MS} ms` : stderr.trim() || error.message;
        reject(new PortError('CONTROL_REFUSED', `${program}: ${why}`, { cause: error }));
      }
    });
    child.stdin?.end();
  });
}
