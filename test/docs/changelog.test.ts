/** The ids of cases stay what they were: one that was retired never names another case. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownCases } from '../../src/run/load-cases.js';
import { PACKAGE_ROOT } from '../../src/run/package-info.js';

/** What the entries of the lists under *Removed* begin with: ids of cases. */
function retiredIds(changelog: string): string[] {
  const removed = changelog.split(/^(?=##)/m).filter((section) => section.startsWith('### Removed'));
  return removed.flatMap((section) =>
    [...section.matchAll(/^- `([a-z][\w-]*(?:\.[\w-]+)+)`/gm)].map(([, id = '']) => id),
  );
}

test('retired ids are those that the entries under Removed begin with', () => {
  const text =
    '## 0.2.0\n### Removed\n- `scsi.old.case`: said nothing, `spc.new.case` does\n- an option, `--old`\n### Fixed\n- `scsi.other.case`\n';
  expect(retiredIds(text)).toEqual(['scsi.old.case']);
});

test('no case has the id of a retired one', () => {
  const retired = new Set(retiredIds(readFileSync(join(PACKAGE_ROOT, 'CHANGELOG.md'), 'utf8')));
  const ids = ownCases().files.flatMap(({ cases }) => cases.map(({ id }) => id));
  expect(ids.length).toBeGreaterThan(800);
  expect(ids.filter((id) => retired.has(id))).toEqual([]);
});
