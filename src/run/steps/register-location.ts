/** Registers of the transport by name: `dev.…` on any, `mmio.…` and `legacy.…` on their own, and the interrupt line. */
import { CaseError } from '../../cases/errors.js';
import type { Location } from '../../cases/types.js';
import type { Width } from '../../port/registers.js';
import type { DeviceRegister } from '../../transport/transport.js';
import { MmioTransport } from '../../transport/virtio-mmio/mmio-transport.js';
import { type AnyMmioRegister, pciNameOf } from '../../transport/virtio-mmio/register-names.js';
import { legacyHeader, legacyMsixHeader } from '../../wire/virtio-pci-legacy.js';
import type { CaseRun } from '../case-run.js';

const SHORT_NAMES: Readonly<Record<string, DeviceRegister>> = {
  status: 'device_status',
  generation: 'config_generation',
};

/** The register that `dev.<name>` means. */
export function deviceRegister(name: string): DeviceRegister {
  return SHORT_NAMES[name] ?? (name as DeviceRegister);
}

/** Legacy registers whose names in case files are not those of the layout. */
const LEGACY_NAMES: Readonly<Record<string, string>> = {
  queue_pfn: 'queue_address',
  config_vector: 'config_msix_vector',
  queue_vector: 'queue_msix_vector',
};

/** Where a register of the legacy PCI interface is; the vectors are where they are while MSI-X is enabled. */
function legacyPlace(register: string): { readonly offset: number; readonly width: Width } {
  const name = LEGACY_NAMES[register] ?? register;
  if (name in legacyMsixHeader.fields) {
    const field = legacyMsixHeader.fields[name as keyof typeof legacyMsixHeader.fields];
    return { offset: legacyHeader.size + field.offset, width: field.size as Width };
  }
  const field = legacyHeader.fields[name as keyof typeof legacyHeader.fields];
  return { offset: field.offset, width: field.size as Width };
}

/** The register of every transport that a legacy one is, where the driver keeps an eye on it. */
function legacyMeaning(register: string): DeviceRegister | undefined {
  return register === 'device_status' || register === 'queue_select' ? register : undefined;
}

function mmioTransport(run: CaseRun, text: string): MmioTransport {
  const { transport } = run.session;
  if (transport instanceof MmioTransport) return transport;
  throw new CaseError('NOT_AVAILABLE', `${text}: this transport is not MMIO`);
}

type RegisterLocation = Extract<Location, { kind: 'dev' | 'mmio' | 'legacy' | 'irq-line' }>;

/** Reads a register; of the interrupt line, whether it is asserted. */
export function readRegisterLocation(location: RegisterLocation, run: CaseRun): bigint {
  const { driver, transport } = run.session;
  const seen = (register: DeviceRegister | undefined, value: bigint) => {
    if (register !== undefined) driver.noteRead(register, value);
    return value;
  };
  switch (location.kind) {
    case 'dev': {
      const name = deviceRegister(location.register);
      if (!transport.hasRegister(name, 'read'))
        throw new CaseError('NOT_AVAILABLE', `${location.text} cannot be read on ${transport.kind}`);
      return seen(name, transport.readRegister(name));
    }
    case 'mmio': {
      const register = location.register as AnyMmioRegister;
      const value = BigInt(mmioTransport(run, location.text).readByName(register));
      return seen(pciNameOf(register), value);
    }
    case 'legacy': {
      if (location.register === 'isr_status') return transport.readRegister('isr');
      const { window } = legacyRegion(location, run);
      const { offset, width } = legacyPlace(location.register);
      return seen(legacyMeaning(location.register), BigInt(window.read(offset, width)));
    }
    case 'irq-line': {
      if (transport.line === undefined)
        throw new CaseError('NOT_AVAILABLE', 'the interrupt line cannot be watched on this device');
      return transport.line.level() ? 1n : 0n;
    }
  }
}

/** Writes a register and returns when the device has taken it. */
export function writeRegisterLocation(location: RegisterLocation, value: bigint, run: CaseRun): void {
  const { driver, transport } = run.session;
  switch (location.kind) {
    case 'dev': {
      const name = deviceRegister(location.register);
      if (!transport.hasRegister(name, 'write'))
        throw new CaseError('NOT_AVAILABLE', `${location.text} cannot be written on ${transport.kind}`);
      transport.writeRegister(name, value);
      transport.fence();
      driver.noteWrite(name, value);
      return;
    }
    case 'mmio': {
      const register = location.register as AnyMmioRegister;
      mmioTransport(run, location.text).writeByName(register, Number(BigInt.asUintN(32, value)));
      const meaning = pciNameOf(register);
      if (meaning !== undefined) driver.noteWrite(meaning, value);
      return;
    }
    case 'legacy': {
      const { window } = legacyRegion(location, run);
      const { offset, width } = legacyPlace(location.register);
      window.write(offset, width, Number(BigInt.asUintN(8 * width, value)));
      window.fence();
      const meaning = legacyMeaning(location.register);
      if (meaning !== undefined) driver.noteWrite(meaning, value);
      return;
    }
    case 'irq-line':
      throw new CaseError('NOT_AVAILABLE', 'the interrupt line is the device’s to change');
  }
}

function legacyRegion({ text }: RegisterLocation, run: CaseRun) {
  const { transport } = run.session;
  if (!transport.regions.has('legacy'))
    throw new CaseError('NOT_AVAILABLE', `${text}: this transport is not the legacy PCI interface`);
  return transport.region('legacy');
}
