/** A virtio device as a PCI function: configuration space, BARs, interrupts ("Virtio Over PCI Bus"). */
import { type Kind, type Layout, struct, u8, v16, v32 } from '../../wire/layout.js';
import {
  MsixControl,
  msixCapability,
  PciCapability,
  PciCommand,
  PciStatus,
  pciHeader,
} from '../../wire/pci.js';
import { VIRTIO_ID_SCSI } from '../../wire/virtio.js';
import {
  VIRTIO_MSI_NO_VECTOR,
  VIRTIO_PCI_DEVICE_SCSI,
  VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL,
  VIRTIO_PCI_VENDOR,
  VirtioIsr,
  VirtioPciCapType,
  virtioPciCommonCfg,
  virtioPciVndrData,
} from '../../wire/virtio-pci.js';
import { legacyConfigOffset } from '../../wire/virtio-pci-legacy.js';
import type { Behaviours, ResetPart } from '../behaviours.js';
import type { ModelMemory } from '../memory.js';
import { type AccessWidth, BarContents, FieldRange, type RegisterRange } from '../register-window.js';
import type { InterfaceKind, Transport, VirtioDevice } from '../virtio/device.js';
import { notificationWidth } from '../virtio/notification.js';
import type { Virtqueue } from '../virtio/queue.js';
import { CommonConfig, type CommonField } from './common-config.js';
import { type Bar, type BusSpace, ConfigSpace } from './config-space.js';
import { LegacyRegisters } from './legacy-registers.js';
import { Msix } from './msix.js';

/** What the function needs to know of its surroundings. */
export interface FunctionOptions {
  readonly vectors: number;
  /** notify_off_multiplier: 0, or a power of two from 2 up. */
  readonly notifyMultiplier: number;
  readonly deviceConfig: { readonly length: number; readonly range: RegisterRange };
  /** The device configuration as the legacy interface shows it: makes the function a transitional one. */
  readonly legacyConfig?: RegisterRange;
}

const LEGACY_BAR = 0;
const VIRTIO_BAR = 4;
/** MSI-X structures: table from 0, pending bits in the second half. */
const MSIX_BAR_SIZE = 0x10000;
const PBA_OFFSET = 0x8000;
/** Where the structures lie in their BAR. ISR has no alignment rule, so it gets an odd address. */
const COMMON_OFFSET = 0x1000;
const ISR_OFFSET = 0x1801;
const DEVICE_OFFSET = 0x0c04;
const NOTIFY_OFFSET = 0x4000;
/** Subsystem device ids of non-transitional devices start at 0x40. */
const SUBSYSTEM_ID = 0x0040;
/** A transitional device has its virtio device id as subsystem device id, and revision 0. */
const TRANSITIONAL = {
  device_id: VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL,
  revision_id: 0,
  subsystem_id: VIRTIO_ID_SCSI,
} as const;
const NON_TRANSITIONAL = {
  device_id: VIRTIO_PCI_DEVICE_SCSI,
  revision_id: 1,
  subsystem_id: SUBSYSTEM_ID,
} as const;
/** Data for people who look at the function: any vendor's but virtio's own. */
const VENDOR_DATA = { vendor_id: 0x1b36, data: 0x4d56 } as const;
const CLASS_MASS_STORAGE = 0x01;
const INTERRUPT_PIN_A = 1;

/** The smallest power of two that is not below `size`. */
function powerOfTwoFrom(size: number): number {
  return 2 ** Math.ceil(Math.log2(size));
}

/** The I/O BAR of the legacy registers, with room for the configuration wherever MSI-X puts it. */
function legacyBar(registers: LegacyRegisters, configLength: number): Bar {
  const length = legacyConfigOffset(true) + configLength;
  const contents = new BarContents(powerOfTwoFrom(length), [{ offset: 0, length, range: registers }]);
  return { index: LEGACY_BAR, kind: 'io', contents };
}

/** struct virtio_pci_cap, and those that begin with it, as one run of numbers. */
const capability = {
  cap_vndr: u8,
  cap_next: u8,
  cap_len: u8,
  cfg_type: u8,
  bar: u8,
  id: u8,
  padding: v16,
  offset: v32,
  length: v32,
};
const pciCap = struct('virtio_pci_cap', capability);
const pciNotifyCap = struct('virtio_pci_notify_cap', { ...capability, notify_off_multiplier: v32 });
const pciCfgCap = struct('virtio_pci_cfg_cap', { ...capability, pci_cfg_data: v32 });

