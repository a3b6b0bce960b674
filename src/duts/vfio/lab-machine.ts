/** A machine for the lab that has a virtio-scsi function of QEMU's behind an IOMMU, bound to vfio-pci. */
import { closeSync } from 'node:fs';
import { DEFAULT_QEMU, FIRST_INHERITED } from '../../lab/lab.js';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { DutSetupError, type LabNeeds, type PreparedMachine } from '../dut.js';
import { askBinary } from '../qemu/ask.js';
import { controllerArguments, controllerFor } from '../qemu/controller.js';
import { knownProperties, offerEverything } from '../qemu/facilities.js';
import { FREE_TARGET, FREE_UNIT, OWN_UNITS, onFile, profiled } from '../qemu/own-units.js';
import { DEVICE_SLOT } from '../qemu/pci-bus.js';
import { unitArguments } from '../qemu/units.js';
import type { VfioOptions } from './adapter.js';

const ADDRESS = `0000:00:${DEVICE_SLOT.toString(16).padStart(2, '0')}.0`;

/** vfio-pci is there before virtio-pci, and takes what is a modern virtio-scsi function. */
export const VFIO_LAB: LabNeeds = {
  modules: ['vfio_iommu_type1', 'vfio_pci ids=1af4:1048'],
  machine,
};

/**
 * The controller and the units of `--dut qemu`, so that results can be compared; but what the function reads and writes
 * goes through the IOMMU.
 */
async function machine(): Promise<PreparedMachine> {
  const { driver } = controllerFor('pci', 'qemu');
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
  const vfio: VfioOptions = {
    address: ADDRESS,
    identity: { name: 'qemu', version: number },
    units: OWN_UNITS.map(profiled),
    freeTarget: FREE_TARGET,
    freeUnit: { target: 0, unit: FREE_UNIT },
  };
  return {
    qemuArgs: [
      ...['-machine', 'kernel-irqchip=split', '-device', 'intel-iommu,intremap=on'],
      ...controllerArguments('pci', { ...offerEverything(known), iommu_platform: 'on' }),
      ...units.flatMap(unitArguments),
    ],
    kernelWords: ['intel_iommu=on'],
    inherit,
    device: { vfio },
    close() {
      for (const fd of inherit) closeSync(fd);
    },
  };
}
