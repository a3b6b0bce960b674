/** The catalogue itself: its form, and what its fields must agree on. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { KINDS, ROLES, readCatalogue, STRENGTHS, TESTABLE, VERSIONS } from '../../src/coverage/catalogue.js';
import { readReasons } from '../../src/coverage/reasons.js';
import { STANDING_CHECKS } from '../../src/harness/violation.js';
import { MUTANTS } from '../../src/model/mutants/index.js';
import { ownCases } from '../../src/run/load-cases.js';
import { scsiRequirements } from '../../src/run/scsi-catalogue.js';
import { Feature } from '../../src/wire/virtio.js';

const catalogue = readCatalogue();
const ids = new Set(catalogue.map(({ id }) => id));

test('703 requirements, 496 of them on the device, each id once', () => {
  expect(catalogue).toHaveLength(703);
  expect(catalogue.filter(({ role }) => role === 'device')).toHaveLength(496);
  expect(ids.size).toBe(703);
});

test('every entry has its fields, in their order, with values that there are', () => {
  const keys = [
    'id',
    'section',
    'label',
    'strength',
    'kind',
    'role',
    'area',
    'since',
    'text',
    'testable',
    'how',
  ];
  for (const entry of catalogue) {
    const { id, needs, ...rest } = entry;
    expect(Object.keys({ id, ...rest }), id).toEqual(keys);
    expect(id).toMatch(/^(virtio|scsi)(\.[a-z0-9-]+)+$/);
    expect(STRENGTHS, id).toContain(entry.strength);
    expect(KINDS, id).toContain(entry.kind);
    expect(ROLES, id).toContain(entry.role);
    expect(VERSIONS, id).toContain(entry.since);
    expect(TESTABLE, id).toContain(entry.testable);
    expect(entry.label, id).toMatch(/^((device|driver)normative|sec|tab):/);
    for (const text of [entry.section, entry.area, entry.text, entry.how]) expect(text, id).toMatch(/\S/);
  }
});

const CAPABILITIES = new Set(
  'hotplug-control media-control slow-backend backend-fault config-change-control msix intx pci mmio legacy-interface multi-queue iommu iommu-trace physical-device vendor-cap'.split(
    ' ',
  ),
);

test('needs are feature bits and capabilities that there are', () => {
  for (const { id, needs = [] } of catalogue)
    for (const need of needs)
      expect(CAPABILITIES.has(need) || need in Feature, `${id} needs ${need}`).toBe(true);
});

test('a statement without MUST, SHOULD or MAY fixes a format or is inferred', () => {
  for (const { id, strength, kind } of catalogue)
    expect(strength === 'INFO', id).toBe(kind === 'format' || kind === 'inferred');
});

test('what SAM alone says is inferred', () => {
  for (const { id, text, kind } of catalogue)
    if (id.startsWith('scsi.tmf.') && text.includes('per SAM')) expect(kind, id).toBe('inferred');
  const others = catalogue.filter(({ kind, text }) => kind === 'inferred' && !text.includes('per SAM'));
  expect(others.map(({ id }) => id)).toEqual([
    'virtio.split.no-write-outside',
    'virtio.split.used-once',
    'scsi.req.response-fields-written',
    'scsi.ctrl.bad-target',
    'scsi.ctrl.incorrect-lun',
    'scsi.event.no-unprovoked',
    'scsi.event.lun-encoding',
  ]);
});

test.each([
  ['1.1', 'VIRTIO_F_RING_PACKED'],
  ['1.1', 'VIRTIO_F_IN_ORDER'],
  ['1.1', 'VIRTIO_F_ACCESS_PLATFORM'],
  ['1.1', 'VIRTIO_F_ORDER_PLATFORM'],
  ['1.1', 'VIRTIO_F_SR_IOV'],
  ['1.1', 'VIRTIO_F_NOTIFICATION_DATA'],
  ['1.2', 'VIRTIO_F_NOTIF_CONFIG_DATA'],
  ['1.2', 'VIRTIO_F_RING_RESET'],
  ['1.3', 'VIRTIO_F_ADMIN_VQ'],
  ['1.4', 'VIRTIO_F_SUSPEND'],
])('nothing before %s needs %s', (version, feature) => {
  const first = (VERSIONS as readonly string[]).indexOf(version);
  const users = catalogue.filter(({ needs }) => needs?.includes(feature));
  expect(users.length).toBeGreaterThan(0);
  for (const { id, since } of users) expect(VERSIONS.indexOf(since), id).toBeGreaterThanOrEqual(first);
});

test('how many hold since when', () => {
  const counts = VERSIONS.map((version) => catalogue.filter(({ since }) => since === version).length);
  expect(counts).toEqual([512, 113, 45, 12, 21]);
});

/** All TypeScript files below a folder. */
function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`);
}

test('every requirement id in the source code is in the catalogue', () => {
  const root = fileURLToPath(new URL('../../src', import.meta.url));
  const used = sources(root).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/['"`]((?:virtio|scsi)(?:\.[a-z0-9-]+){2,})['"`]/g)].map(
      ([, id]) => `${id} in ${file.slice(root.length)}`,
    ),
  );
  expect(used.length).toBeGreaterThan(Object.keys(STANDING_CHECKS).length);
  expect(used.filter((use) => !ids.has(use.split(' ')[0] ?? ''))).toEqual([]);
});

test('every requirement that cases, mutants, standing checks and reasons name is in the catalogue', () => {
  const cases = ownCases().files.flatMap((file) => file.cases);
  const used = [
    ...cases.flatMap(({ covers }) => covers),
    ...MUTANTS.flatMap(({ requirement }) => requirement ?? []),
    ...Object.values(STANDING_CHECKS).map(({ requirement }) => requirement),
    ...readReasons().keys(),
  ];
  expect(used.length).toBeGreaterThan(0);
  expect(used.filter((id) => !ids.has(id) && !scsiRequirements().has(id))).toEqual([]);
});
