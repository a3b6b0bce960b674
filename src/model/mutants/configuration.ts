/** Wrong device configuration: fields from the layout, and writes that have no or the wrong effect. */
import { virtioScsiConfig } from '../../wire/virtio-scsi.js';
import { deviations } from './deviations.js';
import type { Mutant } from './mutant.js';
import { NARROW_ACCESSES } from './narrow-access.js';

/** max_channel is 0, which zeroing and reversing leave as it is. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['max_channel zero', 'max_channel swapped']);

const FIELD_MUTANTS: readonly Mutant[] = Object.values(virtioScsiConfig.fields).flatMap(({ name, size }) =>
  deviations(size)
    .filter(({ id }) => !WITHOUT_EFFECT.has(`${name} ${id}`))
    .map(
      ({ id, words, change }): Mutant => ({
        id: `config.${name.replaceAll('_', '-')}.${id}`,
        sentence: `The configuration field ${name} is ${words}.`,
        requirement: 'scsi.config.layout',
        source: 'layout',
        apply: (behaviours) => {
          behaviours.configField = (field, value) => (field === name ? change(value) : value);
        },
      }),
    ),
);

const WIDTH_MUTANTS: readonly Mutant[] = NARROW_ACCESSES.map((narrow) => ({
  id: `config.accesses-of-${narrow.width}`,
  sentence: `Accesses to ${narrow.words} read 0.`,
  requirement: 'virtio.legacy.pci-any-width',
  source: 'layout',
  apply: (behaviours) => {
    behaviours.configAccess = (value, access) => (narrow.includes(access) ? 0 : value);
  },
}));

const WRITE_MUTANTS: readonly Mutant[] = (['sense_size', 'cdb_size'] as const).flatMap((name) => {
  const slug = name.replace('_', '-');
  return [
    {
      id: `config.${slug}.write-ignored`,
      sentence: `Writes to ${name} have no effect.`,
      requirement: `scsi.config.${slug}-writable`,
      source: 'museum CRV-04-config-writes-ignored',
      apply: (behaviours) => {
        behaviours.configWrite = (field, value, previous) => (field === name ? previous : value);
      },
    },
    {
      id: `config.${slug}.not-honoured`,
      sentence: `${name} reads back as written, but requests are laid out by its default.`,
      requirement: `scsi.config.${slug}-writable`,
      source: 'museum CRV-04-config-writes-ignored',
      apply: (behaviours) => {
        let shown: number | undefined;
        behaviours.configWrite = (field, value, previous) => {
          if (field !== name) return value;
          shown = value;
          return previous;
        };
        behaviours.configField = (field, value) => (field === name ? (shown ?? value) : value);
        behaviours.resets = (part) => {
          if (part === name) shown = undefined;
          return true;
        };
      },
    },
  ] satisfies Mutant[];
});

export const CONFIGURATION_MUTANTS: readonly Mutant[] = [
  ...FIELD_MUTANTS,
  ...WIDTH_MUTANTS,
  ...WRITE_MUTANTS,
];
