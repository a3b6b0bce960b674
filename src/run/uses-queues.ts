/** Whether a case sets queues up: only then do the modes of a transport differ for it. */
import type { ExpandedCase, Location, SetupPlan, Step } from '../cases/types.js';
import { everyStep } from './every-step.js';

/** False where the device is the same in every way to lay rings out, up to the liveness probe after the case. */
export function usesQueues({ device, steps, skip }: ExpandedCase): boolean {
  if (skip) return true;
  if (device.state === 'live' && negotiates(device)) return true;
  for (const step of everyStep(steps)) if (concernsQueues(step)) return true;
  return false;
}

/** Features are the first step of initialisation that depends on the mode. */
function negotiates({ until }: SetupPlan): boolean {
  return until !== 'acknowledge' && until !== 'driver';
}

function concernsQueues(step: Step): boolean {
  switch (step.kind) {
    case 'read':
      return ofRings(step.location);
    case 'write':
      return step.writes.some(({ location }) => ofRings(location));
    case 'setup':
      return negotiates(step);
    case 'reset':
    case 'control':
    case 'check':
    case 'repeat':
      return false;
    case 'wait':
      return step.target.kind !== 'interrupt';
    case 'quiet':
      return step.watch.some((what) => what !== 'status' && what !== 'interrupts');
    default:
      return true;
  }
}

function ofRings({ kind }: Location): boolean {
  return kind === 'ring' || kind === 'buffer' || kind === 'medium';
}
