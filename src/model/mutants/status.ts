/** The device status handled wrongly: odd orders of its bits, resets that come to nothing, suspension. */
import { DeviceStatus, featureSet, hasFeature } from '../../wire/virtio.js';
import { Response } from '../../wire/virtio-scsi.js';
import type { Behaviours, SuspendRule } from '../behaviours.js';
import type { Mutant } from './mutant.js';

const INQUIRY = 0x12;
const READ_10 = 0x28;
const { ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK, SUSPEND, DEVICE_NEEDS_RESET } = DeviceStatus;

/** Lets the device ignore the next reset after a status write for which `odd` is true. */
function ignoresResetAfter(
  behaviours: Behaviours,
  odd: (written: number, previous: number) => boolean,
): void {
  let armed = false;
  let ignoring = false;
  behaviours.statusWritten = (next, written, previous) => {
    if (odd(written, previous)) armed = true;
    return next;
  };
  behaviours.resets = (part) => {
    // The tasks come first of all parts, the status last.
    if (part === 'tasks') ignoring = armed;
    if (part === 'status') armed = false;
    return !ignoring;
  };
}

/** Status writes that no driver makes, after which a device might not be reset any more. */
const ODD_WRITES: readonly (readonly [
  id: string,
  sentence: string,
  requirement: string,
  odd: (written: number, previous: number) => boolean,
])[] = [
  [
    'status.wrong-order-outlives-reset',
    'A reset is ignored after DRIVER_OK was set without FEATURES_OK or DRIVER.',
    'virtio.reset.status-zero',
    (written) => (written & DRIVER_OK) !== 0 && (written & (DRIVER | FEATURES_OK)) !== (DRIVER | FEATURES_OK),
  ],
  [
    'status.features-first-outlives-reset',
    'A reset is ignored after FEATURES_OK was set without ACKNOWLEDGE.',
    'virtio.reset.status-zero',
    (written) => (written & FEATURES_OK) !== 0 && (written & ACKNOWLEDGE) === 0,
  ],
  [
    'status.at-once-outlives-reset',
    'A reset is ignored after several bits of initialisation were set at once.',
    'virtio.reset.status-zero',
    (written, previous) => previous === 0 && [15, 12, 10, 7].includes(written),
  ],
  [
    'status.clearing-outlives-reset',
    'A reset is ignored after the driver tried to clear a bit.',
    'virtio.reset.status-zero',
    (written, previous) => (previous & DRIVER_OK) !== 0 && (previous & ~written & 0xf) !== 0,
  ],
  [
    'status.reserved-outlives-reset',
    'A reset is ignored after a reserved bit was written to a live device.',
    'virtio.reset.status-zero',
    (written, previous) => (previous & DRIVER_OK) !== 0 && (written & 0x70) !== 0,
  ],
];

/** Rules of suspension, each broken by a mutant of its own. */
const SUSPEND_RULES: readonly (readonly [SuspendRule, sentence: string, requirement: string])[] = [
  ['ignored-early', 'SUSPEND is taken before DRIVER_OK.', 'virtio.suspend.ignore-before-init'],
  ['suspends', 'A request to suspend leads to nothing.', 'virtio.suspend.suspend-or-needs-reset'],
  ['clears-driver-ok', 'A suspended device still shows DRIVER_OK.', 'virtio.suspend.handshake'],
  [
    'stops',
    'Buffers are taken after SUSPEND, until the suspended state shows.',
    'virtio.suspend.quiesce-stop',
  ],
  ['drains', 'The suspended state shows while commands are still in flight.', 'virtio.suspend.quiesce-drain'],
  [
    'tells-drained',
    'Commands that end on the way to the suspended state are not told of.',
    'virtio.suspend.quiesce-notify',
  ],
  ['leaves-queues', 'A suspended device serves its queues.', 'virtio.suspend.no-vq-access'],
  [
    'sends-nothing',
    'A suspended device answers a kick with an interrupt.',
    'virtio.suspend.no-vq-notifications',
  ],
  [
    'ignores-configuration-writes',
    'A suspended device takes what is written to its configuration.',
    'virtio.suspend.ignore-config-writes',
  ],
  [
    'keeps-configuration',
    'The configuration changes while the device is suspended.',
    'virtio.suspend.no-config-modify',
  ],
  [
    'silent-about-configuration',
    'A suspended device tells of a change of its configuration.',
    'virtio.suspend.defer-config-notify',
  ],
  ['resumes', 'A suspended device never resumes.', 'virtio.suspend.resume-or-needs-reset'],
  ['clears-suspend', 'A device that has resumed still shows SUSPEND.', 'virtio.suspend.handshake'],
  [
    'tells-on-resume',
    'A change of configuration during suspension is not told of on resume.',
    'virtio.suspend.config-notify-on-resume',
  ],
];

