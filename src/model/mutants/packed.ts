/** Packed rings that are read or written wrongly. */
import { EventFlags, PackedDescFlag, pvirtqDesc } from '../../wire/packed-ring.js';
import { hasFeature } from '../../wire/virtio.js';
import { QueueIndex, Response, TaskAttr } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { Mutant } from './mutant.js';

const { NEXT, WRITE, AVAIL, USED } = PackedDescFlag;

/** The first request queue as a mutant watches it: its descriptors, and where the device stands in them. */
class WatchedRing {
  packed = false;
  size = 0;
  /** Over two laps, counted from the first descriptor on: where the next chain is, once all before are returned. */
  position = 0;
  #memory: DataView | undefined;

  constructor(behaviours: Behaviours) {
    behaviours.ringFeatures = (features) => {
      this.packed = features.packed;
      return features;
    };
    behaviours.ringSetup = (setup) => {
      if (setup.index !== QueueIndex.REQUEST) return setup;
      this.size = setup.size;
      this.position = 0;
      this.#memory = undefined;
      return setup;
    };
    behaviours.returning = ({ queue, descriptors }) => {
      if (queue === QueueIndex.REQUEST)
        this.#memory = new DataView(descriptors.buffer, descriptors.byteOffset, descriptors.length);
    };
    behaviours.usedStep = (step, { queue }) => {
      if (queue === QueueIndex.REQUEST && this.packed)
        this.position = (this.position + step) % (2 * this.size);
      return step;
    };
  }

  /** Calls `change` at each kick with the position of the device, once something was returned. */
  onKick(behaviours: Behaviours, change: () => void): void {
    behaviours.kickedRing = (ring, queue) => {
      if (queue === QueueIndex.REQUEST && this.packed && this.#memory !== undefined) change();
      return ring;
    };
  }

  flags(ahead: number): number {
    return this.#memory?.getUint16(this.#place(ahead), true) ?? 0;
  }

  setFlags(ahead: number, flags: number): void {
    this.#memory?.setUint16(this.#place(ahead), flags, true);
  }

  /** AVAIL and USED as they make the descriptor so far ahead available. */
  mark(ahead: number): number {
    return (this.position + ahead) % (2 * this.size) < this.size ? AVAIL : USED;
  }

  #place(ahead: number): number {
    return ((this.position + ahead) % this.size) * pvirtqDesc.size + pvirtqDesc.fields.flags.offset;
  }
}

const MARKS = AVAIL | USED;

