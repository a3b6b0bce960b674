/** Which virtio-mmio registers mean the same as registers of the PCI common configuration. */
import { type MmioLegacyRegisterName, type MmioRegisterName, mmioRegisters } from '../../wire/virtio-mmio.js';
import type { DeviceRegister } from '../transport.js';

/** A register of either layout. */
export type AnyMmioRegister = MmioRegisterName | MmioLegacyRegisterName;

/** The register to read or write; a 64-bit one is two. */
interface Counterpart {
  readonly read?: AnyMmioRegister;
  readonly write?: AnyMmioRegister;
  /** Upper half of an address. */
  readonly high?: AnyMmioRegister;
}

const both = (name: AnyMmioRegister): Counterpart => ({ read: name, write: name });

const COMMON: Partial<Record<DeviceRegister, Counterpart>> = {
  device_feature_select: { write: 'DeviceFeaturesSel' },
  device_feature: { read: 'DeviceFeatures' },
  driver_feature_select: { write: 'DriverFeaturesSel' },
  driver_feature: { write: 'DriverFeatures' },
  device_status: both('Status'),
  queue_select: { write: 'QueueSel' },
  queue_size: { read: 'QueueSizeMax', write: 'QueueSize' },
  isr: { read: 'InterruptStatus' },
};

const MODERN: Partial<Record<DeviceRegister, Counterpart>> = {
  ...COMMON,
  config_generation: { read: 'ConfigGeneration' },
  queue_enable: both('QueueReady'),
  queue_desc: { write: 'QueueDescLow', high: 'QueueDescHigh' },
  queue_driver: { write: 'QueueDriverLow', high: 'QueueDriverHigh' },
  queue_device: { write: 'QueueDeviceLow', high: 'QueueDeviceHigh' },
  queue_reset: both('QueueReset'),
};

/** The counterpart of a PCI register on a virtio-mmio device; undefined where there is none. */
export function counterpart(name: DeviceRegister, legacy: boolean): Counterpart | undefined {
  return (legacy ? COMMON : MODERN)[name];
}

/** The PCI register with the meaning of a virtio-mmio register, where that has a driver-visible effect on its own. */
export function pciNameOf(register: AnyMmioRegister): DeviceRegister | undefined {
  const entries = Object.entries(MODERN) as [DeviceRegister, Counterpart][];
  return entries.find(([, { read, write }]) => read === register || write === register)?.[0];
}

/** Whether a register belongs to the layout of version 2. */
export function isModernRegister(name: AnyMmioRegister): name is MmioRegisterName {
  return name in mmioRegisters;
}