/** Features of the platform that a device could take as declined, and not work. */
const PLATFORM = ['VIRTIO_F_ACCESS_PLATFORM', 'VIRTIO_F_ORDER_PLATFORM'] as const;

/** Sets that are refused although all of them were offered. */
const REFUSED_SETS: readonly (readonly [id: string, words: string, set: bigint, requirement: string])[] = [
  [
    'platform-alone',
    'VERSION_1 and what the platform asks for alone are',
    featureSet('VIRTIO_F_VERSION_1', ...PLATFORM),
    'virtio.features.accept-valid-subset',
  ],
  [
    'hotplug-alone',
    'HOTPLUG as the only feature of the device type is',
    featureSet('VIRTIO_F_VERSION_1', 'VIRTIO_SCSI_F_HOTPLUG', ...PLATFORM),
    'scsi.feature.hotplug-bit',
  ],
];

const MANDATORY = featureSet('VIRTIO_F_VERSION_1', ...PLATFORM);
const bitCount = (set: bigint): number => set.toString(2).replaceAll('0', '').length;

/** Sets with which a device agrees, and does not work. */
const DEAD_SETS: readonly (readonly [id: string, words: string, dead: (features: bigint) => boolean])[] = [
  ['bare', 'without any optional feature', (features) => features === MANDATORY],
  [
    'single',
    'with a single optional feature',
    (features) => bitCount(features & ~MANDATORY) === 1 && (features & MANDATORY) === MANDATORY,
  ],
  [
    'without-change',
    'with HOTPLUG and without CHANGE',
    (features) =>
      hasFeature(features, 'VIRTIO_SCSI_F_HOTPLUG') &&
      hasFeature(features, 'VIRTIO_F_INDIRECT_DESC') &&
      !hasFeature(features, 'VIRTIO_SCSI_F_CHANGE'),
  ],
];

