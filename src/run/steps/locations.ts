/** Places that `read` looks at and `write` changes: registers, configuration, rings, buffers, the medium. */
import { CaseError } from '../../cases/errors.js';
import { evaluateNumber } from '../../cases/evaluate.js';
import { resolveInteger } from '../../cases/resolve.js';
import type { Expression, Location } from '../../cases/types.js';
import type { GuardedBuffer } from '../../harness/guarded-buffer.js';
import type { RingAreas } from '../../harness/ring.js';
import { readRingField } from '../../harness/ring-memory.js';
import type { Width } from '../../port/registers.js';
import type { Region, RegionName } from '../../transport/transport.js';
import { pciHeader } from '../../wire/pci.js';
import { virtioPciCap, virtioPciCommonCfg, virtioPciNotifyCap } from '../../wire/virtio-pci.js';
import { virtioScsiConfig } from '../../wire/virtio-scsi.js';
import type { CaseRun } from '../case-run.js';
import { readMedium, writeMedium } from '../medium.js';
import { capabilityOf } from '../virtio-structures.js';
import { readMsix, writeMsix } from './msix-location.js';
import { pciFunction } from './pci-function.js';
import { deviceRegister, readRegisterLocation, writeRegisterLocation } from './register-location.js';

/** How many bytes of a medium a pattern is compared with; known only to the caller. */
export type MediumSize = (blockSize: number) => number;

function asWidth(width: number): Width {
  if (width === 1 || width === 2 || width === 4) return width;
  throw new CaseError('OUT_OF_RANGE', `an access is 1, 2 or 4 bytes wide, not ${width}`);
}

function bytesToNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function numberToBytes(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** Accesses to a region that never leave it. */
function readRegion({ window, offset }: Region, at: number, width: Width): bigint {
  if (offset + at + width > window.size)
    throw new CaseError('OUT_OF_RANGE', `offset ${at} lies beyond the region`);
  return BigInt(window.read(offset + at, width));
}

function writeRegion({ window, offset }: Region, at: number, width: Width, value: bigint): void {
  if (offset + at + width > window.size)
    throw new CaseError('OUT_OF_RANGE', `offset ${at} lies beyond the region`);
  window.write(offset + at, width, Number(BigInt.asUintN(8 * width, value)));
}

/** Reads through the configuration access capability ("PCI configuration access capability"). */
function windowAccess(
  run: CaseRun,
  region: string,
  at: number,
  width: Width,
): { data: Region; position: number } {
  const transport = pciFunction(run);
  const target = capabilityOf(region === 'config' ? 'device' : region, transport.capabilities);
  const access = capabilityOf('pci', transport.capabilities);
  if (!target || !access)
    throw new CaseError('NOT_AVAILABLE', 'the device has no such structure, or no access window');
  const pci = transport.region('pci');
  const { bar, offset, length } = virtioPciCap.fields;
  writeRegion(pci, access.at + bar.offset, 1, BigInt(target.bar));
  writeRegion(pci, access.at + offset.offset, 4, BigInt(target.offset + at));
  writeRegion(pci, access.at + length.offset, 4, BigInt(width));
  return { data: pci, position: access.at + virtioPciCap.size };
}

function regionOf(name: string, run: CaseRun): Region {
  const { transport } = run.session;
  const region = (name === 'config' ? 'device' : name) as RegionName;
  if (transport.regions.has(region)) return transport.region(region);
  throw new CaseError('NOT_AVAILABLE', `${transport.kind} has no region ${name}`);
}

/** A part of the device configuration, each field by an access of its own width, as the standard asks of a driver. */
function readByFields(
  { region, length }: Extract<Location, { kind: 'region' }>,
  offset: number,
  run: CaseRun,
): Uint8Array {
  if (region !== 'config' || length === undefined)
    throw new CaseError('NOT_AVAILABLE', 'width: field is for region: config, with a length');
  return run.session.transport.readConfig(offset, evaluateNumber(length, run.scope, run.context));
}

/** A field of the common configuration, or a part of one. */
function fieldPart(
  location: Extract<Location, { kind: 'field' }>,
  run: CaseRun,
): { at: number; width: Width } {
  const name = deviceRegister(location.register);
  if (name === 'isr') throw new CaseError('NOT_AVAILABLE', 'the ISR byte has no parts');
  const field = virtioPciCommonCfg.fields[name];
  const plus = evaluateNumber(location.plus, run.scope, run.context, 7);
  const width = location.width
    ? evaluateNumber(location.width, run.scope, run.context, 4)
    : Math.min(4, field.size);
  return { at: field.offset + plus, width: asWidth(width) };
}

/** Facts of a virtio capability as configuration space shows them. */
function capabilityField(capability: string, register: string, run: CaseRun): bigint {
  const transport = pciFunction(run);
  const found = capabilityOf(capability, transport.capabilities);
  if (!found) throw new CaseError('NOT_AVAILABLE', `the device has no ${capability} capability`);
  const pci = transport.region('pci');
  if (register === 'position') return BigInt(found.at);
  if (register === 'multiplier')
    return readRegion(pci, found.at + virtioPciNotifyCap.fields.notify_off_multiplier.offset, 4);
  const name = (
    {
      type: 'cfg_type',
      cap_len: 'cap_len',
      bar: 'bar',
      offset: 'offset',
      length: 'length',
      id: 'id',
    } as const
  )[register as 'bar'];
  const field = virtioPciCap.fields[name];
  return readRegion(pci, found.at + field.offset, asWidth(field.size));
}

function ringOf(location: Extract<Location, { kind: 'ring' }>, run: CaseRun) {
  const { scope, context } = run;
  const ring = run.session.driver.ring(evaluateNumber(location.queue, scope, context, 65535));
  const index = location.index && evaluateNumber(location.index, scope, context, 65535);
  return { ring, index };
}

/** All buffers of a flight on one side, as one run of bytes. */
function flightBuffers(
  location: Extract<Location, { kind: 'buffer' }>,
  run: CaseRun,
): readonly GuardedBuffer[] {
  const { name, side } = location;
  const exchange = run.flights.newest(name)?.exchange;
  return (side === 'table' ? exchange?.chain.tables : exchange?.placed[side]) ?? [];
}

function mediumOf(location: Extract<Location, { kind: 'medium' }>, run: CaseRun) {
  const unit = run.session.unit(location.unit);
  if (unit === undefined) throw new CaseError('NOT_AVAILABLE', `${location.unit} is no unit of this device`);
  return { unit, lba: resolveInteger(location.block, run.scope, run.context) };
}

/** Reads a location: a number, or bytes where it holds bytes. `mediumSize`: how much of a medium to read. */
export function readLocation(location: Location, run: CaseRun, mediumSize: MediumSize): bigint | Uint8Array {
  const { transport } = run.session;
  const { scope, context } = run;
  const number = (expression: Expression) => evaluateNumber(expression, scope, context);
  switch (location.kind) {
    case 'dev':
    case 'mmio':
    case 'legacy':
    case 'irq-line':
      return readRegisterLocation(location, run);
    case 'pci': {
      const field = pciHeader.fields[location.register as keyof typeof pciHeader.fields];
      if (!field) throw new CaseError('NOT_AVAILABLE', `PCI configuration space has no ${location.register}`);
      return readRegion(regionOf('pci', run), field.offset, asWidth(field.size));
    }
    case 'cap':
      return capabilityField(location.capability, location.register, run);
    case 'msix':
      return readMsix(location, pciFunction(run), run);
    case 'config': {
      const field = virtioScsiConfig.fields[location.field as keyof typeof virtioScsiConfig.fields];
      return bytesToNumber(transport.readConfig(field.offset, field.size));
    }
    case 'ring': {
      const { ring, index } = ringOf(location, run);
      if (location.path === 'next_slot') return BigInt(ring.nextSlot ?? ring.size);
      const area = /^(desc|driver|device)_area$/.exec(location.path)?.[1];
      if (area !== undefined) return ring.areas[area as keyof RingAreas].iova;
      if (location.path === 'next_wrap') {
        if (ring.nextWrap === undefined)
          throw new CaseError('NOT_AVAILABLE', 'this ring has no wrap counter');
        return BigInt(ring.nextWrap);
      }
      const bytes = readRingField(ring.field(location.path, index, location.field));
      return bytes.length > 8 ? bytes : bytesToNumber(bytes);
    }
    case 'buffer': {
      const buffers = flightBuffers(location, run);
      for (const buffer of buffers) buffer.fetch();
      return Buffer.concat(buffers.map(({ view }) => view));
    }
    case 'medium': {
      const { unit, lba } = mediumOf(location, run);
      return readMedium(run.session, unit, lba, mediumSize(unit.blockSize));
    }
    case 'region': {
      const offset = number(location.offset);
      if (location.width === 'field') return readByFields(location, offset, run);
      const width = asWidth(number(location.width));
      const access = (at: number): bigint => {
        if (!location.window) return readRegion(regionOf(location.region, run), at, width);
        const { data, position } = windowAccess(run, location.region, at, width);
        return readRegion(data, position, width);
      };
      if (location.length === undefined) return access(offset);
      const length = number(location.length);
      if (length % width !== 0)
        throw new CaseError('LENGTH', `${length} bytes are not made of accesses of ${width}`);
      return Buffer.concat(
        Array.from({ length: length / width }, (_, i) => numberToBytes(access(offset + i * width), width)),
      );
    }
    case 'field': {
      const { at, width } = fieldPart(location, run);
      return readRegion(regionOf('common', run), at, width);
    }
  }
}

/** Changes a location. Bytes are given where it holds bytes, a number otherwise. */
export function writeLocation(location: Location, value: bigint | Uint8Array, run: CaseRun): void {
  const { driver, transport } = run.session;
  const { scope, context } = run;
  const number = (expression: Expression) => evaluateNumber(expression, scope, context);
  const asNumber = () => {
    if (typeof value !== 'bigint') throw new CaseError('KIND_MISMATCH', `${location.text} takes a number`);
    return value;
  };
  const asBytes = (size?: number) => (typeof value === 'bigint' ? numberToBytes(value, size ?? 0) : value);
  switch (location.kind) {
    case 'dev':
    case 'mmio':
    case 'legacy':
    case 'irq-line':
      writeRegisterLocation(location, asNumber(), run);
      return;
    case 'pci': {
      const field = pciHeader.fields[location.register as keyof typeof pciHeader.fields];
      if (!field) throw new CaseError('NOT_AVAILABLE', `PCI configuration space has no ${location.register}`);
      pciFunction(run).disturb();
      writeRegion(regionOf('pci', run), field.offset, asWidth(field.size), asNumber());
      return;
    }
    case 'msix':
      writeMsix(location, asNumber(), pciFunction(run), run);
      return;
    case 'config': {
      const field = virtioScsiConfig.fields[location.field as keyof typeof virtioScsiConfig.fields];
      transport.writeConfig(
        field.offset,
        numberToBytes(BigInt.asUintN(8 * field.size, asNumber()), field.size),
      );
      transport.fence();
      if ((field.name === 'sense_size' || field.name === 'cdb_size') && driver.reached === 'live')
        driver.readSizes();
      return;
    }
    case 'ring': {
      const { ring, index } = ringOf(location, run);
      const { size } = ring.field(location.path, index, location.field);
      ring.writeField(location.path, index, location.field, asBytes(size));
      return;
    }
    case 'buffer': {
      let at = 0;
      const bytes = asBytes();
      for (const buffer of flightBuffers(location, run)) {
        const piece = bytes.subarray(at, at + buffer.size);
        buffer.rewrite(piece);
        at += buffer.size;
      }
      return;
    }
    case 'medium': {
      const { unit, lba } = mediumOf(location, run);
      const bytes = asBytes();
      if (bytes.length % unit.blockSize !== 0)
        throw new CaseError('LENGTH', `${bytes.length} bytes are no whole blocks of ${unit.blockSize}`);
      writeMedium(run.session, unit, lba, bytes);
      return;
    }
    case 'region': {
      if (location.width === 'field')
        throw new CaseError('NOT_AVAILABLE', 'fields are written one by one, by their names');
      const width = asWidth(number(location.width));
      const offset = number(location.offset);
      const bytes = asBytes(width);
      for (let at = 0; at < bytes.length; at += width) {
        const part = bytesToNumber(bytes.subarray(at, at + width));
        if (location.region === 'pci') pciFunction(run).disturb();
        if (!location.window) writeRegion(regionOf(location.region, run), offset + at, width, part);
        else {
          const { data, position } = windowAccess(run, location.region, offset + at, width);
          writeRegion(data, position, width, part);
        }
      }
      return;
    }
    case 'field': {
      const { at, width } = fieldPart(location, run);
      writeRegion(regionOf('common', run), at, width, asNumber());
      return;
    }
    case 'cap':
      throw new CaseError('NOT_AVAILABLE', `${location.text} cannot be written on this transport`);
  }
}
