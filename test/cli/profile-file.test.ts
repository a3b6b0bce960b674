import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadProfile } from '../../src/cli/profile-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-profile-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const load = (text: string) => {
  const file = join(folder, 'mine.yaml');
  writeFileSync(file, text);
  return loadProfile(file);
};

test('everything a profile can say', () => {
  const text = `
dut: qemu
binary: ./qemu
accel: tcg
machine: pc,usb=off
memory: 128
device: {num_queues: 4, packed: true, event_idx: false, iommu_platform: "off"}
wrap: [valgrind, -q]
args: [-global, a.b=c]
units:
  - {target: 1, unit: 2, kind: tape}
  - {target: 3, unit: 0, scratch_serial: MINE}
free_target: 9
free_unit: {target: 1, unit: 5}
controls: {hold: [./hold.sh, -x], release: [./release.sh]}
`;
  expect(load(text)).toEqual({
    name: 'mine',
    kind: 'qemu',
    controls: { commands: { hold: ['./hold.sh', '-x'], release: ['./release.sh'] }, folder },
    qemu: {
      binary: './qemu',
      accel: 'tcg',
      machine: 'pc,usb=off',
      memoryMiB: 128,
      device: { num_queues: '4', packed: 'on', event_idx: 'off', iommu_platform: 'off' },
      wrap: ['valgrind', '-q'],
      args: ['-global', 'a.b=c'],
      units: [
        { target: 1, unit: 2, kind: 'tape' },
        { target: 3, unit: 0, kind: 'disk', scratchSerial: 'MINE' },
      ],
      freeTarget: 9,
      freeUnit: { target: 1, unit: 5 },
    },
  });
});

test('a remote device, at an address or by a command', () => {
  expect(load('dut: remote\naddress: tcp:127.0.0.1:4444\ntransports: [pci, mmio-legacy]\n').remote).toEqual({
    address: 'tcp:127.0.0.1:4444',
    transports: ['pci', 'mmio-legacy'],
  });
  expect(load('dut: remote\ncommand: [./mine, -x]\n').remote).toEqual({ command: ['./mine', '-x'] });
  const own = loadProfile(fileURLToPath(new URL('../../fixtures/profiles/remote.yaml', import.meta.url)));
  expect(own).toMatchObject({ kind: 'remote', remote: { command: ['npx', 'vscsi', 'serve', '--remote'] } });
});

test('a PCI function of this machine', () => {
  const own = loadProfile(fileURLToPath(new URL('../../fixtures/profiles/vfio.yaml', import.meta.url)));
  expect(own).toMatchObject({
    kind: 'vfio',
    vfio: {
      address: '0000:01:00.0',
      identity: { name: 'my-dpu', version: '1.0' },
      transports: ['pci'],
      units: [
        { target: 0, unit: 0, kind: 'disk', scratchSerial: 'LENT-1' },
        { target: 0, unit: 1 },
      ],
      freeTarget: 200,
    },
  });
  expect(load('dut: vfio\nfunction: "41:00.1"\nsettle_ms: 20\n').vfio).toEqual({
    address: '41:00.1',
    settleMs: 20,
  });
});

test('a function behind vfio-user', () => {
  const ours = (name: string) =>
    loadProfile(fileURLToPath(new URL(`../../fixtures/profiles/${name}.yaml`, import.meta.url)));
  expect(ours('vfio-user')).toMatchObject({
    kind: 'vfio-user',
    vfioUser: { backend: expect.arrayContaining(['{transport}']), msixMasks: true, intxStatus: true },
  });
  expect(ours('spdk-vfio-user')).toMatchObject({
    kind: 'vfio-user',
    vfioUser: { socket: '/run/spdk/vfu.scsi', transports: ['pci'], hugePages: true, msixMasks: false },
  });
  const text =
    'dut: vfio-user\nsocket: s\ncontrol_socket: c\nsettle_ms: 0\nidentity: {name: a, version: b}\n';
  expect(load(text).vfioUser).toEqual({
    socket: 's',
    controlSocket: 'c',
    settleMs: 0,
    identity: { name: 'a', version: 'b' },
  });
  expect(() => load('dut: vfio-user\ntransports: [pci, mmio]\n')).toThrow(
    /driven by pci or pci-legacy, not by mmio/,
  );
});

