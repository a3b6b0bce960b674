/**
 * What a case uses that does not reach the device: registers, of a device below them, or the MSI-X table where
 * interrupts do not go by it. A case says by `needs` on which kinds of register it rests, but hardly that it rests on
 * registers at all; this looks at what its steps touch.
 */
import type { ExpandedCase, Location, SetupPlan, Skip, Step } from '../cases/types.js';
import { isVhost } from '../port/transport-name.js';
import type { RegionName, Transport } from '../transport/transport.js';
import { PciTransport } from '../transport/virtio-pci/pci-transport.js';
import { everyStep } from './every-step.js';
import { deviceRegister } from './steps/register-location.js';

type Lack = string | undefined;

/** Why a case cannot be carried out by a transport; undefined where it can. */
export function missingLayer({ device, steps }: ExpandedCase, transport: Transport): Skip | undefined {
  if (transport instanceof PciTransport && !transport.msixMasks && touchesMsix(steps))
    return {
      kind: 'no-layer',
      evidence: 'whoever delivers the interrupts stands between the driver and the MSI-X table',
    };
  if (!isVhost(transport.kind)) return undefined;
  const lack = ofSetup(device) ?? firstLack(steps, transport);
  return lack === undefined
    ? undefined
    : { kind: 'no-layer', evidence: `${transport.kind} has no ${lack}: it is not the back-end's` };
}

/** What tells about the MSI-X structures, and has no part in how they work. */
const MSIX_FACTS: ReadonlySet<string> = new Set(['table_size', 'table', 'pba']);

function touchesMsix(steps: readonly Step[]): boolean {
  const works = (location: Location) => location.kind === 'msix' && !MSIX_FACTS.has(location.register);
  for (const step of everyStep(steps)) {
    if (step.kind === 'read' && works(step.location)) return true;
    if (step.kind === 'write' && step.writes.some(({ location }) => works(location))) return true;
  }
  return false;
}

function firstLack(steps: readonly Step[], transport: Transport): Lack {
  for (const step of everyStep(steps)) {
    const lack = ofStep(step, transport);
    if (lack !== undefined) return lack;
  }
  return undefined;
}

function ofStep(step: Step, transport: Transport): Lack {
  switch (step.kind) {
    case 'read':
      return ofLocation(step.location, 'read', transport);
    case 'write':
      for (const { location } of step.writes) {
        const lack = ofLocation(location, 'write', transport);
        if (lack !== undefined) return lack;
      }
      return undefined;
    case 'setup':
      return ofSetup(step);
    case 'reset':
      return step.target === 'device' ? undefined : 'register queue_reset';
    case 'kick':
      return step.value === undefined ? undefined : 'value in a notification';
    case 'quiet':
      return step.watch.includes('status') && !transport.hasRegister('device_status', 'read')
        ? 'register device_status'
        : undefined;
    case 'wait': {
      const { target } = step;
      if (target.kind !== 'interrupt') return undefined;
      if (target.source === 'line') return 'interrupt line';
      if (target.vector !== undefined) return 'interrupt vectors';
      return transport.usualVector('config') === undefined ? 'configuration interrupt' : undefined;
    }
    default:
      return undefined;
  }
}

function ofSetup({ vectors, pageSize }: SetupPlan): Lack {
  if (pageSize !== undefined) return 'register GuestPageSize';
  return vectors === undefined ? undefined : 'interrupt vectors';
}

function ofLocation(location: Location, access: 'read' | 'write', transport: Transport): Lack {
  const region = (name: RegionName, what: string) => (transport.regions.has(name) ? undefined : what);
  switch (location.kind) {
    case 'dev': {
      const register = deviceRegister(location.register);
      return transport.hasRegister(register, access) ? undefined : `register ${register}`;
    }
    case 'config':
      return region('device', 'device configuration');
    case 'region':
      if (location.window) return 'PCI configuration access window';
      return region(
        (location.region === 'config' ? 'device' : location.region) as RegionName,
        `region ${location.region}`,
      );
    case 'field':
      return region('common', 'common configuration');
    case 'mmio':
      return region('mmio', 'MMIO register');
    case 'legacy':
      return region('legacy', 'legacy register');
    case 'pci':
    case 'cap':
    case 'msix':
      return region('pci', 'PCI function');
    case 'irq-line':
      return 'interrupt line';
    case 'ring':
    case 'buffer':
    case 'medium':
      return undefined;
  }
}
