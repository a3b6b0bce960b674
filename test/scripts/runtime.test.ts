/** The Node.js that comes with the package. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../src/run/package-info.js';

const { optionalDependencies } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
  readonly optionalDependencies: Readonly<Record<string, string>>;
};
const runtimes = Object.entries(optionalDependencies).filter(([name]) => name.startsWith('node-'));
const [name, range = ''] =
  runtimes.find(([each]) => each === `node-${process.platform}-${process.arch}`) ?? [];
const omitted = name === undefined || !existsSync(join(PACKAGE_ROOT, 'node_modules', name));

test('it is of one version for all processors', () => {
  expect(runtimes.length).toBeGreaterThan(1);
  expect(new Set(runtimes.map(([, version]) => version)).size).toBe(1);
});

test.skipIf(omitted)('npx uses it', () => {
  const version = execFileSync('npx', ['--no-install', 'node', '--version'], {
    cwd: PACKAGE_ROOT,
    encoding: 'utf8',
  });
  expect(version).toMatch(new RegExp(`^v${/\d+/.exec(range)?.[0]}\\.`));
});
