/** State that a device reset leaves standing. */
import type { ResetPart } from '../behaviours.js';
import type { Mutant } from './mutant.js';

/** Each part of the state, what survives, and the rule that says it must not. */
const PARTS: readonly (readonly [ResetPart, string, string])[] = [
  ['status', 'The device status', 'virtio.reset.status-zero'],
  ['features', 'The feature bits of the driver', 'virtio.features.renegotiate-needs-reset'],
  ['queues', 'The configuration of the queues', 'virtio.pci.queue-enable-zero-on-reset'],
  ['vectors', 'The mapping of interrupt vectors', 'virtio.pci.msix-unmapped-on-reset'],
  ['interrupts', 'A pending interrupt', 'virtio.reset.no-notify-after'],
  ['sense_size', 'sense_size', 'scsi.config.reset-sense-size'],
  ['cdb_size', 'cdb_size', 'scsi.config.reset-cdb-size'],
  ['units', 'The state of the logical units', 'scsi.tmf.lun-reset-unit-attention'],
  ['lost_events', 'The memory of lost events', 'scsi.event.no-unprovoked'],
];

export const RESET_MUTANTS: readonly Mutant[] = [
  ...PARTS.map(
    ([part, words, requirement]): Mutant => ({
      id: `reset.keeps-${part.replace('_', '-')}`,
      sentence: `${words} outlives a device reset.`,
      requirement,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.resets = (each) => each !== part;
      },
    }),
  ),
  {
    id: 'reset.leaves-io',
    sentence: 'Commands that were in flight at a device reset go on, and are completed into the old ring.',
    requirement: 'virtio.reset.no-queue-access-after',
    source: 'museum QVS-04-reset-leaves-io',
    apply: (behaviours) => {
      behaviours.resets = (part) => part !== 'tasks';
      behaviours.mayComplete = () => true;
    },
  },
];
