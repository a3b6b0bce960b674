/** The worker's half of a PCI function without an IOMMU. */
import { PortError } from '../../port/errors.js';
import type { Port } from '../../port/port.js';
import type { RegisterWindow } from '../../port/registers.js';
import type { PciTransportName } from '../../port/transport-name.js';
import type { PhysicalRange } from '../../sys/huge-pages.js';
import { libc } from '../../sys/libc.js';
import { pause } from '../../sys/real-clock.js';
import { firstOfType, walkCapabilities } from '../../transport/virtio-pci/capabilities.js';
import { PciBar, PciCommand, pciHeader } from '../../wire/pci.js';
import { virtioPciCommonCfg } from '../../wire/virtio-pci.js';
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

/** Takes a function that nobody drives, as a port. Throws `PortError` PORT_SETUP. */
export const openPciPort: OpenPort<PciAttach> = (attach, link: ControlLink): Port => {
  const { folder, bars, memoryFd, ranges, transport, messages, settleMs } = attach;
  let windows: FunctionWindows | undefined;
  try {
    windows = openWindows(folder, bars);
    const { config, close } = windows;
    quieten(windows);
    const dma = GuestMemory.mapped(
      ranges.map(({ base, size, fileOffset }) => ({ base: Number(base), size, fileOffset })),
      ({ fileOffset, size }) => libc().mapShared(memoryFd, fileOffset, size),
    );
    return pciFunctionPort({
      transport,
      config,
      bars: windows.bars,
      dma,
      messages,
      line: statusLine(config),
      settleMs,
      link,
      alive: () => config.read(VENDOR, 2) !== NOBODY,
      close() {
        command(config, (bits) => bits & ~PciCommand.MASTER);
        close();
      },
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

/**
 * Resets the device before it may master the bus: the rings of its last driver lie in memory that others have now.
 * Throws `PortError`, or `TransportError` where it has neither interface.
 */
function quieten({ config, bars }: FunctionWindows): void {
  command(config, (bits) => (bits & ~PciCommand.MASTER) | PciCommand.IO | PciCommand.MEMORY);
  if (config.read(VENDOR, 2) === NOBODY) throw new PortError('PORT_SETUP', 'nothing answers there');
  const { window, offset } = statusRegister(config, bars);
  window.write(offset, 1, 0);
  for (let waited = 0; window.read(offset, 1) !== 0; waited++) {
    if (waited === RESET_LIMIT_MS) throw new PortError('PORT_SETUP', 'it does not finish its reset');
    pause(1);
  }
}

/** That of the legacy interface, or of the modern one of a function that has no other. */
function statusRegister(config: RegisterWindow, bars: FunctionWindows['bars']) {
  const { bar0 } = pciHeader.fields;
  const legacy = (config.read(bar0.offset, 4) & PciBar.IO) !== 0 ? bars.get(0) : undefined;
  if (legacy !== undefined) return { window: legacy, offset: legacyHeader.fields.device_status.offset };
  const { bar, offset } = firstOfType(walkCapabilities(config), 'COMMON_CFG');
  const window = bars.get(bar);
  if (window === undefined)
    throw new PortError('PORT_SETUP', `its registers are in BAR ${bar}, which has no address`);
  return { window, offset: offset + virtioPciCommonCfg.fields.device_status.offset };
}
