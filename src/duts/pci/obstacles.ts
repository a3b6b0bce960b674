/** What keeps a function of this machine from being driven without an IOMMU. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freeHugePages, HUGE_PAGE_POOL } from '../../sys/huge-pages.js';
import { hasLibc } from '../../sys/libc.js';
import type { Obstacle } from '../dut.js';
import type { HostFunction } from '../pci-function/host-function.js';
import { type FunctionOptions, namedFunction } from '../pci-function/named-function.js';

/** Pages of memory for rings and buffers, 2 MiB each. */
export const PAGES = 32;

const LOCKDOWN = 'sys/kernel/security/lockdown';
/** A driver of the kernel that keeps others away and does nothing itself. */
const RESERVING_DRIVER = 'pci-stub';
/** Bit of the sets of capabilities. */
const CAP_SYS_ADMIN = 21n;

/** What the user of a function has agreed to. */
export interface Consent {
  /** DMA that nothing keeps in bounds is wanted. */
  readonly unsafeDma?: boolean;
}

const devicesIn = (root: string): string => join(root, 'sys/bus/pci/devices');

/** All of them, those first that are to be got over first. `root`: of the file system that has `sys` and `proc`. */
export function pciObstacles(
  { address, unsafeDma = false }: Consent & Pick<FunctionOptions, 'address'>,
  root = '/',
): readonly Obstacle[] {
  if (process.platform !== 'linux')
    return [
      { what: `functions are reached by sysfs of Linux; this is ${process.platform}`, remedy: 'use Linux' },
    ];
  const devices = devicesIn(root);
  const named = namedFunction('pci', address, devices);
  if ('obstacle' in named)
    return named.obstacle.choice ? [named.obstacle, ...pciMachineObstacles(root)] : [named.obstacle];
  const { found } = named;
  return [...ofFunction(found), ...(unsafeDma ? [] : [noConsent(found)]), ...pciMachineObstacles(root)];
}

/** Those that have nothing to do with which function it is. */
export function pciMachineObstacles(root = '/'): readonly Obstacle[] {
  const obstacles: Obstacle[] = [];
  if (!mayAdminister(root))
    obstacles.push({
      what: 'the kernel tells physical addresses to root alone (CAP_SYS_ADMIN), not to this process',
      remedy: 'become root, outside of any container',
    });
  const lockdown = text(join(root, LOCKDOWN)) ?? '';
  if (/\[(integrity|confidentiality)\]/.test(lockdown))
    obstacles.push({
      what: 'the kernel is locked down: it lets nobody reach registers of devices',
      remedy: 'boot without Secure Boot, or without lockdown= on the command line of the kernel',
    });
  const free = freeHugePages(join(root, 'sys'));
  if (free < PAGES)
    obstacles.push({
      what: `${PAGES} free huge pages of 2 MiB are needed for memory that does not move, and there are ${free}`,
      remedy: `echo ${PAGES} > ${join('/sys', HUGE_PAGE_POOL, 'nr_hugepages')}`,
    });
  if (!hasLibc())
    obstacles.push({
      what: 'The optional module koffi is missing: nothing can be mapped',
      remedy: 'npm install koffi',
    });
  return obstacles;
}

function ofFunction(found: HostFunction): readonly Obstacle[] {
  const { address, folder, driver, group } = found;
  const obstacles: Obstacle[] = [];
  if (group !== undefined)
    obstacles.push({
      what: `an IOMMU translates what ${address} does to memory (group ${group})`,
      remedy: `use it, it is safer: --dut vfio:${address}`,
    });
  if (driver !== undefined && driver !== RESERVING_DRIVER)
    obstacles.push({
      what: `${address} has a driver, ${driver}`,
      remedy: `take it away, and the disks with it: echo ${address} > /sys/bus/pci/drivers/${driver}/unbind`,
    });
  if (!allowed(join(folder, 'config')))
    obstacles.push({ what: `${join(folder, 'config')} may not be written`, remedy: 'become root' });
  return obstacles;
}

/** Nothing but a word of the user's gets over it. */
function noConsent({ address }: HostFunction): Obstacle {
  return {
    what: `nothing keeps ${address} from memory that is not the suite's: where it writes to a wrong address, it writes into the running kernel, its caches of files and other programs`,
    remedy: 'on a machine that may be lost, with nothing mounted that matters, add --unsafe-dma',
    choice: true,
  };
}

function mayAdminister(root: string): boolean {
  const [, effective = '0'] =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(text(join(root, 'proc/self/status')) ?? '') ?? [];
  return ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

function text(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'latin1') : undefined;
}

function allowed(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
