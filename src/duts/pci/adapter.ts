/** A PCI function of this machine that no IOMMU stands before: what a virtual machine in a cloud has. */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { PCI_TRANSPORTS, type PciTransportName } from '../../port/transport-name.js';
import { HugePages } from '../../sys/huge-pages.js';
import { type DutAdapter, type DutProfile, DutSetupError, type RunningDut } from '../dut.js';
import { fullAddress, type HostFunction, hostFunction } from '../pci-function/host-function.js';
import {
  type FunctionOptions,
  functionIdentity,
  functionPlaces,
  functionProfile,
} from '../pci-function/named-function.js';
import { placedBars } from './bars.js';
import { claimFunction } from './claim.js';
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
  let claim: number | undefined;
  let memory: HugePages | undefined;
  try {
    claim = claimFunction(found);
    memory = new HugePages(PAGES);
    return await running(options, found, claim, memory, transport);
  } catch (error) {
    memory?.close();
    if (claim !== undefined) closeSync(claim);
    if (error instanceof DutSetupError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DutSetupError(`${found.address}: ${reason}`, undefined, { cause: error });
  }
}

/** Starts the guard last: what is started here ends with `stop`. */
async function running(
  options: PciOptions,
  found: HostFunction,
  claim: number,
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
  const profile: DutProfile = { ...functionProfile(options), dmaContained: false };
  const identity = functionIdentity('pci', options, found, 'mapped, without an IOMMU');
  const attach: PciAttach = {
    transport,
    folder,
    bars: placedBars(folder),
    memoryFd: memory.fd,
    ranges,
    messages: options.messages ?? false,
    settleMs: profile.settleMs,
  };
  const guard = await DmaGuard.start(join(folder, 'config'), [memory.fd, claim]);
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    // Its memory is nobody else's before it has let go of it: what fails here keeps both until the process ends.
    await guard.end();
    memory.close();
    closeSync(claim);
    guard.check();
  };
  return {
    identity,
    profile,
    attach,
    // A function does not end, and every access to its registers comes back; but it is not driven without the guard.
    exited: guard.lost,
    kill: () => {},
    controls: [],
    control: () => Promise.resolve(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
