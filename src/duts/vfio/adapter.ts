/** The VFIO device kind: a PCI function of this machine that its kernel hands out. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PCI_TRANSPORTS, type PciTransportName } from '../../port/transport-name.js';
import { freeHugePages, HUGE_PAGE } from '../../sys/huge-pages.js';
import { hasLibc } from '../../sys/libc.js';
import { type DutAdapter, DutSetupError, type Obstacle, type RunningDut } from '../dut.js';
import {
  fullAddress,
  groupNeighbours,
  type HostFunction,
  hostFunction,
} from '../pci-function/host-function.js';
import {
  type FunctionOptions,
  functionIdentity,
  functionPlaces,
  functionProfile,
  namedFunction,
} from '../pci-function/named-function.js';
import { SHARED_BYTES } from '../shared-memory.js';
import { VFIO_LAB } from './lab-machine.js';
import type { VfioAttach } from './port.js';
import { closeFunction, openFunction, VFIO_CONTAINER, VFIO_FOLDER } from './vfio-device.js';

/** Which function, and what is declared about it. */
export type VfioOptions = FunctionOptions;

const DRIVER = 'vfio-pci';
/** Drivers that leave the others of a group alone: VFIO takes the group as it is. */
const HARMLESS_DRIVERS = [DRIVER, 'pci-stub', 'pcieport'];

/** The main-thread half; its worker half is `openVfioPort`. */
export function vfioAdapter(options: VfioOptions): DutAdapter {
  const { address, transports = PCI_TRANSPORTS.slice(0, 1) } = options;
  return {
    name: 'vfio',
    obstacles: () => Promise.resolve(vfioObstacles(options)),
    transports,
    single: true,
    places: functionPlaces,
    // Who names a function means that one.
    ...(address === undefined && { lab: VFIO_LAB }),
    start: async (transport = transports[0]) => start(options, transport as PciTransportName),
  };
}

/** What keeps this process from driving the function that is meant; `devices`: where sysfs has them. */
export function vfioObstacles({ address }: VfioOptions, devices?: string): readonly Obstacle[] {
  const koffi = hasLibc()
    ? []
    : [{ what: 'The optional module koffi is missing: there are no ioctls', remedy: 'npm install koffi' }];
  const named = namedFunction('vfio', address, devices);
  if ('obstacle' in named) return [...koffi, named.obstacle];
  return [...koffi, ...functionObstacles(named.found)];
}

function functionObstacles(found: HostFunction): readonly Obstacle[] {
  const { address, driver, group } = found;
  if (group === undefined)
    return [
      {
        what: `no IOMMU stands before ${address}: VFIO would have nothing to keep it from all memory with`,
        remedy:
          'switch the IOMMU on (VT-d or AMD-Vi) in the firmware and on the command line of the kernel (intel_iommu=on); in a virtual machine its host has to provide one; --dut pci does without',
      },
    ];
  if (driver !== DRIVER)
    return [
      {
        what: `${address} has ${driver === undefined ? 'no driver' : `the driver ${driver}`}, it has to be bound to ${DRIVER}`,
        remedy: bindingCommands(found),
      },
    ];
  const others = groupNeighbours(found).filter(
    (each) => each.driver !== undefined && !HARMLESS_DRIVERS.includes(each.driver),
  );
  if (others.length > 0)
    return [
      {
        what: `the IOMMU cannot tell ${address} from ${others.map((each) => `${each.address} (${each.driver})`).join(', ')}: group ${group} can only be handed out as a whole`,
        remedy: others.map(bindingCommands).join('; '),
      },
    ];
  const files = [VFIO_CONTAINER, join(VFIO_FOLDER, group)];
  const missing = files.find((path) => !existsSync(path));
  if (missing !== undefined) return [{ what: `there is no ${missing}`, remedy: 'modprobe vfio-pci' }];
  const closed = files.find((path) => !allowed(path));
  if (closed !== undefined)
    return [{ what: `${closed} may not be opened`, remedy: `become root, or chown ${closed} to this user` }];
  return lockObstacles(readFileSync('/proc/self/limits', 'latin1'), process.geteuid?.() === 0);
}

/** What binds a function to vfio-pci, as root. */
export function bindingCommands({ address, driver }: HostFunction): string {
  const folder = `/sys/bus/pci/devices/${address}`;
  return [
    'modprobe vfio-pci',
    `echo ${DRIVER} > ${folder}/driver_override`,
    ...(driver === undefined ? [] : [`echo ${address} > ${folder}/driver/unbind`]),
    `echo ${address} > /sys/bus/pci/drivers_probe`,
  ].join(' && ');
}

/** The device's memory is locked, and only root may lock as much as it likes; `limits` as /proc/self/limits has them. */
export function lockObstacles(limits: string, isRoot: boolean): readonly Obstacle[] {
  const [, limit] = /^Max locked memory +(\d+)/m.exec(limits) ?? [];
  if (isRoot || limit === undefined || Number(limit) >= SHARED_BYTES) return [];
  return [
    {
      what: `this process may lock ${limit} bytes of memory, the device gets ${SHARED_BYTES}`,
      remedy: `ulimit -l ${SHARED_BYTES / 1024}, or become root`,
    },
  ];
}

function allowed(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function start(options: VfioOptions, transport: PciTransportName): RunningDut {
  const [obstacle] = vfioObstacles(options);
  if (obstacle !== undefined) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const found = hostFunction(fullAddress(options.address ?? '') ?? '');
  if (found?.group === undefined) throw new DutSetupError(`${options.address} has gone`);
  const opened = openFunction(found.address, found.group);
  const profile = functionProfile(options);
  // What a device maps in one piece is seldom cut by the IOMMU then.
  const hugePages = freeHugePages() * HUGE_PAGE >= SHARED_BYTES;
  const memory = `mapped, ${hugePages ? 'huge' : 'small'} pages, through the IOMMU (group ${found.group})`;
  let stopped = false;
  return {
    identity: functionIdentity('vfio', options, found, memory),
    profile,
    attach: { ...opened, transport, hugePages, settleMs: profile.settleMs } satisfies VfioAttach,
    // A function does not end, and every access to its registers comes back.
    exited: new Promise(() => {}),
    kill: () => {},
    controls: [],
    control: () => Promise.resolve(),
    stop: async () => {
      if (stopped) return;
      stopped = true;
      closeFunction(opened);
    },
  };
}