export const PACKED_MUTANTS: readonly Mutant[] = [
  {
    id: 'packed.format-sticks',
    sentence: 'After an initialisation with packed rings the next one has packed rings too.',
    requirement: 'virtio.features.bit-ring-packed',
    source: 'generic',
    apply: (behaviours) => {
      let before = false;
      let now = false;
      behaviours.resets = (part) => {
        if (part === 'features') [before, now] = [now, false];
        return true;
      };
      behaviours.ringFeatures = (features) => {
        now = features.packed;
        return { ...features, packed: features.packed || before };
      };
    },
  },
  {
    id: 'packed.size.beyond-limit',
    sentence: 'Once packed rings are negotiated queue_size reads 65535.',
    requirement: 'virtio.packed.max-size',
    source: 'generic',
    apply: (behaviours) => {
      let packed = false;
      behaviours.featuresAccepted = (accepted, features) => {
        packed = hasFeature(features, 'VIRTIO_F_RING_PACKED');
        return accepted;
      };
      behaviours.commonField = (name, value) => (name === 'queue_size' && packed ? 0xffff : value);
    },
  },
  {
    id: 'packed.size.rounded-up',
    sentence: 'The size of a packed queue is rounded up to a power of two.',
    requirement: 'virtio.packed.any-size',
    source: 'generic',
    apply: (behaviours) => {
      let packed = false;
      behaviours.ringFeatures = (features) => {
        packed = features.packed;
        return features;
      };
      behaviours.ringSetup = (setup) =>
        packed ? { ...setup, size: 2 ** Math.ceil(Math.log2(setup.size)) } : setup;
    },
  },
  ...(['available', 'used'] as const).map(
    (which): Mutant => ({
      id: `packed.wrap-counter.${which}`,
      sentence: `The wrap counter of ${which} descriptors of large rings stays 1.`,
      requirement: 'virtio.packed.wrap-counter',
      source: 'generic',
      apply: (behaviours) => {
        const watched = new WatchedRing(behaviours);
        behaviours.wrapCounter = (wrap, side) => wrap || (side === which && watched.size > 100);
      },
    }),
  ),
  {
    id: 'packed.wrap-counter.chains',
    sentence: 'The wrap counter of used descriptors stays 0 from the second lap on in rings of 4, 5 and 7.',
    requirement: 'virtio.packed.wrap-counter',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      let laps = 0;
      let last = true;
      const { ringSetup } = behaviours;
      behaviours.ringSetup = (setup) => {
        laps = 0;
        last = true;
        return ringSetup(setup);
      };
      behaviours.wrapCounter = (wrap, side, queue) => {
        if (side !== 'used' || queue !== QueueIndex.REQUEST) return wrap;
        if (wrap !== last) laps++;
        last = wrap;
        return laps > 3 && [4, 5, 7].includes(watched.size) ? false : wrap;
      };
    },
  },
  {
    id: 'packed.chain.second-descriptor',
    sentence: 'A chain is taken as soon as its second descriptor is available.',
    requirement: 'virtio.packed.drv.first-last',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      watched.onKick(behaviours, () => {
        const available = (ahead: number) => (watched.flags(ahead) & MARKS) === watched.mark(ahead);
        if (!available(0) && available(1)) watched.setFlags(0, watched.mark(0) | NEXT);
      });
    },
  },
  {
    id: 'packed.chain.other-lap',
    sentence: 'A descriptor that is marked available for the other lap is taken.',
    requirement: 'virtio.packed.no-use-before-avail',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      watched.onKick(behaviours, () => {
        for (let ahead = 0; (watched.flags(ahead) & MARKS) === (watched.mark(ahead) ^ MARKS); ahead++) {
          watched.setFlags(ahead, watched.flags(ahead) ^ MARKS);
          if ((watched.flags(ahead) & NEXT) === 0) return;
        }
      });
    },
  },
  {
    id: 'packed.chain.short-piece',
    sentence: 'A descriptor of three bytes is taken for one of two.',
    requirement: 'virtio.packed.desc-layout',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.descriptor = (descriptor, { nested }) =>
        descriptor.len === 3 && !nested ? { ...descriptor, len: 2 } : descriptor;
    },
  },
  {
    id: 'packed.id.first',
    sentence: 'A list is returned with the buffer id of its first descriptor.',
    requirement: 'virtio.packed.id-from-last',
    source: 'generic',
    apply: (behaviours) => {
      const firstOf = new Map<number, number>();
      let first: number | undefined;
      behaviours.descriptor = (descriptor, { nested }) => {
        const { id } = descriptor as { readonly id?: number };
        if (nested || id === undefined) return descriptor;
        first ??= id;
        firstOf.set(id, first);
        if ((descriptor.flags & NEXT) === 0) first = undefined;
        return descriptor;
      };
      behaviours.usedElements = (elements) =>
        elements.map(({ id, len }) => ({ id: firstOf.get(id) ?? id, len }));
    },
  },
  {
    id: 'packed.id.three-bits',
    sentence: 'In a ring of 16 the buffer ids 8 to 11 come back as 0 to 3, after the first lap.',
    requirement: 'virtio.packed.used-id',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      let lapped = false;
      behaviours.usedElements = (elements, { queueSize }) => {
        lapped = watched.position >= watched.size || (lapped && watched.position > 0);
        return watched.packed && queueSize === 16 && lapped
          ? elements.map(({ id, len }) => ({ id: id >= 8 && id < 12 ? id - 8 : id, len }))
          : elements;
      };
    },
  },
  ...(
    [
      [
        'three',
        (step: number) => Math.min(step, 2),
        'A list of three descriptors or more is skipped as if it had two.',
      ],
      [
        'seven',
        (step: number) => (step > 6 ? step - 1 : step),
        'The last descriptor of a list of seven or more is not skipped.',
      ],
    ] as const
  ).map(
    ([name, change, sentence]): Mutant => ({
      id: `packed.step.${name}`,
      sentence,
      requirement: 'virtio.packed.single-used-per-group',
      source: 'generic',
      apply: (behaviours) => {
        behaviours.usedStep = (step, { skipped }) => (skipped > 0 ? step : change(step));
      },
    }),
  ),
  {
    id: 'packed.used-without-write',
    sentence: 'Used descriptors never have WRITE.',
    requirement: 'virtio.packed.used-write-flag',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.usedFlags = (flags) => flags & ~WRITE;
    },
  },
  {
    id: 'packed.indirect.after-direct',
    sentence: 'INDIRECT is not honoured in the list that follows a direct one.',
    requirement: 'virtio.packed.mixed-ring',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      let direct = false;
      behaviours.descriptor = (descriptor, { nested }) => {
        if (!nested) direct = (descriptor.flags & PackedDescFlag.INDIRECT) === 0;
        return descriptor;
      };
      behaviours.chainRules = (rules) =>
        watched.packed && direct && watched.size === 7 ? { ...rules, indirect: false } : rules;
    },
  },
  {
    id: 'packed.list.hundred',
    sentence: 'Requests in more than a hundred pieces fail.',
    requirement: 'virtio.packed.list-limit-allowed',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.answer = (answer, { origin }) =>
        origin.chain.writableCut.length > 100
          ? { ...answer, fields: { ...answer.fields, response: Response.FAILURE } }
          : answer;
    },
  },
  {
    id: 'packed.areas-swapped',
    sentence:
      'The device writes its event suppression to the driver area, and looks for that of the driver in its own.',
    requirement: 'virtio.packed.three-parts',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      const { ringSetup } = behaviours;
      behaviours.ringSetup = (setup) => {
        const { driver, device } = ringSetup(setup);
        return watched.packed ? { ...setup, driver: device, device: driver } : setup;
      };
    },
  },
  {
    id: 'packed.event.descriptor-ignored',
    sentence: 'No interrupt comes as long as the driver asks for one at a descriptor of a small ring.',
    requirement: 'virtio.packed.event-driver-desc',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      behaviours.driverArea = (area) =>
        watched.packed && watched.size === 5 && area.flags === EventFlags.DESC
          ? { ...area, flags: EventFlags.DISABLE }
          : area;
    },
  },
  {
    id: 'packed.used-changed-later',
    sentence: 'When a buffer is returned the used descriptor before it changes its length.',
    requirement: 'virtio.packed.no-change-after-used',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      const { returning, usedStep } = behaviours;
      let before: number | undefined;
      behaviours.usedStep = (step, context) => {
        if (context.queue === QueueIndex.REQUEST) before = watched.position % watched.size;
        return usedStep(step, context);
      };
      behaviours.returning = (reach) => {
        returning(reach);
        if (!watched.packed || reach.queue !== QueueIndex.REQUEST || watched.position === 0) return;
        const at = (before ?? 0) * pvirtqDesc.size + pvirtqDesc.fields.len.offset;
        reach.descriptors[at] = (reach.descriptors[at] ?? 0) ^ 1;
      };
    },
  },
  {
    id: 'packed.readable-written',
    sentence:
      'The last byte of the device-readable part changes when a request in a packed ring is returned.',
    requirement: 'virtio.packed.no-write-readable',
    source: 'generic',
    apply: (behaviours) => {
      const watched = new WatchedRing(behaviours);
      const { returning } = behaviours;
      behaviours.returning = (reach) => {
        returning(reach);
        const piece = reach.readable.at(-1);
        if (watched.packed && reach.queue === QueueIndex.REQUEST && piece)
          piece[piece.length - 1] = (piece.at(-1) ?? 0) ^ 1;
      };
    },
  },
  {
    id: 'packed.second-first',
    sentence: 'Of ORDERED commands the first after a kick is worked on later than the others.',
    requirement: 'virtio.packed.start-in-ring-order',
    source: 'generic',
    apply: (behaviours) => {
      let kicked = false;
      behaviours.kickedRing = (ring) => {
        kicked = true;
        return ring;
      };
      behaviours.delay = (milliseconds, { attribute }) => {
        const first = kicked;
        kicked = false;
        return first && attribute === TaskAttr.ORDERED ? milliseconds + 5 : milliseconds;
      };
      behaviours.enabled = (enabled, { attribute }) => enabled || attribute === TaskAttr.ORDERED;
    },
  },
];
