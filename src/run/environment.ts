/** What a device offers, in the words of the case language: facts, roles, layers, capabilities. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvalContext } from '../cases/context.js';
import type { Environment } from '../cases/expand.js';
import type { ScopeValue } from '../cases/types.js';
import type { Attachment } from '../port/registers.js';
import type { Transport } from '../transport/transport.js';
import { hasExtendedCapability, type VirtioCapability } from '../transport/virtio-pci/capabilities.js';
import { VirtioPci } from '../transport/virtio-pci/virtio-pci.js';
import { PciExtendedCapability } from '../wire/pci.js';
import { featureSet } from '../wire/virtio.js';
import { VirtioPciCapType } from '../wire/virtio-pci.js';
import { QueueIndex } from '../wire/virtio-scsi.js';
import { FIXTURES } from './package-info.js';
import type { ProbedUnit } from './probe.js';
import { type Binding, bindRoles } from './roles.js';
import { servedCommands } from './served-commands.js';
import type { Session } from './session.js';
import { capabilityOf, VIRTIO_STRUCTURES } from './virtio-structures.js';

/** The unit of max_sectors. */
const SECTOR = 512;

/** How many blocks a command may move, by what the unit says and by the hint of the device; 0 where neither has a limit. */
function maxTransfer({ limits, blockSize }: ProbedUnit, maxSectors: number): bigint {
  const told = limits.max_transfer ?? 0n;
  if (maxSectors === 0 || blockSize === 0) return told;
  const hinted = BigInt(Math.max(1, Math.floor((maxSectors * SECTOR) / blockSize)));
  return told === 0n || hinted < told ? hinted : told;
}

function unitFacts({ role, unit }: Binding, maxSectors: number): [string, ScopeValue][] {
  const name = role.replaceAll('-', '_');
  const facts: Record<string, number> = {
    target: unit.profile.target,
    unit: unit.profile.unit,
    blocks: unit.blocks,
    block_size: unit.blockSize,
    device_type: unit.deviceType,
    pq_pdt: unit.pqPdt,
    version: unit.version,
  };
  const entries: [string, ScopeValue][] = Object.entries(facts).map(([fact, value]) => [fact, BigInt(value)]);
  entries.push(
    ...Object.entries(unit.limits),
    ['max_transfer', maxTransfer(unit, maxSectors)],
    ['vpd_pages', unit.vpdPages.map(BigInt)],
  );
  return entries.map(([fact, value]) => [`${name}.${fact}`, value]);
}

/** Reads a fixture for `file(name)` in a byte pattern; names never lead out of the folder. */
function readFixture(name: string): Uint8Array {
  if (!/^[\w][\w.-]*$/.test(name))
    throw new RangeError(`fixture name ${JSON.stringify(name)}: letters, digits, - _ . only`);
  return readFileSync(join(FIXTURES, name));
}

/** The context in which expressions of a session's cases are evaluated. */
export function sessionContext({ driver, offered, port: { attachment } }: Session): EvalContext {
  const bit = (set: bigint, number: number) => ((set >> BigInt(number)) & 1n) === 1n;
  return {
    offered: (number) => bit(offered, number),
    negotiated: (number) => bit(driver.state.negotiated, number),
    barSize: (bar) => BigInt((attachment.kind === 'pci' && attachment.bar(bar)?.size) || 0),
    readFile: readFixture,
  };
}

/**
 * Features that the driver can be told to negotiate one by one. The others change what it would have to do, or a device
 * may refuse to work without them.
 */
const USABLE_FEATURES = featureSet(
  'VIRTIO_SCSI_F_INOUT',
  'VIRTIO_SCSI_F_HOTPLUG',
  'VIRTIO_SCSI_F_CHANGE',
  'VIRTIO_F_INDIRECT_DESC',
  'VIRTIO_F_EVENT_IDX',
  'VIRTIO_F_RING_RESET',
  'VIRTIO_F_SUSPEND',
);

/** The numbers of the bits that are set. */
function bitsOf(set: bigint): bigint[] {
  return Array.from({ length: 64 }, (_, bit) => BigInt(bit)).filter((bit) => ((set >> bit) & 1n) === 1n);
}

