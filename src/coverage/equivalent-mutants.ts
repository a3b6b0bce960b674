/**
 * Mutants that no case may catch: a conformant device could be like this. They show where the standard stops, and count
 * apart from those that nobody notices. One that is noticed after all is either no longer equivalent, or blamed by a case
 * that asks for too much.
 */

interface Equivalence {
  readonly ids: readonly string[];
  /** Why a conformant device may behave so. */
  readonly reason: string;
}

const EQUIVALENCES: readonly Equivalence[] = [
  {
    ids: [
      'config.seg-max.plus-one',
      'config.seg-max.swapped',
      'config.max-sectors.plus-one',
      'config.max-sectors.swapped',
      'config.cmd-per-lun.plus-one',
      'config.cmd-per-lun.swapped',
    ],
    reason:
      "a limit is the device's to choose, and what this one promises it keeps: it serves as much as its queues have room for",
  },
  {
    ids: ['config.event-info-size.plus-one', 'config.event-info-size.swapped'],
    reason:
      'the field is the most that an event may have, and nothing forbids a device to use less of it; 16 bytes are within either',
  },
  {
    ids: ['pci.num-queues.plus-one'],
    reason:
      'the field is the most queues that a device could have, and one that is not available says so by a size of 0, as the additional one does',
  },
  {
    ids: ['reset.keeps-units'],
    reason:
      'no sentence says whether a reset of the virtio device is one of its logical units; that removal is still prevented then is noted',
  },
  {
    ids: ['features.unoffered-accepted'],
    reason:
      'accepting what was not offered is the fault of the driver, and masking the bit off gives a valid set (ruling A43.unoffered-accepted)',
  },
  {
    ids: ['inquiry.removable.wrong'],
    reason:
      'each unit may say of itself that its medium can be removed; what it then does when told to eject is asked of those that said so when they were found',
  },
  {
    ids: ['inquiry.flags5.wrong'],
    reason:
      'the changed bit is PROTECT, which is about what a unit could be formatted with: READ CAPACITY tells that it is not',
  },
  {
    ids: ['inquiry.flags7.wrong'],
    reason:
      'the changed bit is CMDQUE, to which no rule of the catalogue ties a behaviour: on virtio-scsi every unit takes commands side by side',
  },
];

/** The reason by the id of the mutant. */
export const EQUIVALENT_MUTANTS: ReadonlyMap<string, string> = new Map(
  EQUIVALENCES.flatMap(({ ids, reason }) => ids.map((id) => [id, reason] as const)),
);
