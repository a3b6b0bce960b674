/** The worked examples of the language load and expand. */
import { describe, expect, test } from 'vitest';
import { expandCase } from '../../src/cases/expand.js';
import { CaseLoader } from '../../src/cases/load.js';
import type { Step } from '../../src/cases/types.js';
import { exampleEnvironment, fixtures, show } from './support.js';

const loader = new CaseLoader();
const files = fixtures('examples');

const expandAll = () =>
  files.flatMap(({ file, text }) =>
    (loader.load(file, text).file?.cases ?? []).map((definition) =>
      expandCase(definition, exampleEnvironment()),
    ),
  );

test.each(files)('$file loads', ({ file, text }) => {
  expect(loader.load(file, text).problems.map(show)).toEqual([]);
});

describe('expanded', () => {
  const expansions = expandAll();
  const cases = expansions.flatMap((expansion) => expansion.cases);

  test('there are 66 of them, and they expand without problems', () => {
    expect(expansions).toHaveLength(66);
    expect(expansions.flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('ids are unique and made of axis values', () => {
    const ids = cases.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('reset.with-commands-in-flight[WRITE(10)]');
    expect(ids).toContain('scsi.framing.same-answer-in-any-cut[odd data]');
    expect(ids).toContain('features.each-alone[VIRTIO_F_EVENT_IDX]');
    expect(ids).toContain('pci.cap.inside-bar[NOTIFY]');
    expect(ids).toContain('sbc.write-same-16.range[2051]');
    expect(ids).toContain('ring.hostile.bad-address[huge,1]');
  });

  test('every kind of step is among them', () => {
    const kinds = new Set<string>();
    const visit = (steps: readonly Step[]): void => {
      for (const step of steps) {
        kinds.add(step.kind);
        if (step.kind === 'repeat') {
          if (step.rounds.kind === 'values') visit(step.rounds.steps);
          else for (const variant of step.rounds.variants) visit(variant.steps);
        }
      }
    };
    for (const { steps } of cases) visit(steps);
    expect(kinds.size).toBe(15);
  });

  test('only the case that is for the legacy interface is left out', () => {
    expect(cases.filter(({ skip }) => skip).map(({ id, skip }) => [id, skip?.kind])).toEqual([
      ['legacy.transfer.guest-endian', 'no-layer'],
      ['legacy.pci.msix-shifts-config', 'no-layer'],
    ]);
  });

  test('each covers something', () => {
    expect(cases.filter(({ covers }) => covers.length === 0)).toEqual([]);
  });
});
