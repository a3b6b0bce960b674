/** The PCI function of this machine that a user means, and what is declared about it. */

import type { PciTransportName } from '../../port/transport-name.js';
import { type BackendUnits, backendProfile } from '../backend-profile.js';
import type { DutIdentity, DutProfile, Obstacle } from '../dut.js';
import {
  fullAddress,
  type HostFunction,
  hostFunction,
  idsOf,
  isVirtioScsi,
  virtioScsiFunctions,
} from './host-function.js';

/** Which function, and what is declared about it. */
export interface FunctionOptions extends BackendUnits {
  /** Its PCI address, `0000:01:00.0`. */
  readonly address?: string;
  /** By which it is driven; default: the modern interface. */
  readonly transports?: readonly PciTransportName[];
  /** What it is, for reports and for the choice of known deviations; registers do not tell. */
  readonly identity?: Pick<DutIdentity, 'name' | 'version'>;
  /** Milliseconds after which it is taken to be at rest; default 2. */
  readonly settleMs?: number;
}

/** The function at an address; otherwise why there is none. `devices`: where sysfs has them. */
export function namedFunction(
  kind: string,
  address: string | undefined,
  devices?: string,
): { readonly found: HostFunction } | { readonly obstacle: Obstacle } {
  if (address === undefined)
    return {
      obstacle: {
        what: 'no PCI function is named',
        remedy: `--dut ${kind}:ADDRESS; ${candidates(devices)}`,
        choice: true,
      },
    };
  const full = fullAddress(address);
  if (full === undefined)
    return {
      obstacle: {
        what: `${address} is no PCI address`,
        remedy: `an address is like 0000:01:00.0; ${candidates(devices)}`,
      },
    };
  const found = hostFunction(full, devices);
  if (found === undefined)
    return { obstacle: { what: `this machine has no PCI function ${full}`, remedy: candidates(devices) } };
  if (!isVirtioScsi(found))
    return {
      obstacle: {
        what: `${full} is no virtio-scsi function: it is ${idsOf(found)}, not 1af4:1048 or 1af4:1004`,
        remedy: candidates(devices),
      },
    };
  return { found };
}

/** Addresses of the functions that could be meant. */
export function functionPlaces(): readonly string[] {
  return virtioScsiFunctions().map(({ address }) => address);
}

/** Which function could be meant, in words. */
export function candidates(devices?: string): string {
  const found = virtioScsiFunctions(devices).map(
    (each) => `${each.address} (${each.driver === undefined ? 'no driver' : `driver ${each.driver}`})`,
  );
  return found.length === 0
    ? 'this machine has no virtio-scsi function'
    : `virtio-scsi functions of this machine: ${found.join(', ')}`;
}

/** What is declared about the units, and how long the function takes to come to rest. */
export function functionProfile(options: FunctionOptions): DutProfile {
  const profile = backendProfile(options);
  return { ...profile, settleMs: options.settleMs ?? profile.settleMs };
}

/** Who it is; `memory`: how it reaches memory, for reports. */
export function functionIdentity(
  kind: string,
  { identity }: FunctionOptions,
  found: HostFunction,
  memory: string,
): DutIdentity {
  const hex = (id: number) => id.toString(16).padStart(4, '0');
  return {
    name: kind,
    version: 'unknown',
    ...identity,
    details: {
      function: found.address,
      ids: `${idsOf(found)}, subsystem ${found.subsystem.map(hex).join(':')}, revision ${found.revision}`,
      memory,
    },
  };
}
