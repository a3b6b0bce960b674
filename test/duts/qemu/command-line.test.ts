import { expect, it } from 'vitest';
import { type QemuMachine, qemuArguments } from '../../../src/duts/qemu/command-line.js';

const MACHINE: QemuMachine = {
  transport: 'pci',
  accel: 'tcg',
  machine: 'q35',
  memoryMiB: 64,
  lowMiB: 32,
  memoryFd: 5,
  firmwareFd: 4,
  qmpFd: 3,
  units: [
    {
      target: 0,
      unit: 0,
      kind: 'disk',
      serial: 'A',
      blockSize: 512,
      medium: { node: 'a', fd: 6, readOnly: false },
    },
    {
      target: 1,
      unit: 7,
      kind: 'cdrom',
      serial: 'B',
      blockSize: 2048,
      medium: { node: 'b', fd: 7, readOnly: true },
    },
  ],
  device: {},
  args: [],
};

/** The values of an option, in order. */
function values(args: readonly string[], option: string): string[] {
  return args.filter((_, index) => args[index - 1] === option);
}

it('reaches every file through a descriptor', () => {
  const args = qemuArguments(MACHINE);
  expect(values(args, '-object').join()).toContain('mem-path=/proc/self/fd/5,share=on');
  expect(values(args, '-bios')).toEqual(['/proc/self/fd/4']);
  expect(values(args, '-chardev')).toEqual(['socket,id=qmp,fd=3']);
  expect(values(args, '-blockdev').map((value) => /"filename":"([^"]*)/.exec(value)?.[1])).toEqual([
    '/proc/self/fd/6',
    '/proc/self/fd/7',
  ]);
});

it('leaves the memory to QEMU where there is no file', () => {
  const args = qemuArguments({ ...MACHINE, memoryFd: undefined });
  expect(values(args, '-object')).toEqual([]);
  expect(values(args, '-machine')).toEqual(['q35,max-ram-below-4g=32M']);
});

it('places the disks', () => {
  const [controller, ...disks] = values(qemuArguments(MACHINE), '-device');
  expect(controller).toBe('virtio-scsi-pci,id=s0,addr=4,disable-legacy=on,ioeventfd=off,num_queues=2');
  expect(disks.map((disk): unknown => JSON.parse(disk))).toEqual([
    { driver: 'scsi-hd', id: 'unit-0-0', bus: 's0.0', 'scsi-id': 0, lun: 0, drive: 'a', serial: 'A' },
    { driver: 'scsi-cd', id: 'unit-1-7', bus: 's0.0', 'scsi-id': 1, lun: 7, drive: 'b', serial: 'B' },
  ]);
});

it('lets the user replace properties and add arguments', () => {
  const args = qemuArguments({
    ...MACHINE,
    device: { ioeventfd: 'on', romfile: 'a,b' },
    args: ['-trace', 'virtio*'],
  });
  expect(values(args, '-device')[0]).toBe(
    'virtio-scsi-pci,id=s0,addr=4,disable-legacy=on,ioeventfd=on,num_queues=2,romfile=a,,b',
  );
  expect(args.slice(-2)).toEqual(['-trace', 'virtio*']);
});

it('attaches the controller as the transport asks', () => {
  const controller = (transport: QemuMachine['transport']) => {
    const args = qemuArguments({ ...MACHINE, transport, device: { packed: 'on' } });
    return [...values(args, '-global'), values(args, '-device')[0]];
  };
  expect(controller('pci-legacy')).toEqual([
    'virtio-scsi-pci,id=s0,addr=4,ioeventfd=off,num_queues=2,packed=on,disable-legacy=off',
  ]);
  expect(controller('mmio')).toEqual([
    'virtio-mmio.force-legacy=off',
    'virtio-mmio.ioeventfd=off',
    'virtio-scsi-device,id=s0,bus=virtio-mmio-bus.0,num_queues=2,packed=on',
  ]);
  expect(controller('mmio-legacy')[0]).toBe('virtio-mmio.force-legacy=on');
  expect(() => controller('vhost-user')).toThrow(RangeError);
});

it('leaves the division of memory to a machine that divides it itself', () => {
  const args = qemuArguments({ ...MACHINE, lowMiB: undefined });
  expect(values(args, '-machine')).toEqual(['q35,memory-backend=mem']);
});