test('the least, and a name', () => {
  expect(load('dut: model\nname: other\n')).toEqual({ name: 'other', kind: 'model', qemu: {} });
});

test.each([
  ['dut: qemu\nbinry: x\n', /mine\.yaml:2:1 .*there is no key "binry" here; did you mean "binary"\?/],
  ['dut: qemo\n', /mine\.yaml:1:6 .*dut is one of model, qemu, .*, not "qemo"; did you mean "qemu"\?/],
  ['binary: x\n', /mine\.yaml:1:1 .*"dut" is missing here/],
  ['dut: qemu\nunits:\n  - {target: 300, unit: 0}\n', /mine\.yaml:3:14 .*target must be <= 255, got 300/],
  ['dut: remote\naddress: localhost\n', /mine\.yaml:2:10 .*address must match pattern/],
  ['dut: vfio\nfunction: 1:2\n', /mine\.yaml:2:11 .*must match pattern/],
  ['dut: vfio\ntransports: [pci, mmio]\n', /mine\.yaml:2:19 .*is driven by pci or pci-legacy, not by mmio/],
  ['dut: vfio\nidentity: {name: x}\n', /mine\.yaml:2:11 .*"version" is missing here/],
  ['dut: remote\ntransports: [isa]\n', /mine\.yaml:2:14 .*is one of pci, pci-legacy, mmio, mmio-legacy/],
  ['dut: remote\nsocket: /s\n', /"socket" means nothing to the device kind remote/],
  ['dut: qemu\naddress: unix:/s\n', /"address" means nothing to the device kind qemu/],
  ['dut: qemu\nwrap: valgrind\n', /mine\.yaml:2:7 .*wrap must be array, got "valgrind"/],
  ['dut: model\nmachine: q35\n', /mine\.yaml:2:1 .*"machine" means nothing to the device kind model/],
  ['dut: qemu\ncontrols: {plgu: [x]}\n', /mine\.yaml:2:12 .*no key "plgu" here; did you mean "plug"/],
  ['dut: qemu\ncontrols: {plug: [x]}\n', /mine\.yaml:2:12 .*"plug" is of no use without "unplug"/],
  ['dut: model\ncontrols: {}\n', /mine\.yaml:2:1 .*"controls" means nothing/],
  ['dut: [\n', /mine\.yaml:\d+:\d+ /],
  ['', /mine\.yaml:1:1 /],
])('%j is refused, with the place', (text, message) => {
  expect(() => load(text)).toThrow(message);
});

test('a file that is not there is named', () => {
  expect(() => loadProfile(join(folder, 'none.yaml'))).toThrow(/none\.yaml cannot be read/);
});

test('a PCI function without an IOMMU; consent is for the command line', () => {
  expect(load('dut: pci\nfunction: 00:05.0\nmessages: memory\ntransports: [pci-legacy]\n').pci).toEqual({
    address: '00:05.0',
    messages: true,
    transports: ['pci-legacy'],
  });
  expect(load('dut: pci\nmessages: none\n').pci).toEqual({ messages: false });
  expect(() => load('dut: pci\nunsafe_dma: true\n')).toThrow(/there is no key "unsafe_dma" here/);
  expect(() => load('dut: pci\ntransports: [mmio]\n')).toThrow(/driven by pci or pci-legacy, not by mmio/);
  expect(() => load('dut: vfio\nmessages: memory\n')).toThrow(
    /"messages" means nothing to the device kind vfio/,
  );
});

test("the kernel's vhost-scsi, of which nothing is described", () => {
  expect(load('dut: vhost-scsi\nname: mine\n')).toMatchObject({ name: 'mine', kind: 'vhost-scsi' });
  expect(() => load('dut: vhost-scsi\nunits: [{target: 0, unit: 0}]\n')).toThrow(/"units" means nothing/);
});
