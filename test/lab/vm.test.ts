/**
 * The virtual machine itself. Booting it takes seconds and its kernel a download, so this runs only where VSCSI_LAB says
 * that the lab is required.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const VSCSI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const LIMIT_MS = 400_000;
/** In the environment of what is started here. */
const MARK = 'VSCSI_LAB_TEST';
const MARKED = String(process.pid);

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `vscsi lab run`; `watch` is called with all that was written to standard output so far. */
function lab(words: readonly string[], watch: (out: string, interrupt: () => void) => void = () => {}) {
  const env = { ...process.env, [MARK]: MARKED };
  const child = spawn(process.execPath, [VSCSI, 'lab', 'run', ...words], { env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes) => {
    out += bytes;
    watch(out, () => child.kill('SIGINT'));
  });
  child.stderr.on('data', (bytes) => {
    err += bytes;
  });
  return new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

/** How many processes there are that a test here has started; other labs may run on this machine. */
function processes(): number {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/environ`, 'latin1').includes(`${MARK}=${MARKED}\0`);
    } catch {
      return false;
    }
  }).length;
}

describe.skipIf(process.env.VSCSI_LAB !== 'required')('the lab', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vscsi-lab-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('runs a command as root, with what it needs and nothing else', { timeout: LIMIT_MS }, async () => {
    const here = join(folder, 'here');
    writeFileSync(here, 'from the host');
    const script = [
      'id -u; uname -s; node -p "6 * 7"; ls /sys/class/net; ls /vscsi/spec-cases | head -n 1',
      `cat ${here}; echo more > ${here} || echo read-only`,
      'echo from the lab > /out/there; test -e /etc/apt || echo no other files',
      'ls /dev/vhost-scsi; echo complaint >&2; exit 7',
    ];
    const command = ['--share', folder, '--out', join(folder, 'out'), '--module', 'vhost_scsi', '--'];
    const { code, out, err } = await lab([...command, 'sh', '-c', script.join('\n')]);
    expect(out).toBe(
      '0\nLinux\n42\nlo\ncase-file.schema.json\nfrom the hostread-only\nno other files\n/dev/vhost-scsi\n',
    );
    expect(err).toMatch(/Read-only file system\ncomplaint\n$/);
    expect(code).toBe(7);
    expect(readFileSync(join(folder, 'out', 'there'), 'utf8')).toBe('from the lab\n');
  });

  it('leaves nothing behind when it is interrupted', { timeout: LIMIT_MS }, async () => {
    let during = 0;
    const { code, out } = await lab(['--', 'sh', '-c', 'echo ready; sleep 1000'], (said, interrupt) => {
      if (!said.includes('ready')) return;
      during = processes();
      interrupt();
    });
    expect(out).toBe('ready\n');
    expect(code).toBe(130);
    expect(during).toBeGreaterThan(1);
    expect(processes()).toBe(0);
  });

  it('says what a kernel lacks, and what could not be started', { timeout: LIMIT_MS }, async () => {
    const missing = await lab(['--module', 'no_such_module', '--', 'true']);
    expect(missing).toMatchObject({ code: 3, err: expect.stringContaining('has no module no_such_module') });
    const qemu = await lab(['--qemu', '/no/such/qemu', '--', 'true']);
    expect(qemu).toMatchObject({
      code: 3,
      err: expect.stringContaining('there is no program /no/such/qemu'),
    });
  });
});
