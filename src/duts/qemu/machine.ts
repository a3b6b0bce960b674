/** Which machine QEMU is to be for a transport. */
import type { TransportName } from '../../port/transport-name.js';
import { MMIO_INTERRUPT } from './microvm.js';
import { DEVICE_INTERRUPT } from './pci-bus.js';

export interface Machine {
  /** Value of -machine, options included. */
  readonly name: string;
  readonly attachment: 'pci' | 'mmio';
  /** Input of its I/O APIC that the device asserts; undefined where nobody knows. */
  readonly interrupt: number | undefined;
  /**
   * Address up to which memory is low; what is more lies above 4 GiB. Undefined where the command line says how much is
   * low memory.
   */
  readonly lowEnd: number | undefined;
}

const GIB = 2 ** 30;

/** Without the timer that would interrupt 18 times a second, since nobody has set it up. */
const Q35: Machine = {
  name: 'q35,pit=off',
  attachment: 'pci',
  interrupt: DEVICE_INTERRUPT,
  lowEnd: undefined,
};

/** What firmware and kernels want of a microvm is left out, and so is the second I/O APIC. */
const MICROVM: Machine = {
  name: 'microvm,x-option-roms=off,auto-kernel-cmdline=off,acpi=off,pit=off,pic=off,rtc=off,isa-serial=off,ioapic2=off',
  attachment: 'mmio',
  interrupt: MMIO_INTERRUPT,
  lowEnd: 3 * GIB,
};

const PCI_TRANSPORTS: readonly TransportName[] = ['pci', 'pci-legacy'];
const MMIO_TRANSPORTS: readonly TransportName[] = ['mmio', 'mmio-legacy'];

/** The transports that can be had; of a machine that the user has chosen those over PCI. */
export function transportsOf(machine: string | undefined): readonly TransportName[] {
  return machine === undefined ? [...PCI_TRANSPORTS, ...MMIO_TRANSPORTS] : PCI_TRANSPORTS;
}

/** The machine for a transport; `chosen` is the user's. */
export function machineFor(transport: TransportName, chosen: string | undefined): Machine {
  if (chosen !== undefined)
    return { name: chosen, attachment: 'pci', interrupt: undefined, lowEnd: undefined };
  return MMIO_TRANSPORTS.includes(transport) ? MICROVM : Q35;
}
