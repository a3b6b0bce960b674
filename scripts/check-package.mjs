/**
 * Packs the package, installs it as users do, without running install scripts, into an empty folder, and runs the cases
 * on the model from there. Needs the registry, or npm's cache, for the dependencies.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vscsi-package-'));
/** What a user of the package needs besides the program. */
const CONTENTS = [
  'LICENSE',
  'README.md',
  'CONFORMANCE.md',
  'CHANGELOG.md',
  'docs/writing-cases.md',
  'spec-cases/requirements.yaml',
  'spec-cases/scsi-requirements.yaml',
  'spec-cases/rulings.yaml',
  'spec-cases/case-file.schema.json',
  'src/report/html/client.js',
  'src/report/results.schema.json',
  'src/report/events.schema.json',
  'src/report/trace.schema.json',
  'fixtures/known/qemu.yaml',
  'fixtures/profiles/qemu.yaml',
  'fixtures/profiles/dut-profile.schema.json',
  'fixtures/known/known.schema.json',
  'fixtures/playlists/playlist.schema.json',
  'fixtures/remote/messages.schema.json',
  'docs/remote-protocol.md',
  'examples/remote/device.py',
  'examples/remote/device.c',
];

/** Runs a command; its output is shown only when it fails. */
function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    console.error(`${command} ${args.join(' ')}\n${error.stdout}${error.stderr}`);
    throw new Error(`${command} ended with ${error.status}`);
  }
}

try {
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  const user = join(folder, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{"private": true}\n');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  run('npm', ['install', ...quiet, join(folder, tarball)], user);
  const installed = join(user, 'node_modules', 'virtio-scsi-conformance');
  const missing = CONTENTS.filter((name) => !existsSync(join(installed, name)));
  if (missing.length > 0) throw new Error(`the package lacks ${missing.join(', ')}`);
  const output = run('npx', ['--no-install', 'vscsi', 'run', '--dut', 'model'], user);
  const last = output.trimEnd().split('\n').at(-1);
  if (last !== 'CONFORMANT') throw new Error(`the installed package says:\n${output}`);
  console.log(`${tarball}: installs, has what it needs, and runs on the model: ${last}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
