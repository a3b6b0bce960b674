/** Virtio over MMIO, both register layouts (virtio 1.4, "Virtio Over MMIO"; linux/virtio_mmio.h). */

/** How the driver may use a register, "Direction" in the standard's tables. */
export type MmioAccess = 'R' | 'W' | 'RW';

/** A control register: 32 bits wide, little-endian, reached by aligned accesses of 4 bytes only. */
export interface MmioRegister {
  readonly offset: number;
  readonly access: MmioAccess;
}

const at = (offset: number, access: MmioAccess): MmioRegister => ({ offset, access });

/** Registers that both layouts have. HostFeatures and GuestFeatures of the legacy table are the same by older names. */
const common = {
  MagicValue: at(0x000, 'R'),
  Version: at(0x004, 'R'),
  DeviceID: at(0x008, 'R'),
  VendorID: at(0x00c, 'R'),
  DeviceFeatures: at(0x010, 'R'),
  DeviceFeaturesSel: at(0x014, 'W'),
  DriverFeatures: at(0x020, 'W'),
  DriverFeaturesSel: at(0x024, 'W'),
  QueueSel: at(0x030, 'W'),
  QueueSizeMax: at(0x034, 'R'),
  QueueSize: at(0x038, 'W'),
  QueueNotify: at(0x050, 'W'),
  InterruptStatus: at(0x060, 'R'),
  InterruptACK: at(0x064, 'W'),
  Status: at(0x070, 'RW'),
} as const;

/** "MMIO Device Register Layout": version 2. */
export const mmioRegisters = {
  ...common,
  QueueReady: at(0x044, 'RW'),
  QueueDescLow: at(0x080, 'W'),
  QueueDescHigh: at(0x084, 'W'),
  QueueDriverLow: at(0x090, 'W'),
  QueueDriverHigh: at(0x094, 'W'),
  QueueDeviceLow: at(0x0a0, 'W'),
  QueueDeviceHigh: at(0x0a4, 'W'),
  SHMSel: at(0x0ac, 'W'),
  SHMLenLow: at(0x0b0, 'R'),
  SHMLenHigh: at(0x0b4, 'R'),
  SHMBaseLow: at(0x0b8, 'R'),
  SHMBaseHigh: at(0x0bc, 'R'),
  QueueReset: at(0x0c0, 'RW'),
  ConfigGeneration: at(0x0fc, 'R'),
} as const;

/** "MMIO Device Legacy Register Layout": version 1. */
export const mmioLegacyRegisters = {
  ...common,
  GuestPageSize: at(0x028, 'W'),
  QueueAlign: at(0x03c, 'W'),
  QueuePFN: at(0x040, 'RW'),
} as const;

export type MmioRegisterName = keyof typeof mmioRegisters;
export type MmioLegacyRegisterName = keyof typeof mmioLegacyRegisters;

/** Start of the device configuration; its bytes are the device's in any width, guest-native on a legacy device. */
export const MMIO_CONFIG_OFFSET = 0x100;
/** Bytes of the whole window as devices have it: registers, and as much again for the configuration. */
export const MMIO_WINDOW_SIZE = 0x200;
/** Value of MagicValue: "virt". */
export const MMIO_MAGIC = 0x74726976;
/** Values of Version. */
export const MmioVersion = { LEGACY: 1, MODERN: 2 } as const;
/** Bits of InterruptStatus and InterruptACK. */
export const MmioInterrupt = { USED_BUFFER: 1, CONFIGURATION: 2 } as const;