export class VirtioPciFunction implements Transport {
  readonly interfaces: InterfaceKind;
  readonly undefinedFeatures = 0n;
  readonly config: ConfigSpace;
  readonly #device: VirtioDevice;
  readonly #behaviours: Behaviours;
  readonly #common: CommonConfig;
  readonly #msix: Msix;
  readonly #legacy: LegacyRegisters | undefined;
  /** The BAR of the MSI-X structures: the first that is free. */
  readonly #msixBar: number;
  #windowCapability = 0;
  #isr = 0;

  constructor(device: VirtioDevice, memory: ModelMemory, options: FunctionOptions) {
    this.#device = device;
    this.#behaviours = device.behaviours;
    const queues = device.queues.length;
    this.#msix = new Msix(options.vectors, memory, this.#behaviours, () => this.mayAccessMemory);
    this.#common = new CommonConfig(device, {
      usableVector: (vector) => this.#msix.usable(vector),
      notifyOffset: (queue) => queues - 1 - queue.index,
    });
    const notifyLength = (queues - 1) * options.notifyMultiplier + 4;
    const virtioBar = new BarContents(powerOfTwoFrom(NOTIFY_OFFSET + notifyLength), [
      { offset: DEVICE_OFFSET, length: options.deviceConfig.length, range: options.deviceConfig.range },
      {
        offset: COMMON_OFFSET,
        length: virtioPciCommonCfg.size,
        range: new FieldRange(
          virtioPciCommonCfg as unknown as Layout<Record<CommonField, Kind<number> | Kind<bigint>>>,
          this.#common,
        ),
      },
      { offset: ISR_OFFSET, length: 1, range: { read: () => this.#takeIsr(), write: () => {} } },
      { offset: NOTIFY_OFFSET, length: notifyLength, range: this.#notifyRange(options.notifyMultiplier) },
    ]);
    const msixBar = new BarContents(MSIX_BAR_SIZE, [
      { offset: 0, length: this.#msix.tableBytes, range: this.#msix.table },
      { offset: PBA_OFFSET, length: this.#msix.pendingBytes, range: this.#msix.pendingBits },
    ]);
    this.#legacy = options.legacyConfig && this.#legacyRegisters(options.legacyConfig);
    this.interfaces = this.#legacy ? 'transitional' : 'non-transitional';
    this.#msixBar = this.#legacy ? LEGACY_BAR + 1 : LEGACY_BAR;
    const bars: Bar[] = [
      ...(this.#legacy ? [legacyBar(this.#legacy, options.deviceConfig.length)] : []),
      { index: this.#msixBar, kind: 'memory32', contents: msixBar },
      // Not prefetchable: reading ISR has a side effect.
      { index: VIRTIO_BAR, kind: 'memory64', contents: virtioBar },
    ];
    this.config = new ConfigSpace(this.#identity, bars, this.#behaviours);
    this.#addStructure(VirtioPciCapType.COMMON_CFG, COMMON_OFFSET, virtioPciCommonCfg.size);
    this.#addStructure(VirtioPciCapType.ISR_CFG, ISR_OFFSET, 1);
    this.#addStructure(VirtioPciCapType.NOTIFY_CFG, NOTIFY_OFFSET, notifyLength, options.notifyMultiplier);
    this.#addStructure(VirtioPciCapType.DEVICE_CFG, DEVICE_OFFSET, options.deviceConfig.length);
    this.#addAccessWindow();
    this.#addCapability(virtioPciVndrData, VirtioPciCapType.VENDOR_CFG, VENDOR_DATA);
    if (options.vectors > 0) this.#addMsix(options.vectors);
    this.#watchRegisters();
    device.connect(this);
  }

  get mayAccessMemory(): boolean {
    return (this.config.command & PciCommand.MASTER) !== 0;
  }

  /** Used buffer notification ("Notification of used buffers"). */
  notifyUsed(queue: Virtqueue): void {
    if (this.#msix.enabled) {
      if (queue.vector !== VIRTIO_MSI_NO_VECTOR) this.#msix.raise(queue.vector);
    } else this.#isr |= VirtioIsr.QUEUE;
  }

  /** Configuration change notification. The ISR bit is set with MSI-X too, as the rule has no condition. */
  notifyConfig(): void {
    this.#isr |= VirtioIsr.CONFIG;
    if (this.#msix.enabled && this.#common.configVector !== VIRTIO_MSI_NO_VECTOR)
      this.#msix.raise(this.#common.configVector);
  }

  /** INTx. MSI-X takes its place, and the command register can keep it down. */
  get line(): boolean {
    const disabled = (this.config.command & PciCommand.INTX_DISABLE) !== 0;
    return this.#behaviours.line(this.#lineDue && !disabled);
  }

  /** Whether there is something to tell by INTx, disabled or not. */
  get #lineDue(): boolean {
    return !this.#msix.enabled && this.#isr !== 0;
  }

  reset(resets: (part: ResetPart) => boolean): void {
    this.#common.reset(resets('vectors'));
    this.#legacy?.reset();
    if (resets('vectors')) for (const queue of this.#device.queues) queue.vector = VIRTIO_MSI_NO_VECTOR;
    if (resets('interrupts')) {
      this.#isr = 0;
      this.#msix.clearPending();
    }
  }

  /** Whether the driver uses the MSI-X table of the function. */
  get msixTableWritten(): boolean {
    return this.#msix.written;
  }

  /** A read by bus address; all ones where nothing answers. */
  busRead(space: BusSpace, address: bigint, width: AccessWidth): number {
    const hit = this.config.decode(space, address, width);
    return hit ? hit.contents.read(hit.offset, width) : 2 ** (8 * width) - 1;
  }

  busWrite(space: BusSpace, address: bigint, width: AccessWidth, value: number): void {
    const hit = this.config.decode(space, address, width);
    hit?.contents.write(hit.offset, width, value);
  }

  #legacyRegisters(config: RegisterRange): LegacyRegisters {
    const common = this.#common;
    const msix = this.#msix;
    return new LegacyRegisters(this.#device, config, {
      get msixEnabled() {
        return msix.enabled;
      },
      get configVector() {
        return common.configVector;
      },
      set configVector(vector) {
        common.configVector = vector;
      },
      usableVector: (vector) => msix.usable(vector),
      takeIsr: () => this.#takeIsr(),
    });
  }

  /** What the header says of the function, apart from its registers. */
  get #identity(): Readonly<Record<string, number>> {
    return {
      vendor_id: VIRTIO_PCI_VENDOR,
      ...(this.interfaces === 'transitional' ? TRANSITIONAL : NON_TRANSITIONAL),
      class_base: CLASS_MASS_STORAGE,
      subsystem_vendor_id: VIRTIO_PCI_VENDOR,
      interrupt_pin: INTERRUPT_PIN_A,
    };
  }

  #addStructure(cfgType: number, offset: number, length: number, multiplier?: number): void {
    const more: Record<string, number> =
      multiplier === undefined ? {} : { notify_off_multiplier: multiplier };
    const layout = multiplier === undefined ? pciCap : pciNotifyCap;
    this.#addCapability(layout, cfgType, { bar: VIRTIO_BAR, offset, length, ...more });
  }

  /** Adds a virtio capability, of whose fields `values` are told anew at every read; returns where it is. */
  #addCapability(
    layout: Layout<Record<string, Kind<number>>>,
    cfgType: number,
    values: Readonly<Record<string, number>>,
  ): number {
    const at = this.config.addCapability(new Uint8Array(layout.size));
    let next: number | undefined;
    const { cap_next: link } = pciCap.fields;
    this.config.watch(at, layout.size, {
      before: () => {
        next ??= this.config.bytes[at + link.offset] ?? 0;
        const head = {
          cap_vndr: PciCapability.VENDOR,
          cap_next: next,
          cap_len: layout.size,
          cfg_type: cfgType,
        };
        for (const [name, value] of Object.entries({ ...head, ...values }))
          layout.write(
            this.config.bytes,
            { [name]: this.#behaviours.pciCapability(cfgType, name, value) },
            at,
          );
      },
    });
    return at;
  }

  #addAccessWindow(): void {
    const at = this.#addCapability(pciCfgCap, VirtioPciCapType.PCI_CFG, {});
    this.#windowCapability = at;
    const { bar, offset, length, pci_cfg_data: data } = pciCfgCap.fields;
    for (const field of [bar, offset, length, data])
      this.config.allow(at + field.offset, new Array<number>(field.size).fill(0xff));
    this.config.watch(at + data.offset, data.size, {
      before: () =>
        this.#accessWindow(false, (contents, from, width) => {
          const value = contents.read(from, width);
          for (let byte = 0; byte < width; byte++)
            this.config.bytes[at + data.offset + byte] = (value >>> (8 * byte)) & 0xff;
        }),
      after: () =>
        this.#accessWindow(true, (contents, from, width) => {
          const value = this.config.u32(at + data.offset);
          contents.write(from, width, width === 4 ? value : value & (2 ** (8 * width) - 1));
        }),
    });
  }

  /** Carries out an access of the window if the driver set it up right; otherwise nothing happens. */
  #accessWindow(
    write: boolean,
    access: (contents: BarContents, offset: number, width: AccessWidth) => void,
  ): void {
    const at = this.#windowCapability;
    const { fields } = pciCfgCap;
    const wanted = this.#behaviours.windowAccess({
      bar: this.config.bytes[at + fields.bar.offset] ?? 0,
      offset: this.config.u32(at + fields.offset.offset),
      length: this.config.u32(at + fields.length.offset),
      write,
    });
    if (wanted === undefined) return;
    const { bar, offset, length } = wanted;
    const contents = this.config.barContents(bar);
    if (length !== 1 && length !== 2 && length !== 4) return;
    if (contents && offset % length === 0 && offset + length <= contents.size)
      access(contents, offset, length);
  }

  #watchRegisters(): void {
    this.config.watch(0, pciHeader.size, {
      before: () => {
        for (const [name, value] of Object.entries(this.#identity))
          pciHeader.write(this.config.bytes, { [name]: this.#behaviours.pciHeader(name, value) });
        this.config.tellBars((index, kind) => this.#behaviours.barKind(kind, index));
      },
    });
    const status = pciHeader.fields.status.offset;
    this.config.watch(status, 2, {
      before: () => {
        this.config.bytes[status] = PciStatus.CAP_LIST | (this.#lineDue ? PciStatus.INTERRUPT : 0);
      },
    });
    this.config.watch(pciHeader.fields.command.offset, 2, {
      after: () => {
        if (!this.mayAccessMemory) return;
        this.#msix.deliverPending();
        this.#device.memoryReachable();
      },
    });
  }

  #addMsix(vectors: number): void {
    const at = this.config.addCapability(msixCapability.encode({ cap_vndr: PciCapability.MSIX }));
    const control = at + msixCapability.fields.message_control.offset;
    const told = (name: string, value: number) => this.#behaviours.msixCapability(name, value);
    this.config.watch(at, msixCapability.size, {
      before: () =>
        msixCapability.write(
          this.config.bytes,
          {
            message_control:
              (this.config.u16(control) & ~MsixControl.TABLE_SIZE) | told('table_size', vectors - 1),
            table: told('table', this.#msixBar),
            pba: told('pba', PBA_OFFSET | this.#msixBar),
          },
          at,
        ),
    });
    this.config.allow(control + 1, [(MsixControl.ENABLE | MsixControl.FUNCTION_MASK) >> 8]);
    this.config.watch(control, 2, {
      after: () => {
        const value = this.config.u16(control);
        this.#msix.control((value & MsixControl.ENABLE) !== 0, (value & MsixControl.FUNCTION_MASK) !== 0);
      },
    });
  }

  #takeIsr(): number {
    const value = this.#behaviours.isr(this.#isr);
    this.#isr = 0;
    return value;
  }

  /** A kick names a queue, is of the negotiated width, and is written to the queue's own address. */
  #notifyRange(multiplier: number): RegisterRange {
    return {
      read: () => 0,
      write: (offset, width, value) => {
        const named = this.#device.notification(value);
        if (!named || width !== notificationWidth(this.#device.negotiated)) return;
        if (offset === (this.#device.queues.length - 1 - named.queue.index) * multiplier)
          this.#device.kick(named.queue, named.position);
      },
    };
  }
}
