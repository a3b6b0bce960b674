/**
 * As little of a virtio-scsi driver as shows that registers, memory and notifications of a port work together. It uses
 * none of the suite's transport and harness, whose tests stand elsewhere.
 */
import type { DmaBlock } from '../../../../src/port/dma-space.js';
import type { Port } from '../../../../src/port/port.js';
import type { PciAttachment, RegisterWindow, Width } from '../../../../src/port/registers.js';
import type { Field } from '../../../../src/wire/layout.js';
import {
  MsixControl,
  msixCapability,
  msixEntry,
  PciCapability,
  PciCommand,
  pciHeader,
} from '../../../../src/wire/pci.js';
import {
  availRing,
  DescFlag,
  descTableBytes,
  usedRing,
  vringDesc,
  vringUsedElem,
} from '../../../../src/wire/split-ring.js';
import {
  VirtioPciCapType,
  virtioPciCap,
  virtioPciCommonCfg,
  virtioPciNotifyCap,
} from '../../../../src/wire/virtio-pci.js';

const RING = 8;
/** Data of the interrupt message. */
export const MESSAGE = 0x600d_cafe;
/** The first request queue, after the control and the event queue. */
const REQUEST_QUEUE = 2;
const REQUEST_SIZE = 51;
const RESPONSE_SIZE = 108;
/** ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK. */
const STATUS_STEPS = [1, 3, 11, 15] as const;

const common = virtioPciCommonCfg.fields;

/** The structure that a virtio capability points to. */
interface Located {
  readonly window: RegisterWindow;
  readonly offset: number;
  readonly at: number;
}

/** What an INQUIRY gave. */
export interface InquiryResult {
  readonly usedLength: number;
  readonly response: Uint8Array;
  readonly data: Uint8Array;
  /** What the message of the queue's MSI-X vector has written to memory. */
  readonly message: number;
}

export function pciOf(port: Port): PciAttachment {
  if (port.attachment.kind !== 'pci') throw new Error('not a PCI attachment');
  return port.attachment;
}

export function enable(pci: PciAttachment): void {
  pci.config.write(pciHeader.fields.command.offset, 2, PciCommand.IO | PciCommand.MEMORY | PciCommand.MASTER);
}

/** Access to the common configuration structure by field. */
export function commonConfig(pci: PciAttachment) {
  const { window, offset } = locate(pci, VirtioPciCapType.COMMON_CFG);
  const width = (field: Field<number>): Width => (field.size === 1 ? 1 : field.size === 2 ? 2 : 4);
  return {
    read: (field: Field<number>) => window.read(offset + field.offset, width(field)),
    write: (field: Field<number>, value: number) => window.write(offset + field.offset, width(field), value),
    write64(field: Field<bigint>, value: bigint) {
      window.write(offset + field.offset, 4, Number(value & 0xffff_ffffn));
      window.write(offset + field.offset + 4, 4, Number(value >> 32n));
    },
  };
}

