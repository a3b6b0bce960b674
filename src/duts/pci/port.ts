/** The worker's half of a PCI function without an IOMMU. */
import { DutGoneError, PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import type { RegisterWindow } from '../../port/registers.js';
import type { PciTransportName } from '../../port/transport-name.js';
import type { PhysicalRange } from '../../sys/huge-pages.js';
import { libc } from '../../sys/libc.js';
import { pause } from '../../sys/real-clock.js';
import { walkCapabilities } from '../../transport/virtio-pci/capabilities.js';
import { PciBar, PciCommand, PciStatus, pciHeader } from '../../wire/pci.js';
import {
  VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL,
  VirtioPciCapType,
  virtioPciCommonCfg,
} from '../../wire/virtio-pci.js';
import { legacyHeader } from '../../wire/virtio-pci-legacy.js';
import type { ControlLink, OpenPort } from '../dut.js';
import { GuestMemory } from '../guest-memory.js';
import { pciFunctionPort, statusLine } from '../pci-function/port.js';
import type { PlacedBar } from './bars.js';
import { type FunctionWindows, openWindows } from './windows.js';

/** What the worker needs to drive a function. */
export interface PciAttach {
  readonly transport: PciTransportName;
  /** The folder of the function in sysfs. */
  readonly folder: string;
  readonly bars: readonly PlacedBar[];
  /** Descriptor of the memory, the main thread's. */
  readonly memoryFd: number;
  readonly ranges: readonly PhysicalRange[];
  /** Interrupt messages reach memory. */
  readonly messages: boolean;
  readonly settleMs: number;
}

const VENDOR = pciHeader.fields.vendor_id.offset;
const NOBODY = 0xffff;
const RESET_LIMIT_MS = 1000;
/** Bits of the command register without which its BARs are not there. */
const DECODING = PciCommand.IO | PciCommand.MEMORY;

/** Takes a function that nobody drives, as a port. Throws `PortError` PORT_SETUP. */
export const openPciPort: OpenPort<PciAttach> = (attach, link: ControlLink): Port => {
  const { folder, bars, memoryFd, ranges, transport, messages, settleMs } = attach;
  let windows: FunctionWindows | undefined;
  try {
    windows = openWindows(folder, bars);
    const opened = windows;
    const { config } = opened;
    const status = quieten(opened);
    const alive = () => config.read(VENDOR, 2) !== NOBODY;
    const dma = GuestMemory.mapped(
      ranges.map(({ base, size, fileOffset }) => ({ base: Number(base), size, fileOffset })),
      ({ fileOffset, size }) => libc().mapShared(memoryFd, fileOffset, size),
    );
    return pciFunctionPort({
      transport,
      config,
      bars: opened.bars,
      dma,
      messages,
      line: statusLine(config),
      settleMs,
      link,
      attend() {
        if (!alive()) throw new DutGoneError('the function does not answer any more');
      },
      alive,
      close: () => release(opened, status),
    });
  } catch (error) {
    windows?.close();
    if (error instanceof PortError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new PortError('PORT_SETUP', `${folder}: ${reason}`, { cause: error });
  }
};

function command(config: RegisterWindow, change: (bits: number) => number): void {
  const at = pciHeader.fields.command.offset;
  config.write(at, 2, change(config.read(at, 2)));
}

/** device_status, wherever it is. */
interface StatusRegister {
  readonly window: RegisterWindow;
  readonly offset: number;
}

/**
 * Resets the device before it may master the bus: the rings of its last driver lie in memory that others have now.
 * Throws `PortError`.
 */
function quieten({ config, bars }: FunctionWindows): StatusRegister {
  command(config, (bits) => (bits & ~PciCommand.MASTER) | DECODING);
  if (config.read(VENDOR, 2) === NOBODY) throw new PortError('PORT_SETUP', 'nothing answers there');
  const status = statusRegister(config, bars);
  reset(status);
  return status;
}

/** Throws `PortError` where it takes too long. */
function reset({ window, offset }: StatusRegister): void {
  window.write(offset, 1, 0);
  for (let waited = 0; window.read(offset, 1) !== 0; waited++) {
    if (waited === RESET_LIMIT_MS) throw new PortError('PORT_SETUP', 'it does not finish its reset');
    pause(1);
  }
}

/** Forgets the rings, since the next driver may let it master the bus before that one resets it, as Linux does. */
function release({ config, close }: FunctionWindows, status: StatusRegister): void {
  try {
    command(config, (bits) => bits | DECODING);
    reset(status);
  } catch {
    // One that has gone, or hangs, is told of elsewhere; what follows counts, and the guard looks after it as well.
  }
  try {
    command(config, (bits) => bits & ~PciCommand.MASTER);
  } finally {
    close();
  }
}

/** That of the modern interface, or of the legacy one of a transitional device that has no other. */
function statusRegister(config: RegisterWindow, bars: FunctionWindows['bars']): StatusRegister {
  const { status, device_id, bar0 } = pciHeader.fields;
  const listed = (config.read(status.offset, 2) & PciStatus.CAP_LIST) !== 0;
  for (const { type, bar, offset } of listed ? walkCapabilities(config).virtio : []) {
    const window = bars.get(bar);
    if (type === VirtioPciCapType.COMMON_CFG && window !== undefined)
      return { window, offset: offset + virtioPciCommonCfg.fields.device_status.offset };
  }
  const transitional = config.read(device_id.offset, 2) === VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL;
  const legacy = transitional && (config.read(bar0.offset, 4) & PciBar.IO) !== 0 ? bars.get(0) : undefined;
  if (legacy === undefined)
    throw new PortError(
      'PORT_SETUP',
      'there is no device_status: neither a COMMON_CFG in a BAR that has an address, nor the I/O ports of a transitional device',
    );
  return { window: legacy, offset: legacyHeader.fields.device_status.offset };
}
