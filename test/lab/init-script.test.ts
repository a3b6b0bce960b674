import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { initScript, PORTS, shareTag } from '../../src/lab/init-script.js';

const SCRIPT = initScript({
  modules: [['vhost.ko'], ['vhost_scsi.ko'], ['brd.ko', 'rd_nr=1', 'rd_size=80']],
  shares: [
    { host: '/host/x', guest: '/a folder', writable: false },
    { host: '/host/y', guest: '/out', writable: true },
  ],
  command: ['sh', '-c', 'echo "it\'s"'],
  environment: { NAME: 'a value' },
  folder: '/there',
});

it('is a script that a shell understands', () => {
  expect(() => execFileSync('sh', ['-n'], { input: SCRIPT })).not.toThrow();
});

it('loads modules in order, mounts what is shared and runs the command with its words as they are', () => {
  const lines = SCRIPT.split('\n');
  const at = (part: string) => {
    const index = lines.findIndex((line) => line.includes(part));
    expect(index, part).toBeGreaterThan(0);
    return index;
  };
  expect(at('insmod /modules/vhost.ko')).toBeLessThan(at('insmod /modules/vhost_scsi.ko'));
  expect(lines[at('brd.ko')]).toContain('insmod /modules/brd.ko rd_nr=1 rd_size=80 ||');
  expect(lines[at(`${shareTag(0)} '/a folder'`)]).toMatch(/,ro,/);
  expect(lines[at(`${shareTag(1)} /out`)]).toMatch(/,rw,/);
  expect(at("export NAME='a value'")).toBeLessThan(at('exec setsid'));
  expect(lines[at('exec setsid')]).toContain(`setsid sh -c 'echo "it'\\''s"'`);
  expect(at('exec setsid')).toBeLessThan(at(`> /dev/virtio-ports/${PORTS.status}`));
});
