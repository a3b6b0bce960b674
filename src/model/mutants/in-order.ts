/** Buffers that are returned in another order than agreed, or by batches that do not add up. */
import { DescFlag } from '../../wire/split-ring.js';
import type { Mutant } from './mutant.js';
import { watchRings } from './watching.js';

export const IN_ORDER_MUTANTS: readonly Mutant[] = [
  {
    id: 'in-order.unasked',
    sentence: 'Buffers are returned in order although VIRTIO_F_IN_ORDER was not negotiated.',
    requirement: 'virtio.packed.completion-order',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.ringFeatures = (features) => ({ ...features, inOrder: true });
    },
  },
  {
    id: 'in-order.ignored',
    sentence: 'VIRTIO_F_IN_ORDER is accepted, and buffers are returned as they are done all the same.',
    requirement: 'virtio.inorder.use-in-order',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.ringFeatures = (features) => ({ ...features, inOrder: false });
      behaviours.delay = (milliseconds, { dataOutLength }) => milliseconds + (dataOutLength > 0 ? 1 : 0);
    },
  },
  {
    id: 'in-order.batch.one-step',
    sentence: 'After a batch the device goes on as if it had returned one descriptor.',
    requirement: 'virtio.inorder.split-idx-skip',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.usedStep = (step, { skipped }) => (skipped > 0 ? 1 : step);
    },
  },
  {
    id: 'in-order.table.end',
    sentence: 'With VIRTIO_F_IN_ORDER a chain ends with the descriptor table.',
    requirement: 'virtio.split.in-order-desc-order',
    source: 'generic',
    apply: (behaviours) => {
      const ring = watchRings(behaviours);
      behaviours.descriptor = (descriptor, { nested }) =>
        ring()?.inOrder && !nested && descriptor.next === 0
          ? { ...descriptor, flags: descriptor.flags & ~DescFlag.NEXT }
          : descriptor;
    },
  },
  {
    id: 'in-order.table.ignored',
    sentence: 'With VIRTIO_F_IN_ORDER an indirect table is taken for a buffer.',
    requirement: 'virtio.indirect.in-order-sequential',
    source: 'generic',
    apply: (behaviours) => {
      const ring = watchRings(behaviours);
      behaviours.chainRules = (rules) => (ring()?.inOrder ? { ...rules, indirect: false } : rules);
    },
  },
];
