/** The names of registers, for people who read a trace. */
import type { RegisterWindow } from '../port/registers.js';
import type { RegionName, Transport } from '../transport/transport.js';
import type { Field } from '../wire/layout.js';
import { bitNames } from '../wire/name-of.js';
import { DeviceStatus } from '../wire/virtio.js';
import { mmioLegacyRegisters, mmioRegisters } from '../wire/virtio-mmio.js';
import { virtioPciCommonCfg } from '../wire/virtio-pci.js';
import { legacyHeader } from '../wire/virtio-pci-legacy.js';
import { virtioScsiConfig } from '../wire/virtio-scsi.js';

/** Regions in which an offset may lie, the innermost first. */
const LOOKED_AT = [
  'device',
  'common',
  'isr',
  'notify',
  'legacy',
  'mmio',
] as const satisfies readonly RegionName[];

/** `common.queue_select`, `notify+8`, `Status` …; undefined where the offset belongs to nothing known. */
export function registerName(transport: Transport, by: RegisterWindow, offset: number): string | undefined {
  for (const name of LOOKED_AT) {
    if (!transport.regions.has(name)) continue;
    const { window, offset: start, length } = transport.region(name);
    if (window !== by || offset < start || offset >= start + length) continue;
    return nameIn(name, offset - start, transport.legacy);
  }
  return undefined;
}

function nameIn(region: (typeof LOOKED_AT)[number], at: number, legacy: boolean): string {
  switch (region) {
    case 'device':
      return fieldName(region, virtioScsiConfig.fields, at);
    case 'common':
      return fieldName(region, virtioPciCommonCfg.fields, at);
    case 'legacy':
      return fieldName(region, legacyHeader.fields, at);
    case 'mmio': {
      const registers = Object.entries(legacy ? mmioLegacyRegisters : mmioRegisters);
      return registers.find(([, { offset }]) => offset === at)?.[0] ?? `mmio+0x${at.toString(16)}`;
    }
    default:
      return at === 0 ? region : `${region}+0x${at.toString(16)}`;
  }
}

/** A field with the distance from its beginning, for the halves of those of 64 bits. */
function fieldName(region: string, fields: Readonly<Record<string, Field>>, at: number): string {
  const field = Object.values(fields).find(({ offset, size }) => at >= offset && at < offset + size);
  if (field === undefined) return `${region}+0x${at.toString(16)}`;
  return `${region}.${field.name}${at > field.offset ? `+${at - field.offset}` : ''}`;
}

/** The value of a status register by the names of its bits; undefined for other registers. */
export function registerMeaning(name: string | undefined, value: number): string | undefined {
  if (name === undefined || !/(^|[._])(device_)?status$/i.test(name)) return undefined;
  return bitNames(DeviceStatus, value).join('|') || 'reset';
}
