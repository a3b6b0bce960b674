/** Notifications gone wrong in both directions: what asks for them, what they say, and what they lead to. */
import { EventFlags, EventMask } from '../../wire/packed-ring.js';
import { featureSet } from '../../wire/virtio.js';
import { QueueIndex } from '../../wire/virtio-scsi.js';
import type { Behaviours, EventArea } from '../behaviours.js';
import type { Mutant } from './mutant.js';

type Source = Mutant['source'];

function mutant(
  id: string,
  sentence: string,
  requirement: string,
  apply: (behaviours: Behaviours) => void,
  source: Source = 'layout',
): Mutant {
  return { id: `notify.${id}`, sentence, requirement, source, apply };
}

/** Keeps account of the format of the rings and of event index, for what differs between them. */
function watchFormat(behaviours: Behaviours): () => { readonly packed: boolean; readonly eventIdx: boolean } {
  let format = { packed: false, eventIdx: false };
  const { ringFeatures } = behaviours;
  behaviours.ringFeatures = (features) => {
    format = features;
    return ringFeatures(features);
  };
  return () => format;
}

/** The driver's wishes are taken for something else; for one format of the ring only. */
function misreadsWishes(
  id: string,
  sentence: string,
  requirement: string,
  format: 'split' | 'packed',
  change: (area: EventArea) => EventArea,
): Mutant {
  return mutant(id, sentence, requirement, (behaviours) => {
    const present = watchFormat(behaviours);
    behaviours.driverArea = (area) => (present().packed === (format === 'packed') ? change(area) : area);
  });
}

/** What the device itself asks for is wrong; for one format of the ring only. */
function asksWrongly(
  id: string,
  sentence: string,
  requirement: string,
  format: 'split' | 'packed',
  change: (area: EventArea, eventIdx: boolean) => EventArea,
): Mutant {
  return mutant(id, sentence, requirement, (behaviours) => {
    const present = watchFormat(behaviours);
    behaviours.deviceArea = (area) =>
      present().packed === (format === 'packed') ? change(area, present().eventIdx) : area;
  });
}

/** So many kicks are understood before a mutant of this kind shows: enough for taking the device into use. */
const UNDERSTOOD_KICKS = 8;

/** From some time on kicks are understood wrongly if the driver negotiated one of these features. */
function misreadsKick(
  id: string,
  sentence: string,
  requirement: string,
  features: bigint,
  change: (value: { id: number; position: number | undefined }) => {
    id: number;
    position: number | undefined;
  },
): Mutant {
  return mutant(id, sentence, requirement, (behaviours) => {
    let concerned = false;
    let kicks = 0;
    const { featuresAccepted } = behaviours;
    behaviours.featuresAccepted = (accepted, negotiated) => {
      concerned = (negotiated & features) !== 0n;
      kicks = 0;
      return featuresAccepted(accepted, negotiated);
    };
    behaviours.notification = (value) => (concerned && ++kicks > UNDERSTOOD_KICKS ? change(value) : value);
  });
}

const NO_QUEUE = 0xffff;
const DATA = featureSet('VIRTIO_F_NOTIFICATION_DATA');
const CONFIG_DATA = featureSet('VIRTIO_F_NOTIF_CONFIG_DATA');

