import { describe, expect, test } from 'vitest';
import type { TransportName } from '../../src/port/transport-name.js';
import {
  allModes,
  isOffered,
  type Mode,
  type ModeChoice,
  modeName,
  modesOf,
  pairwise,
  resultKey,
} from '../../src/run/modes.js';
import { featureSet } from '../../src/wire/virtio.js';

const TRANSPORTS: readonly TransportName[] = ['pci', 'pci-legacy', 'mmio', 'mmio-legacy'];
const layer = (word: string, negated = false) =>
  ({ kind: 'layer', layer: word, negated, text: word }) as const;

function names(
  restrictions: Partial<Parameters<typeof modesOf>[0]>,
  choice: ModeChoice,
  transports: readonly TransportName[] = TRANSPORTS,
): string[] {
  const definition = { id: 'a.case', modes: {}, needs: [], tags: [], covers: ['virtio.x'], ...restrictions };
  return modesOf(definition, choice, transports, { index: 0, count: 1, usesQueues: true }).map(modeName);
}

test('a legacy interface has no packed rings', () => {
  expect(allModes(TRANSPORTS)).toHaveLength(8 + 4 + 8 + 4);
  expect(allModes(['mmio-legacy']).map(modeName)).toEqual([
    'mmio-legacy.split',
    'mmio-legacy.split+event_idx',
    'mmio-legacy.split+indirect',
    'mmio-legacy.split+indirect+event_idx',
  ]);
});

describe('home', () => {
  test.each<[string, Partial<Parameters<typeof modesOf>[0]>, string]>([
    ['without restriction', {}, 'pci.split'],
    ['of a ring format', { modes: { ring: 'packed' } }, 'pci.packed'],
    ['of two axes', { modes: { indirect: 'on', event_idx: 'on' } }, 'pci.split+indirect+event_idx'],
    ['of a transport', { modes: { transport: 'mmio-legacy' } }, 'mmio-legacy.split'],
    ['of an attachment', { needs: [layer('mmio')] }, 'mmio.split'],
    ['of an interface', { needs: [layer('legacy')] }, 'pci-legacy.split'],
    ['of an interface and an attachment', { needs: [layer('legacy'), layer('mmio')] }, 'mmio-legacy.split'],
    ['without messages', { needs: [layer('msix', true)] }, 'mmio.split'],
    ['nowhere: it says why in the first mode', { modes: { transport: 'vhost-user' } }, 'pci.split'],
  ])('%s', (_, restrictions, home) => {
    expect(names(restrictions, 'default')).toEqual([home]);
  });

  test('of a device that has but one transport', () => {
    expect(names({}, 'default', ['mmio'])).toEqual(['mmio.split']);
    expect(names({ needs: [layer('legacy')] }, 'default', ['mmio'])).toEqual(['mmio.split']);
  });
});

