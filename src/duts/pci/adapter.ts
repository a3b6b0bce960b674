/** A PCI function of this machine that no IOMMU stands before: what a virtual machine in a cloud has. */
import { join } from 'node:path';
import { PCI_TRANSPORTS, type PciTransportName } from '../../port/transport-name.js';
import { HugePages } from '../../sys/huge-pages.js';
import { LibcError } from '../../sys/libc.js';
import { type DutAdapter, type DutProfile, DutSetupError, type RunningDut } from '../dut.js';
import { fullAddress, type HostFunction, hostFunction } from '../pci-function/host-function.js';
import {
  type FunctionOptions,
  functionIdentity,
  functionPlaces,
  functionProfile,
} from '../pci-function/named-function.js';
import { placedBars } from './bars.js';
import { DmaGuard } from './dma-guard.js';
import { pciLab } from './lab-machine.js';
import { type Consent, PAGES, pciObstacles } from './obstacles.js';
import type { PciAttach } from './port.js';

/** Which function, and what is declared about it. */
export interface PciOptions extends FunctionOptions, Consent {
  /** Messages reach memory like all DMA: MSI-X can be used. Left out: it stays off, and the line is watched. */
  readonly messages?: boolean;
}

/** The main-thread half; its worker half is `openPciPort`. */
export function pciAdapter(options: PciOptions): DutAdapter {
  const { address } = options;
  // The function of the lab is known to have both interfaces.
  const { transports = PCI_TRANSPORTS.slice(0, address === undefined ? undefined : 1) } = options;
  return {
    name: 'pci',
    obstacles: () => Promise.resolve(pciObstacles(options)),
    transports,
    single: true,
    places: functionPlaces,
    // Who names a function means that one.
    ...(address === undefined && { lab: pciLab(options) }),
    start: (transport = transports[0]) => start(options, transport as PciTransportName),
  };
}

async function start(options: PciOptions, transport: PciTransportName): Promise<RunningDut> {
  const [obstacle] = pciObstacles(options);
  if (obstacle !== undefined) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const found = hostFunction(fullAddress(options.address ?? '') ?? '');
  if (found === undefined) throw new DutSetupError(`${options.address} has gone`);
  let memory: HugePages | undefined;
  try {
    memory = new HugePages(PAGES);
    return await running(options, found, memory, transport);
  } catch (error) {
    memory?.close();
    if (!(error instanceof LibcError)) throw error;
    throw new DutSetupError(`no memory for ${found.address}: ${error.message}`, undefined, { cause: error });
  }
}

async function running(
  options: PciOptions,
  found: HostFunction,
  memory: HugePages,
  transport: PciTransportName,
): Promise<RunningDut> {
  const ranges = memory.ranges();
  if (ranges === undefined)
    throw new DutSetupError(
      'the kernel hides physical addresses from this process',
      'become root, outside of any container',
    );
  const { folder } = found;
  const config = join(folder, 'config');
  const guard = await DmaGuard.start(config, memory.fd);
  const profile: DutProfile = { ...functionProfile(options), dmaContained: false };
  const { settleMs } = profile;
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    // Its memory is nobody else's before it has let go of it.
    await guard.end();
    memory.close();
  };
  return {
    identity: functionIdentity('pci', options, found, 'mapped, without an IOMMU'),
    profile,
    attach: {
      transport,
      folder,
      bars: placedBars(folder),
      memoryFd: memory.fd,
      ranges,
      messages: options.messages ?? false,
      settleMs,
    } satisfies PciAttach,
    // A function does not end, and an access to its registers always does.
    exited: new Promise(() => {}),
    kill: () => {},
    controls: [],
    control: () => Promise.resolve(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
