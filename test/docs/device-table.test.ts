/** The ways in that the README names: each has a worked profile, which says what the README says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadProfile } from '../../src/cli/profile-file.js';
import { ADAPTERS } from '../../src/duts/registry.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROFILES = join(ROOT, 'fixtures/profiles');
const files = readdirSync(PROFILES).filter((name) => name.endsWith('.yaml'));
/** Rows of the table that have a profile: the kind that the way in names, and the profiles. */
const rows = readFileSync(join(ROOT, 'README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|') && line.includes('](fixtures/profiles/'))
  .map((line) => ({
    kind: /`--dut ([a-z-]+)/.exec(line)?.[1] ?? '',
    profiles: [...line.matchAll(/\]\(fixtures\/profiles\/([^)]+)\)/g)].map(([, name = '']) => name),
  }));

test.each(files)('%s can be read, and names a kind of device that there is', (name) => {
  const { kind } = loadProfile(join(PROFILES, name));
  expect(Object.keys(ADAPTERS)).toContain(kind);
});

test('every kind of device but the model has a row, and a profile of its kind', () => {
  expect(rows.map(({ kind }) => kind).sort()).toEqual(
    Object.keys(ADAPTERS)
      .filter((kind) => kind !== 'model')
      .sort(),
  );
  for (const { kind, profiles } of rows) {
    expect(profiles.length).toBeGreaterThan(0);
    for (const name of profiles) expect(loadProfile(join(PROFILES, name)).kind).toBe(kind);
  }
});