/** The virtio capabilities of a PCI function: all of them as rows, and the first of each type by name. */
function capabilityFacts({ transport }: Session): [string, ScopeValue][] {
  if (!(transport instanceof VirtioPci)) return [];
  const { PCI_CFG, VENDOR_CFG } = VirtioPciCapType;
  const { virtio } = transport.capabilities;
  const config = transport.region('pci').window;
  // Vendor data have a layout of their own from the fifth byte on.
  const located = virtio.filter(({ type }) => type !== VENDOR_CFG);
  const row = ({ at, type, size, bar, id, offset, length }: VirtioCapability) => ({
    type: BigInt(type),
    cap_len: BigInt(size),
    bar: BigInt(bar),
    id: BigInt(id),
    offset: BigInt(offset),
    length: BigInt(length),
    position: BigInt(at),
  });
  const named = VIRTIO_STRUCTURES.flatMap((name) => {
    const found = capabilityOf(name, transport.capabilities);
    return found
      ? Object.entries(row(found)).map(([fact, value]): [string, ScopeValue] => [
          `cap.${name}.${fact}`,
          value,
        ])
      : [];
  });
  return [
    ['pci.virtio_caps', located.map(row)],
    ['pci.structures', located.filter(({ type }) => type !== PCI_CFG).map(row)],
    [
      'pci.vendor_caps',
      virtio
        .filter(({ type }) => type === VENDOR_CFG)
        .map(({ at, size }) => ({ position: BigInt(at), cap_len: BigInt(size) })),
    ],
    ['pci.cfg_types', virtio.map(({ type }) => BigInt(type))],
    ['pci.sr_iov', hasExtendedCapability(config, PciExtendedCapability.SR_IOV) ? 1n : 0n],
    ['cap.notify.multiplier', BigInt(transport.notifyMultiplier)],
    ...named,
  ];
}

/** How the device is attached and driven, in the words of `needs`. */
function layersOf({ legacy, interruptKinds }: Transport, attachment: Attachment['kind']): Set<string> {
  return new Set([
    attachment,
    legacy ? 'legacy' : 'modern',
    ...(interruptKinds.has('messages') ? ['msix'] : []),
    ...(interruptKinds.has('line') ? ['intx'] : []),
  ]);
}

/** What cases are expanded over. */
export function environmentOf(session: Session): Environment {
  const { profile, port, driver, units, seed } = session;
  const bindings = bindRoles(units);
  const serves = servedCommands(driver);
  const facts = new Map<string, ScopeValue>(
    bindings.flatMap((binding) => unitFacts(binding, session.config.max_sectors)),
  );
  const roles = new Set(bindings.map(({ role }) => role));
  facts.set('run.seed', BigInt(seed));
  facts.set('plug.cdrom', port.controls.offered.has('plug-cdrom') ? 1n : 0n);
  facts.set('irq.watched', session.transport.line === undefined ? 0n : 1n);
  facts.set('dev.request_queues', BigInt(driver.state.requestQueues));
  facts.set('dev.queues', BigInt(driver.state.requestQueues + QueueIndex.REQUEST));
  facts.set('dev.max_queue_size', BigInt(session.maxQueueSize));
  facts.set('dev.queue_size', BigInt(driver.ring(QueueIndex.REQUEST).size));
  facts.set('dev.features', bitsOf(session.offered));
  facts.set('dev.optional_features', bitsOf(session.offered & USABLE_FEATURES));
  facts.set(
    'dev.units',
    units.map(({ profile: { target, unit }, pqPdt }) => ({
      target: BigInt(target),
      unit: BigInt(unit),
      pq_pdt: BigInt(pqPdt),
    })),
  );
  for (const [fact, value] of Object.entries(session.config)) facts.set(`dev.${fact}`, BigInt(value));
  const messages = session.transport.interruptKinds.has('messages');
  const config = session.transport.regions.has('device') ? session.transport.region('device').length : 0;
  facts.set('dev.config_size', BigInt(config));
  facts.set('msix.vectors', BigInt(messages ? session.transport.interrupts.vectors : 0));
  for (const [fact, value] of capabilityFacts(session)) facts.set(fact, value);
  if (profile.freeTarget !== undefined) {
    roles.add('free-target');
    facts.set('free_target', BigInt(profile.freeTarget));
  }
  if (profile.freeUnit !== undefined) {
    roles.add('free-unit');
    facts.set('free_unit.target', BigInt(profile.freeUnit.target));
    facts.set('free_unit.unit', BigInt(profile.freeUnit.unit));
  }
  const capabilities = new Set<string>(port.controls.offered);
  if (profile.dmaContained) capabilities.add('dma-contained');
  if (session.transport.line) capabilities.add('irq-line');
  return {
    facts,
    roles,
    features: session.offered,
    featuresAbove: session.transport.featuresAbove ?? 0n,
    layers: layersOf(session.transport, port.attachment.kind),
    capabilities,
    serves: (role, command) => {
      const unit = session.unit(role);
      return unit === undefined || serves(unit, command);
    },
    // Nothing can be written on a medium that is write-protected, whoever lends it.
    scratch: (role) => {
      const unit = session.unit(role);
      return unit?.scratch === true && (unit.limits.read_only !== 1n || /^disk.read.only$/.test(role));
    },
    context: sessionContext(session),
  };
}