describe('all', () => {
  test('a legacy interface takes no part in cases about features that it cannot tell of', () => {
    const need = {
      text: 'VIRTIO_F_IN_ORDER',
      kind: 'feature',
      negated: false,
      feature: 'VIRTIO_F_IN_ORDER',
      bit: 35,
    } as const;
    expect(names({ needs: [need] }, 'exhaustive').filter((name) => name.includes('legacy'))).toEqual([]);
    const without = { ...need, negated: true };
    expect(names({ needs: [without] }, 'exhaustive').some((name) => name.includes('legacy'))).toBe(true);
  });

  test('a case about a ring or a transport runs in every mode that it admits', () => {
    for (const covers of [['virtio.split.x'], ['virtio.pci.x'], ['virtio.status.x', 'virtio.mmio.x']])
      expect(names({ covers }, 'all')).toHaveLength(24);
    expect(names({ covers: ['virtio.notify.x'], modes: { ring: 'packed' } }, 'all')).toHaveLength(8);
  });

  test.each(['scsi.req.x', 'virtio.features.x'])(
    'a case about the device (%s) runs in a pairwise set',
    (id) => {
      const host = names({ covers: [id] }, 'all');
      expect(host).toEqual(pairwise(allModes(TRANSPORTS)).map(modeName).sort(byOrder));
      expect(host.length).toBeLessThan(10);
    },
  );

  test('each of several expansions meets every value, and two neighbours meet all that any two values can', () => {
    const definition = { id: 'a.case', modes: {}, needs: [], tags: [], covers: ['scsi.req.x'] };
    const [even = [], odd = []] = [0, 1].map((index) =>
      modesOf(definition, 'all', TRANSPORTS, { index, count: 2, usesQueues: true }),
    );
    const values = (modes: readonly Mode[]) =>
      new Set(modes.flatMap((mode) => Object.entries(mode).join(' ').split(' ')));
    for (const half of [even, odd]) {
      expect(values(half)).toEqual(values(allModes(TRANSPORTS)));
      expect(half[0]).toEqual(allModes(TRANSPORTS)[0]);
      expect(half.length).toBeLessThan(7);
    }
    const pairs = (modes: readonly Mode[]) =>
      new Set(
        modes.flatMap((mode) =>
          Object.entries(mode).flatMap(([a, x]) =>
            Object.entries(mode).map(([b, y]) => `${a}=${x} ${b}=${y}`),
          ),
        ),
      );
    expect(pairs([...even, ...odd])).toEqual(pairs(allModes(TRANSPORTS)));
    const third = modesOf(definition, 'all', TRANSPORTS, { index: 2, count: 3, usesQueues: true });
    expect(third).toEqual(even);
  });

  test('what sets no queue up runs once a transport', () => {
    for (const id of ['virtio.pci.x', 'virtio.features.x']) {
      const definition = { id: 'a.case', modes: {}, needs: [], tags: [], covers: [id] };
      const traits = { index: 0, count: 1, usesQueues: false };
      expect(modesOf(definition, 'all', TRANSPORTS, traits).map(modeName)).toEqual([
        'pci.split',
        'pci-legacy.split',
        'mmio.split',
        'mmio-legacy.split',
      ]);
      expect(modesOf(definition, 'exhaustive', TRANSPORTS, traits)).toHaveLength(24);
    }
  });

  test('what a case covers more of decides between command and device', () => {
    expect(names({ covers: ['spc.inquiry.x', 'scsi.req.x'] }, 'all')).toHaveLength(2);
    expect(names({ covers: ['spc.inquiry.x', 'scsi.req.x', 'scsi.event.x'] }, 'all').length).toBeGreaterThan(
      2,
    );
  });

  test('a slow one runs at home only', () => {
    expect(names({ covers: ['scsi.event.x'], tags: ['slow'] }, 'all')).toEqual(['pci.split']);
    expect(names({ covers: ['scsi.event.x'], tags: ['slow'] }, 'exhaustive')).toHaveLength(24);
  });

  test('a case about a command runs in its home and one more mode, which depends on its id', () => {
    const second = (id: string) => names({ id, covers: ['sbc.transfer.x'] }, 'all')[1];
    expect(names({ covers: [] }, 'all')).toHaveLength(2);
    expect(new Set(Array.from({ length: 200 }, (_, i) => second(`a.case-${i}`))).size).toBe(23);
  });

  test('of the expansions of a case about a command every second one runs in one more mode', () => {
    const definition = { id: 'a.case', modes: {}, needs: [], tags: [], covers: ['sbc.transfer.x'] };
    const counts = [0, 1, 2, 3].map(
      (index) => modesOf(definition, 'all', TRANSPORTS, { index, count: 4, usesQueues: true }).length,
    );
    expect(counts.toSorted()).toEqual([1, 1, 2, 2]);
    expect(counts[0]).toEqual(counts[2]);
  });

  test('exhaustive leaves nothing out', () => {
    expect(names({ covers: [] }, 'exhaustive')).toHaveLength(24);
  });

  test('a list holds names and globs', () => {
    expect(names({}, ['mmio.split', 'pci.packed*'])).toEqual([
      'pci.packed',
      'pci.packed+event_idx',
      'pci.packed+indirect',
      'pci.packed+indirect+event_idx',
      'mmio.split',
    ]);
    expect(names({ modes: { ring: 'split' } }, ['pci.packed'])).toEqual([]);
  });
});

test('in a pairwise set any two values meet that meet at all', () => {
  const every = allModes(TRANSPORTS);
  const chosen = pairwise(every);
  const axes = ['transport', 'ring', 'indirect', 'event_idx'] as const;
  const meets = (modes: readonly Mode[], a: Partial<Mode>) =>
    modes.some((mode) => Object.entries(a).every(([axis, value]) => mode[axis as keyof Mode] === value));
  for (const mode of every)
    for (const one of axes)
      for (const other of axes) expect(meets(chosen, { [one]: mode[one], [other]: mode[other] })).toBe(true);
  expect(chosen[0]).toEqual(every[0]);
});

test('a mode is offered where its features are', () => {
  const [split] = allModes(['pci']);
  const packed = allModes(['pci']).find(({ ring }) => ring === 'packed');
  expect(split && isOffered(split, 0n)).toBe(true);
  expect(packed && isOffered(packed, 0n)).toBe(false);
  expect(packed && isOffered(packed, featureSet('VIRTIO_F_RING_PACKED'))).toBe(true);
});

test('a result is named by its case alone in the usual mode', () => {
  expect(resultKey({ id: 'a.b[1]', mode: 'pci.split' })).toBe('a.b[1]');
  expect(resultKey({ id: 'a.b[1]', mode: 'mmio.packed' })).toBe('a.b[1] in mmio.packed');
});

/** Modes are run in their own order, in whatever order they were chosen. */
function byOrder(a: string, b: string): number {
  const order = allModes(TRANSPORTS).map(modeName);
  return order.indexOf(a) - order.indexOf(b);
}
