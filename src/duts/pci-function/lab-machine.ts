/** Machines for the lab that have a virtio-scsi function of QEMU's: the controller and the units of `--dut qemu`. */
import { closeSync } from 'node:fs';
import { DEFAULT_QEMU, FIRST_INHERITED, type LabMachine } from '../../lab/lab.js';
import type { PciTransportName } from '../../port/transport-name.js';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { DutSetupError, type PreparedMachine } from '../dut.js';
import { askBinary } from '../qemu/ask.js';
import { controllerArguments, controllerFor } from '../qemu/controller.js';
import { knownProperties, offerEverything } from '../qemu/facilities.js';
import { FREE_TARGET, FREE_UNIT, OWN_UNITS, onFile, profiled } from '../qemu/own-units.js';
import { DEVICE_SLOT } from '../qemu/pci-bus.js';
import { unitArguments } from '../qemu/units.js';
import type { FunctionOptions } from './named-function.js';

/** Where the controller is unless it is told otherwise. */
const ADDRESS = `0000:00:${DEVICE_SLOT.toString(16).padStart(2, '0')}.0`;

/** A machine with a function, as a device kind wants it. */
export interface FunctionMachine extends LabMachine {
  /** The interface that the function has besides the modern one, if it has two. */
  readonly transport: PciTransportName;
  /** Properties of the controller. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Where the kernel finds the function, if its properties put it elsewhere. */
  readonly address?: string;
}

/** Prepares such a machine; `device` says what is to be told of the function there. Throws `DutSetupError`. */
export async function functionMachine(
  { transport, properties = {}, address = ADDRESS, qemuArgs = [], ...rest }: FunctionMachine,
  device: (options: FunctionOptions) => PreparedMachine['device'],
): Promise<PreparedMachine> {
  const { driver } = controllerFor(transport, 'qemu');
  const [version, known] = await Promise.all([
    askBinary(DEFAULT_QEMU, '--version'),
    knownProperties(DEFAULT_QEMU, driver),
  ]);
  const [, number] = /version (\d+\.\d+\.\d+)/.exec(version) ?? [];
  if (number === undefined) throw new DutSetupError(`${DEFAULT_QEMU} does not say which version it is`);
  const inherit: number[] = [];
  const units = OWN_UNITS.map((unit) =>
    onFile(unit, (size) => FIRST_INHERITED - 1 + inherit.push(anonymousFile({ name: 'vscsi-disk', size }))),
  );
  return {
    ...rest,
    qemuArgs: [
      ...qemuArgs,
      ...controllerArguments(transport, { ...offerEverything(known), ...properties }),
      ...units.flatMap(unitArguments),
    ],
    inherit,
    device: device({
      address,
      identity: { name: 'qemu', version: number },
      units: OWN_UNITS.map(profiled),
      freeTarget: FREE_TARGET,
      freeUnit: { target: 0, unit: FREE_UNIT },
    }),
    close() {
      for (const fd of inherit) closeSync(fd);
    },
  };
}
