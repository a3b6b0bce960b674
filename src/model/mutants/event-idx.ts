/** VIRTIO_F_EVENT_IDX in split rings, by halves or off by one. */
import { UsedFlag } from '../../wire/split-ring.js';
import type { Behaviours, EventArea } from '../behaviours.js';
import type { Mutant } from './mutant.js';
import { watchRings } from './watching.js';

/** Lets a mutant change one side's area of split rings, where VIRTIO_F_EVENT_IDX was negotiated. */
function changing(
  id: string,
  sentence: string,
  requirement: string,
  side: 'driverArea' | 'deviceArea',
  change: (area: EventArea) => EventArea,
): Mutant {
  return {
    id,
    sentence,
    requirement,
    source: 'generic',
    apply: (behaviours: Behaviours) => {
      const ring = watchRings(behaviours);
      behaviours[side] = (area) => (ring()?.eventIdx && !ring()?.packed ? change(area) : area);
    },
  };
}

/** An index further on, modulo 2^16. */
const further = (area: EventArea, by: number): EventArea => ({ ...area, event: (area.event + by) & 0xffff });

export const EVENT_IDX_MUTANTS: readonly Mutant[] = [
  changing(
    'event-idx.one-late',
    'The interrupt comes an entry later than used_event says.',
    'virtio.eventidx.notify-at-used-event',
    'driverArea',
    (area) => further(area, 1),
  ),
  changing(
    'event-idx.heeds-flags',
    'With EVENT_IDX NO_INTERRUPT in the flags of the available ring suppresses interrupts.',
    'virtio.eventidx.ignore-flags',
    'driverArea',
    (area) => (area.flags & 1 ? further(area, 0x4000) : area),
  ),
  changing(
    'event-idx.sets-flags',
    'With EVENT_IDX the flags of the used ring are 1.',
    'virtio.eventidx.used-flags-zero',
    'deviceArea',
    (area) => ({ ...area, flags: UsedFlag.NO_NOTIFY }),
  ),
  changing(
    'event-idx.asks-late',
    'avail_event names the entry after the next, so that a driver that keeps to it is not heard.',
    'virtio.eventidx.drv.kick-at-avail-event',
    'deviceArea',
    (area) => further(area, 1),
  ),
  {
    id: 'event-idx.once-a-lap',
    sentence: 'used_event is taken for a place in the ring, and fires each time the ring comes round.',
    requirement: 'virtio.eventidx.used-event-modulo',
    source: 'generic',
    apply: (behaviours) => {
      let size = 0;
      let used = 0;
      behaviours.ringSetup = (setup) => {
        size = setup.size;
        return setup;
      };
      behaviours.ringIndex = (index, side) => {
        if (side === 'used') used = (index - 1) & 0xffff;
        return index;
      };
      behaviours.driverArea = (area) =>
        size === 4 ? { ...area, event: used - (used % size) + (area.event % size) } : area;
    },
  },
];
