/** Indirect tables that are read wrongly. */
import { DescFlag, vringDesc } from '../../wire/split-ring.js';
import type { Mutant } from './mutant.js';
import { type DescriptorReader, mutantsOf, readDescriptors } from './split.js';

/** Tables longer than this are cut by a mutant. */
const SHORT_TABLE = 16;

const READERS: readonly Mutant[] = mutantsOf<DescriptorReader>(
  [
    [
      'indirect.only-in-head',
      'INDIRECT is looked at in the first descriptor of a chain only.',
      'virtio.indirect.direct-then-indirect',
      () => {
        let inChain = false;
        return ({ flags }, { nested }) => {
          if (nested) return {};
          const first = !inChain;
          inChain = (flags & DescFlag.NEXT) !== 0;
          return first ? {} : { flags: flags & ~DescFlag.INDIRECT };
        };
      },
    ],
    [
      'indirect.write-flag-obeyed',
      'A table whose descriptor has WRITE is taken for a buffer.',
      'virtio.indirect.ignore-write-flag',
      () =>
        ({ flags }, { nested }) =>
          !nested && (flags & DescFlag.WRITE) !== 0 ? { flags: flags & ~DescFlag.INDIRECT } : {},
    ],
    [
      'indirect.table-cut-short',
      `A table is read no further than its entry ${SHORT_TABLE}.`,
      'virtio.indirect.table-format',
      () => {
        let count = 0;
        return ({ flags }, { nested }) => {
          count = nested && flags & DescFlag.NEXT ? count + 1 : 0;
          return count < SHORT_TABLE ? {} : { flags: flags & ~DescFlag.NEXT };
        };
      },
    ],
    [
      'indirect.one-readable-entry',
      'Of the device-readable entries of a table only the first counts.',
      'virtio.indirect.mixed-direction',
      () => {
        let readable = 0;
        return ({ flags }, { nested }) => {
          if (!nested) readable = 0;
          else if ((flags & DescFlag.WRITE) === 0) readable++;
          return nested && readable > 1 && (flags & DescFlag.WRITE) === 0 ? { len: 0 } : {};
        };
      },
    ],
  ],
  readDescriptors,
);

export const INDIRECT_MUTANTS: readonly Mutant[] = [
  ...READERS,
  {
    id: 'indirect.table-marked',
    sentence: 'The device marks the indirect tables that it has read.',
    requirement: 'virtio.packed.indirect-table-readonly',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.returning = ({ tables }) => {
        for (const table of tables) table.set([0x80], vringDesc.fields.len.offset);
      };
    },
  },
];
