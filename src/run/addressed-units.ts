/** Which units the commands of a case go to, as far as its steps say so before it runs. */
import type { ControlPlan, Descriptor, Location, LunSpec, Step } from '../cases/types.js';
import { everyStep } from './every-step.js';

type Address = LunSpec | 'unknown';

/** Names of the units by their roles; `any` where an address is worked out while the case runs, or given as bytes. */
export function addressedUnits(steps: readonly Step[]): ReadonlySet<string> | 'any' {
  const names = new Set<string>();
  for (const step of everyStep(steps))
    for (const lun of addressesIn(step)) {
      if (lun === 'unknown' || lun.kind !== 'unit') return 'any';
      names.add(lun.name);
    }
  return names;
}

function addressesIn(step: Step): readonly Address[] {
  switch (step.kind) {
    case 'command':
    case 'tmf':
    case 'an':
      return [step.lun];
    case 'chain':
      return step.descriptors.flatMap(addressesOf);
    case 'control':
      return controlled(step.control);
    case 'read':
      return mediumOf(step.location);
    case 'write':
      return step.writes.flatMap(({ location }): readonly Address[] =>
        // What is written there may become a request.
        location.kind === 'ring' || location.kind === 'buffer' ? ['unknown'] : mediumOf(location),
      );
    default:
      return [];
  }
}

function addressesOf(descriptor: Descriptor): readonly Address[] {
  if (descriptor.kind === 'in') return [];
  if (descriptor.kind !== 'out') return ['unknown'];
  return descriptor.content.map((content): Address => {
    if (content.kind === 'bytes') return 'unknown';
    return content.kind === 'request' ? content.request.lun : content.tmf.lun;
  });
}

function controlled(control: ControlPlan): readonly LunSpec[] {
  if ('at' in control) return [control.at];
  return 'units' in control ? control.units : [];
}

function mediumOf(location: Location): readonly LunSpec[] {
  return location.kind === 'medium' ? [{ kind: 'unit', name: location.unit }] : [];
}