export const STATUS_MUTANTS: readonly Mutant[] = [
  ...ODD_WRITES.map(
    ([id, sentence, requirement, odd]): Mutant => ({
      id,
      sentence,
      requirement,
      source: 'generic',
      apply: (behaviours) => ignoresResetAfter(behaviours, odd),
    }),
  ),
  ...SUSPEND_RULES.map(
    ([rule, sentence, requirement]): Mutant => ({
      id: `suspend.not-${rule}`,
      sentence,
      requirement,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.keepsSuspendRule = (each) => each !== rule;
      },
    }),
  ),
  ...PLATFORM.map(
    (name): Mutant => ({
      id: `features.works-only-with-${name.slice('VIRTIO_F_'.length).toLowerCase().replace('_', '-')}`,
      sentence: `FEATURES_OK sticks without ${name}, but the device does not work without it.`,
      requirement: 'virtio.features.reject-features-ok',
      source: 'generic',
      apply: (behaviours) => {
        let taken = 0n;
        behaviours.featuresAccepted = (accepted, features) => {
          taken = features;
          return accepted;
        };
        // A legacy driver cannot take it.
        behaviours.live = (live) =>
          live && (hasFeature(taken, name) || !hasFeature(taken, 'VIRTIO_F_VERSION_1'));
      },
    }),
  ),
  ...REFUSED_SETS.map(
    ([id, words, set, requirement]): Mutant => ({
      id: `features.${id}-refused`,
      sentence: `${words} refused.`,
      requirement,
      source: 'generic',
      apply: (behaviours) => {
        behaviours.featuresAccepted = (accepted, features) => accepted && features !== set;
      },
    }),
  ),
  {
    id: 'features.inout-useless',
    sentence: 'F_INOUT is offered, and requests with both buffers are refused all the same.',
    requirement: 'scsi.feature.inout-bit',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.bothWays = () => false;
    },
  },
  {
    id: 'features.offers-far',
    sentence: 'Bit 70 is offered, which has no meaning for this type of device.',
    requirement: 'virtio.features.no-unsupported-offered',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.offeredFeatures = (offered) => offered | (1n << 70n);
    },
  },
  ...DEAD_SETS.map(
    ([id, words, dead]): Mutant => ({
      id: `features.dead-${id}`,
      sentence: `FEATURES_OK sticks, but the device does nothing ${words}.`,
      requirement: 'virtio.features.accept-valid-subset',
      source: 'generic',
      apply: (behaviours) => {
        let stopped = false;
        behaviours.featuresAccepted = (accepted, features) => {
          stopped = dead(features);
          return accepted;
        };
        behaviours.live = (live) => live && !stopped;
      },
    }),
  ),
  {
    id: 'features.third-time-dead',
    sentence:
      'When features are agreed a third time with nothing but INQUIRY in between the device does nothing.',
    requirement: 'virtio.features.renegotiate-same',
    source: 'generic',
    apply: (behaviours) => {
      let inquired = false;
      let row = 0;
      const { perform } = behaviours;
      behaviours.perform = (call, run) => {
        inquired = call.cdb[0] === INQUIRY;
        if (!inquired) row = 0;
        return perform(call, run);
      };
      behaviours.featuresAccepted = (accepted) => {
        row = inquired ? row + 1 : 0;
        inquired = false;
        return accepted;
      };
      behaviours.live = (live) => live && row !== 2;
    },
  },
  {
    id: 'features.unoffered-stop-the-device',
    sentence: 'FEATURES_OK sticks for bits that were never offered, and the device does not work then.',
    requirement: 'virtio.features.reject-features-ok',
    source: 'generic',
    apply: (behaviours) => {
      let stopped = false;
      behaviours.featuresAccepted = (accepted) => {
        stopped = !accepted;
        return true;
      };
      behaviours.live = (live) => live && !stopped;
    },
  },
  {
    id: 'features.refused-twice',
    sentence: 'After a set was refused the next one is refused as well, whatever it holds.',
    requirement: 'virtio.features.accept-valid-subset',
    source: 'generic',
    apply: (behaviours) => {
      let refused = false;
      behaviours.featuresAccepted = (accepted) => {
        const taken = accepted && !refused;
        refused = !accepted;
        return taken;
      };
    },
  },
  {
    id: 'features.late-writes-count',
    sentence: 'Features that are written after FEATURES_OK count.',
    requirement: 'virtio.features.renegotiate-needs-reset',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.featureWriteCounts = () => true;
    },
  },
  {
    id: 'status.adds-driver',
    sentence: 'A write of FEATURES_OK or DRIVER_OK sets DRIVER as well.',
    requirement: 'virtio.status.bit-values',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.statusWritten = (next) => (next & (FEATURES_OK | DRIVER_OK) ? next | DRIVER : next);
    },
  },
  {
    id: 'status.clears-more',
    sentence: 'A driver that clears one bit of a live device clears ACKNOWLEDGE and DRIVER too.',
    requirement: 'virtio.status.bit-values',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.statusWritten = (next, written, previous) =>
        previous & ~written & 0xf ? next & ~(ACKNOWLEDGE | DRIVER) : next;
    },
  },
  {
    id: 'status.acknowledge-shown-late',
    sentence: 'ACKNOWLEDGE reads back only together with another bit.',
    requirement: 'virtio.status.bit-values',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.shownStatus = (status) => (status === ACKNOWLEDGE ? 0 : status);
    },
  },
  {
    id: 'status.acknowledged-outlives-reset',
    sentence: 'The first reset of a device that has just been acknowledged is ignored.',
    requirement: 'virtio.reset.status-zero',
    source: 'generic',
    apply: (behaviours) => {
      let status = 0;
      let ignoring = false;
      behaviours.statusWritten = (next) => {
        status = next;
        return next;
      };
      behaviours.resets = (part) => {
        if (part === 'tasks') ignoring = status === ACKNOWLEDGE;
        if (part === 'status') status = 0;
        return !ignoring;
      };
    },
  },
  {
    id: 'status.needs-reset-hidden-after-address',
    sentence: 'DEVICE_NEEDS_RESET does not show after an address that no memory answers.',
    requirement: 'virtio.status.needs-reset-set',
    source: 'generic',
    apply: (behaviours) => {
      let hidden = false;
      behaviours.faulted = (fault) => {
        hidden = fault === 'address';
      };
      behaviours.shownStatus = (status) => (hidden ? status & ~DEVICE_NEEDS_RESET : status);
    },
  },
  {
    id: 'status.needs-reset-not-shown',
    sentence: 'A device that has given up does not show DEVICE_NEEDS_RESET.',
    requirement: 'virtio.status.needs-reset-set',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.shownStatus = (status) => status & ~DEVICE_NEEDS_RESET;
    },
  },
  {
    id: 'status.suspended-outlives-reset',
    sentence: 'A suspended device ignores the first reset.',
    requirement: 'virtio.reset.status-zero',
    source: 'generic',
    apply: (behaviours) => {
      let suspended = false;
      let ignoring = false;
      behaviours.statusWritten = (next, written, previous) => {
        suspended = (next & SUSPEND) !== 0 && !(previous & SUSPEND && written & DRIVER_OK);
        return next;
      };
      behaviours.resets = (part) => {
        if (part === 'tasks') ignoring = suspended;
        if (part === 'status') suspended = false;
        return !ignoring;
      };
    },
  },
  {
    id: 'reset.every-tenth-ignored',
    sentence: 'Of ten resets of a live device without a command in between one is ignored.',
    requirement: 'virtio.reset.status-zero',
    source: 'generic',
    apply: (behaviours) => {
      let row = 0;
      let status = 0;
      let ignoring = false;
      const { perform } = behaviours;
      behaviours.perform = (call, run) => {
        row = 0;
        return perform(call, run);
      };
      behaviours.statusWritten = (next) => {
        status = next;
        return next;
      };
      behaviours.resets = (part) => {
        if (part !== 'status') return !ignoring;
        const ignored = ignoring;
        if (ignored) row = 0;
        else if (status & DRIVER_OK) row++;
        status = 0;
        ignoring = row === 9;
        return !ignored;
      };
    },
  },
  {
    id: 'reset.leaves-delayed-reads',
    sentence: 'READ(10) takes a while, and is completed into the old ring if the device was reset meanwhile.',
    requirement: 'virtio.reset.no-queue-access-after',
    source: 'museum QVS-04-reset-leaves-io',
    apply: (behaviours) => {
      behaviours.delay = (milliseconds, task) => (task.cdb[0] === READ_10 ? milliseconds + 5 : milliseconds);
      behaviours.resets = (part) => part !== 'tasks';
      behaviours.mayComplete = () => true;
    },
  },
  {
    id: 'reset.cancels-as-busy',
    sentence: 'Commands that are in flight at a reset are answered BUSY.',
    requirement: 'scsi.req.failure-on-reset',
    source: 'generic',
    apply: (behaviours) => {
      let resetting = false;
      behaviours.resets = (part) => {
        resetting = part === 'tasks';
        return true;
      };
      behaviours.answer = (answer) =>
        resetting ? { ...answer, fields: { ...answer.fields, response: Response.BUSY } } : answer;
    },
  },
  {
    id: 'features.far-windows-clear-driver',
    sentence: 'FEATURES_OK with bits beyond the defined windows clears DRIVER.',
    requirement: 'virtio.status.bit-values',
    source: 'generic',
    apply: (behaviours) => {
      let far = false;
      behaviours.featuresAccepted = (accepted, features) => {
        far = features >> 64n !== 0n;
        return accepted;
      };
      behaviours.statusWritten = (next) => (far ? next & ~DRIVER : next);
    },
  },
];