/** Initialises the device with one request queue and sends an INQUIRY through it. */
export function inquire(port: Port, target: number, unit: number, limitMs = 5000): InquiryResult {
  const pci = pciOf(port);
  enable(pci);
  const config = commonConfig(pci);
  config.write(common.device_status, 0);
  if (config.read(common.device_status) !== 0) throw new Error('no reset');
  for (const status of STATUS_STEPS.slice(0, 2)) config.write(common.device_status, status);
  config.write(common.driver_feature_select, 1);
  config.write(common.driver_feature, 1);
  config.write(common.driver_feature_select, 0);
  config.write(common.driver_feature, 0);
  config.write(common.device_status, STATUS_STEPS[2]);

  const mark = port.dma.mark();
  const desc = port.dma.alloc(descTableBytes(RING), { align: 16 });
  const avail = port.dma.alloc(availRing.bytes(RING), { align: 2 });
  const used = port.dma.alloc(usedRing.bytes(RING), { align: 4 });
  config.write(common.queue_select, REQUEST_QUEUE);
  config.write(common.queue_size, RING);
  config.write64(common.queue_desc, desc.iova);
  config.write64(common.queue_driver, avail.iova);
  config.write64(common.queue_device, used.iova);
  const message = port.dma.alloc(4, { align: 4 });
  aimVector(pci, 0, message.iova);
  config.write(common.queue_msix_vector, 0);
  config.write(common.queue_enable, 1);
  config.write(common.device_status, STATUS_STEPS[3]);

  const request = port.dma.alloc(REQUEST_SIZE);
  request.view.set([1, target, 0x40 | (unit >> 8), unit & 0xff]);
  request.view.set([0x12, 0, 0, 0, 36, 0], REQUEST_SIZE - 32);
  const response = port.dma.alloc(RESPONSE_SIZE);
  response.view.fill(0xaa);
  const data = port.dma.alloc(36);
  const chain: [DmaBlock, number][] = [
    [request, DescFlag.NEXT],
    [response, DescFlag.WRITE | DescFlag.NEXT],
    [data, DescFlag.WRITE],
  ];
  for (const [index, [block, flags]] of chain.entries()) {
    const entry = { addr: block.iova, len: block.size, flags, next: index + 1 };
    vringDesc.write(desc.view, entry, index * vringDesc.size);
  }
  const ring = new DataView(avail.view.buffer, avail.view.byteOffset);
  ring.setUint16(availRing.entry(0), 0, true);
  ring.setUint16(availRing.idx, 1, true);
  for (const block of [desc, avail, request, response]) block.publish();
  notify(pci, config.read(common.queue_notify_off));

  const done = new DataView(used.view.buffer, used.view.byteOffset);
  const start = port.clock.now();
  for (let round = 0; ; round++) {
    used.fetch(usedRing.idx, 2);
    if (done.getUint16(usedRing.idx, true) === 1) break;
    if (port.clock.now() - start > limitMs) throw new Error(`no answer within ${limitMs} ms`);
    port.clock.relax(round);
  }
  // The message follows the used index.
  port.lifecycle.settle();
  for (const block of [used, response, data, message]) block.fetch();
  const { len } = vringUsedElem.read(used.view, usedRing.entry(0));
  const result = {
    usedLength: len,
    response: response.view.slice(),
    data: data.view.slice(),
    message: new DataView(message.view.buffer, message.view.byteOffset).getUint32(0, true),
  };
  config.write(common.device_status, 0);
  config.read(common.device_status);
  port.dma.release(mark);
  return result;
}

/** Enables MSI-X and has a vector write MESSAGE to `address`. */
function aimVector(pci: PciAttachment, vector: number, address: bigint): void {
  let at = pci.config.read(pciHeader.fields.capabilities.offset, 1);
  while (at !== 0 && pci.config.read(at, 1) !== PciCapability.MSIX) at = pci.config.read(at + 1, 1);
  const { message_control: control, table } = msixCapability.fields;
  const where = pci.config.read(at + table.offset, 4);
  const window = pci.bar(where & 7);
  const entry = (where & ~7) + vector * msixEntry.size;
  const { address_low, address_high, data, control: vectorControl } = msixEntry.fields;
  pci.config.write(at + control.offset, 2, MsixControl.ENABLE);
  window?.write(entry + address_low.offset, 4, Number(address & 0xffff_ffffn));
  window?.write(entry + address_high.offset, 4, Number(address >> 32n));
  window?.write(entry + data.offset, 4, MESSAGE);
  window?.write(entry + vectorControl.offset, 4, 0);
}

function notify(pci: PciAttachment, queueOffset: number): void {
  const { window, offset, at } = locate(pci, VirtioPciCapType.NOTIFY_CFG);
  const multiplier = pci.config.read(at + virtioPciNotifyCap.fields.notify_off_multiplier.offset, 4);
  window.write(offset + queueOffset * multiplier, 2, REQUEST_QUEUE);
  window.flush();
}

function locate(pci: PciAttachment, type: number): Located {
  let at = pci.config.read(pciHeader.fields.capabilities.offset, 1);
  while (at !== 0) {
    const bytes = Uint8Array.from({ length: virtioPciCap.size }, (_, index) =>
      pci.config.read(at + index, 1),
    );
    const cap = virtioPciCap.read(bytes);
    const window = pci.bar(cap.bar);
    if (cap.cap_vndr === PciCapability.VENDOR && cap.cfg_type === type && window !== undefined) {
      return { window, offset: cap.offset, at };
    }
    at = cap.cap_next;
  }
  throw new Error(`no virtio capability of type ${type}`);
}