export const NOTIFY_MUTANTS: readonly Mutant[] = [
  misreadsWishes(
    'split-always-wanted',
    'Flags of the available ring are taken for 0.',
    'virtio.notify.flags1-suppress',
    'split',
    (area) => ({ ...area, flags: 0 }),
  ),
  mutant(
    'never-again',
    'Once notifications of a queue were suppressed, none of it ever follows.',
    'virtio.notify.flags0-notify',
    (behaviours) => {
      const suppressed = new Set<number>();
      behaviours.driverArea = (area, queue) => {
        if ((area.flags & EventFlags.DISABLE) !== 0) suppressed.add(queue);
        return suppressed.has(queue) ? { ...area, flags: EventFlags.DISABLE } : area;
      };
      behaviours.resets = () => {
        suppressed.clear();
        return true;
      };
    },
  ),
  asksWrongly(
    'used-flags.undefined',
    'Flags of the used ring are 2.',
    'virtio.notify.used-flags-0-1',
    'split',
    (area, eventIdx) => (eventIdx ? area : { ...area, flags: 2 }),
  ),
  asksWrongly(
    'used-flags.no-notify',
    'Flags of the used ring say that kicks are not needed, though the device waits for them.',
    'virtio.notify.used-flags-suppress',
    'split',
    (area, eventIdx) => (eventIdx ? area : { ...area, flags: 1 }),
  ),
  mutant(
    'spurious-kick-remembered',
    'After a kick without anything new the device does not listen to kicks any more.',
    'virtio.notify.spurious-kick-handled',
    (behaviours) => {
      const seen = new Map<number, number>();
      let deaf = false;
      behaviours.resets = () => {
        seen.clear();
        deaf = false;
        return true;
      };
      behaviours.kickedRing = (ring, queue) => {
        if (ring === undefined || queue === QueueIndex.EVENT) return ring;
        deaf ||= seen.get(queue) === ring.driverPosition;
        seen.set(queue, ring.driverPosition);
        return deaf ? undefined : ring;
      };
    },
  ),
  mutant(
    'kicks-of-last-queue-lost',
    'Kicks of the second request queue are lost.',
    'virtio.notify.kick-identifies-queue',
    (behaviours) => {
      behaviours.kickedRing = (ring, queue) => (queue > QueueIndex.REQUEST ? undefined : ring);
    },
  ),
  misreadsWishes(
    'packed-disable-ignored',
    'DISABLE in the driver area of a packed ring is taken for ENABLE.',
    'virtio.packed.event-driver-disable',
    'packed',
    (area) => (area.flags === EventFlags.DISABLE ? { ...area, flags: EventFlags.ENABLE } : area),
  ),
  misreadsWishes(
    'packed-lap-ignored',
    'The wrap counter in the driver area of a packed ring is taken for its opposite.',
    'virtio.packed.event-flags',
    'packed',
    (area) => ({ ...area, event: area.event ^ EventMask.wrap }),
  ),
  asksWrongly(
    'packed-area-reserved',
    'Reserved bits of the device area of a packed ring are set.',
    'virtio.packed.event-layout',
    'packed',
    (area) => ({ ...area, flags: area.flags | 0x8000 }),
  ),
  asksWrongly(
    'packed-area-disabled',
    'The device area of a packed ring says DISABLE, though the device waits for kicks.',
    'virtio.packed.event-device-area',
    'packed',
    (area) => ({ ...area, flags: EventFlags.DISABLE }),
  ),
  misreadsKick(
    'config-data-not-known',
    'The device forgets the numbers that it supplies for its queues.',
    'virtio.features.bit-notif-config-data',
    CONFIG_DATA,
    (value) => ({ ...value, id: NO_QUEUE }),
  ),
  misreadsKick(
    'data-not-understood',
    'Kicks with notification data are understood for a while only.',
    'virtio.pci.kick-32bit',
    DATA,
    (value) => ({ ...value, id: NO_QUEUE }),
  ),
  mutant(
    'data-once',
    'A kick that says the same as the one before it makes the device deaf until it is reset.',
    'virtio.notify.data-repeat',
    (behaviours) => {
      let last: string | undefined;
      let deaf = false;
      behaviours.resets = () => {
        last = undefined;
        deaf = false;
        return true;
      };
      behaviours.notification = (value) => {
        if (value.position === undefined) return value;
        const words = `${value.id} ${value.position}`;
        deaf ||= words === last;
        last = words;
        return deaf ? { ...value, id: NO_QUEUE } : value;
      };
    },
  ),
  mutant(
    'wrong-position-outlives-reset',
    'A kick with a wrong position makes the device deaf, also after the next reset.',
    'virtio.packed.drv.notify-next-off',
    (behaviours) => {
      let resetsToGo = 0;
      behaviours.faulted = (fault) => {
        if (fault === 'notification') resetsToGo = 2;
      };
      behaviours.resets = (part) => {
        if (part === 'status' && resetsToGo > 0) resetsToGo -= 1;
        return true;
      };
      behaviours.kickedRing = (ring) => (resetsToGo > 0 ? undefined : ring);
    },
  ),
];
