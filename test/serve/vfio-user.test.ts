/** What a client says is carried out by the model, and what a hostile one says leaves it alive, without a descriptor more. */
import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { DEFAULT_MODEL_CONFIG } from '../../src/model/model-config.js';
import { ServedFunction, VfioUserClient } from '../../src/serve/vfio-user.js';
import { eventfd, takeSignals } from '../../src/sys/events.js';
import { libc } from '../../src/sys/libc.js';
import { receiveFrom, sendTo, unixPair } from '../../src/sys/unix-socket.js';
import { firstOfType, walkCapabilities } from '../../src/transport/virtio-pci/capabilities.js';
import { MsixControl, msixCapability, PciCommand, pciHeader } from '../../src/wire/pci.js';
import {
  VfioIrqSetFlag,
  VfioPciIrq,
  VfioPciRegion,
  vfioDeviceInfo,
  vfioIrqInfo,
  vfioIrqSet,
  vfioRegionInfo,
} from '../../src/wire/vfio.js';
import {
  VfioUserCommand,
  type VfioUserCommandName,
  VfioUserFlag,
  vfioUserDmaMap,
  vfioUserHeader,
  vfioUserRegionAccess,
  vfioUserVersion,
} from '../../src/wire/vfio-user.js';
import { DeviceStatus, Feature } from '../../src/wire/virtio.js';
import { virtioPciCommonCfg } from '../../src/wire/virtio-pci.js';

const PAGE = 4096;
const NOTHING = new Uint8Array(0);
const open: number[] = [];
const clients: VfioUserClient[] = [];
afterEach(() => {
  for (const one of clients.splice(0)) one.close();
  for (const fd of open.splice(0)) libc().close(fd);
});

function opened(fd: number): number {
  open.push(fd);
  return fd;
}
const openFiles = () => readdirSync('/proc/self/fd').length;

/** A server, and the client's end of the line, for which messages are made with the client's own tables. */
function connected({ agreed = true } = {}) {
  const [near, far] = unixPair();
  opened(far);
  const log: string[] = [];
  const served = new ServedFunction(DEFAULT_MODEL_CONFIG, 'pci', () => {});
  const server = new VfioUserClient(near, served, (line) => log.push(line));
  clients.push(server);
  const send = (name: VfioUserCommandName | number, payload: Uint8Array, fds: number[] = [], flags = 0) => {
    const command = typeof name === 'number' ? name : VfioUserCommand[name];
    const size = vfioUserHeader.size + payload.length;
    sendTo(far, Buffer.concat([vfioUserHeader.encode({ id: 77, command, size, flags }), payload]), fds);
    return server.serve(0);
  };
  /** What a command is answered by: the payload, or an errno. */
  const ask = (
    name: VfioUserCommandName | number,
    payload: Uint8Array,
    fds: number[] = [],
  ): Buffer | number => {
    expect(send(name, payload, fds)).toBe('busy');
    const reply = receiveFrom(far, 2 ** 21)?.data ?? Buffer.alloc(0);
    const { id, size, flags, error, command } = vfioUserHeader.read(reply);
    expect([id, size, flags & VfioUserFlag.TYPE_MASK]).toEqual([77, reply.length, VfioUserFlag.REPLY]);
    expect(command).toBe(typeof name === 'number' ? name : VfioUserCommand[name]);
    return (flags & VfioUserFlag.ERROR) === 0 ? reply.subarray(vfioUserHeader.size) : error;
  };
  const version = Buffer.concat([
    vfioUserVersion.encode({ major: 0, minor: 3 }),
    Buffer.from('{"capabilities":{"max_msg_fds":1}}\0'),
  ]);
  const first = agreed ? ask('VERSION', version) : NOTHING;
  return { served, server, send, ask, far, log, first: first as Buffer };
}

const EINVAL = 22;
const EEXIST = 17;
const ENOENT = 2;
const EOPNOTSUPP = 95;

const region = (index: number) => vfioRegionInfo.encode({ argsz: vfioRegionInfo.size, index });
const irqs = (index: number) => vfioIrqInfo.encode({ argsz: vfioIrqInfo.size, index });
const at = (number: number, offset: number, count: number, data: Uint8Array = NOTHING) =>
  Buffer.concat([vfioUserRegionAccess.encode({ offset: BigInt(offset), region: number, count }), data]);
const map = (address: bigint, size: bigint, offset = 0n) =>
  vfioUserDmaMap.encode({ argsz: vfioUserDmaMap.size, flags: 3, offset, address, size });
const unmap = (address: bigint, size: bigint) => {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(24, 0);
  bytes.writeBigUInt64LE(address, 8);
  bytes.writeBigUInt64LE(size, 16);
  return bytes;
};
const { DATA_NONE, DATA_BOOL, DATA_EVENTFD, ACTION_MASK, ACTION_UNMASK, ACTION_TRIGGER } = VfioIrqSetFlag;
const set = (index: number, flags: number, start: number, count: number, bools: readonly number[] = []) =>
  Buffer.concat([
    vfioIrqSet.encode({ argsz: vfioIrqSet.size + bools.length, flags, index, start, count }),
    Buffer.from(bools),
  ]);

test('agrees on a version, and says what there is', () => {
  const { first, ask } = connected();
  expect(vfioUserVersion.read(first)).toEqual({ major: 0, minor: 0 });
  expect(JSON.parse(first.toString('utf8', 4, first.length - 1))).toEqual({
    capabilities: { max_msg_fds: 8, max_data_xfer_size: 1048576 },
  });
  expect(first.at(-1)).toBe(0);
  const info = vfioDeviceInfo.encode({ argsz: 16 });
  expect(vfioDeviceInfo.read(ask('DEVICE_GET_INFO', info) as Buffer)).toEqual({
    argsz: 16,
    flags: 3,
    num_regions: 9,
    num_irqs: 5,
  });
  const sizes = Array.from({ length: 9 }, (_, index) => {
    const told = vfioRegionInfo.read(ask('DEVICE_GET_REGION_INFO', region(index)) as Buffer);
    expect([told.index, told.cap_offset, told.offset]).toEqual([index, 0, 0n]);
    expect(told.flags).toBe(told.size === 0n ? 0 : 3);
    return told.size > 0n;
  });
  expect(sizes).toEqual([true, false, false, false, true, false, false, true, false]);
  const counts = Array.from({ length: 5 }, (_, index) => {
    const { flags, count } = vfioIrqInfo.read(ask('DEVICE_GET_IRQ_INFO', irqs(index)) as Buffer);
    return [flags, count];
  });
  const { vectors } = DEFAULT_MODEL_CONFIG;
  expect([counts[0], counts[1], counts[2]]).toEqual([
    [7, 1],
    [1, 0],
    [1, vectors],
  ]);
});

test('reads and writes registers, also many at once', () => {
  const { ask, send, far } = connected();
  const { command } = pciHeader.fields;
  const on = Buffer.from([PciCommand.MEMORY | PciCommand.MASTER, 0]);
  const wrote = ask('REGION_WRITE', at(VfioPciRegion.CONFIG, command.offset, 2, on)) as Buffer;
  expect(vfioUserRegionAccess.read(wrote)).toEqual({ offset: 4n, region: 7, count: 2 });
  expect(
    send('REGION_WRITE', at(VfioPciRegion.CONFIG, 12, 1, Buffer.from([9])), [], VfioUserFlag.NO_REPLY),
  ).toBe('busy');
  expect(receiveFrom(far, 100)).toBe(undefined);
  const all = (ask('REGION_READ', at(VfioPciRegion.CONFIG, 0, 256)) as Buffer).subarray(16);
  expect([all.length, all.readUInt16LE(0), all.readUInt16LE(4), all[12]]).toEqual([256, 0x1af4, 6, 9]);
  const odd = (ask('REGION_READ', at(VfioPciRegion.CONFIG, 1, 6)) as Buffer).subarray(16);
  expect(odd.equals(all.subarray(1, 7))).toBe(true);
  // A reset makes it as new.
  expect(ask('DEVICE_RESET', NOTHING)).toEqual(Buffer.alloc(0));
  const again = (ask('REGION_READ', at(VfioPciRegion.CONFIG, 4, 2)) as Buffer).subarray(16);
  expect(again.readUInt16LE(0)).toBe(0);
});

test('maps memory within its file, each address once, and forgets it', () => {
  const { ask, served } = connected();
  const file = opened(libc().memfd('test', 4 * PAGE));
  const before = openFiles();
  const [base, size] = [0x10_0000n, BigInt(2 * PAGE)];
  expect(ask('DMA_MAP', map(base, size, BigInt(PAGE)), [file])).toEqual(Buffer.alloc(0));
  served.model.memory.at(base, 1)[0] = 0x5a;
  expect(libc().mapShared(file, 0, 4 * PAGE).bytes[PAGE]).toBe(0x5a);
  expect(ask('DMA_MAP', map(base + 4096n, size), [file])).toBe(EEXIST);
  expect(ask('DMA_MAP', map(base + size, size), [file])).toEqual(Buffer.alloc(0));
  expect(ask('DMA_MAP', map(0x90_0000n, 5n * 4096n), [file])).toBe(EINVAL);
  expect(ask('DMA_MAP', map(0x90_0000n, 4096n, 1n << 63n), [file])).toBe(EINVAL);
  expect(ask('DMA_MAP', map(0x90_0000n, 0n), [file])).toBe(EINVAL);
  expect(ask('DMA_MAP', map(0x90_0000n, 4096n))).toBe(EOPNOTSUPP);
  expect(ask('DMA_MAP', NOTHING, [file])).toBe(EINVAL);
  expect(ask('DMA_UNMAP', unmap(base, 4096n))).toBe(ENOENT);
  // VFIO_DMA_UNMAP_FLAG_ALL
  const all = unmap(0n, 0n);
  all.writeUInt32LE(2, 4);
  expect(ask('DMA_UNMAP', all)).toBe(EINVAL);
  expect(ask('DMA_UNMAP', unmap(base, size))).toEqual(unmap(base, size));
  expect(() => served.model.memory.at(base, 1)).toThrow();
  served.model.memory.at(base + size, 1);
  expect(openFiles()).toBe(before);
});

test('signals vectors by eventfds, which are replaced and taken away', () => {
  const { ask, served } = connected();
  const events = [eventfd(), eventfd(), eventfd()].map(opened);
  const heard = () => events.map((fd) => takeSignals(fd));
  const before = openFiles();
  const [first, second, third] = events as [number, number, number];
  const { MSIX } = VfioPciIrq;
  expect(ask('DEVICE_SET_IRQS', set(MSIX, DATA_EVENTFD | ACTION_TRIGGER, 1, 2), [first, second])).toEqual(
    Buffer.alloc(0),
  );
  served.onMessage(1);
  served.onMessage(2);
  served.onMessage(2);
  served.onMessage(0);
  expect(heard()).toEqual([1, 2, 0]);
  expect(ask('DEVICE_SET_IRQS', set(MSIX, DATA_EVENTFD | ACTION_TRIGGER, 2, 1), [third])).toEqual(
    Buffer.alloc(0),
  );
  ask('DEVICE_SET_IRQS', set(MSIX, DATA_BOOL | ACTION_TRIGGER, 1, 2, [0, 1]));
  expect(heard()).toEqual([0, 0, 1]);
  ask('DEVICE_SET_IRQS', set(MSIX, DATA_EVENTFD | ACTION_TRIGGER, 2, 1));
  ask('DEVICE_SET_IRQS', set(MSIX, DATA_NONE | ACTION_TRIGGER, 1, 2));
  expect(heard()).toEqual([1, 0, 0]);
  ask('DEVICE_SET_IRQS', set(MSIX, DATA_NONE | ACTION_TRIGGER, 0, 0));
  served.onMessage(1);
  expect(heard()).toEqual([0, 0, 0]);
  expect(openFiles()).toBe(before);
});

test('a client that keeps an MSI-X table of its own hears all; one that writes to that of the function is masked by it', () => {
  const { ask, served } = connected();
  const event = opened(eventfd());
  const { config } = served.attachment;
  const capabilities = walkCapabilities(config);
  const msix = capabilities.msix ?? 0;
  config.write(pciHeader.fields.command.offset, 2, PciCommand.MEMORY | PciCommand.MASTER);
  config.write(msix + msixCapability.fields.message_control.offset, 2, MsixControl.ENABLE);
  ask('DEVICE_SET_IRQS', set(VfioPciIrq.MSIX, DATA_EVENTFD | ACTION_TRIGGER, 0, 1), [event]);
  const { bar, offset } = firstOfType(capabilities, 'COMMON_CFG');
  const common = (field: keyof typeof virtioPciCommonCfg.fields, value: number) => {
    const { offset: inside, size } = virtioPciCommonCfg.fields[field];
    const data = Buffer.alloc(size);
    data.writeUIntLE(value, 0, size);
    ask('REGION_WRITE', at(bar, offset + inside, size, data));
  };
  const { ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK } = DeviceStatus;
  common('device_status', ACKNOWLEDGE | DRIVER);
  common('driver_feature_select', 1);
  common('driver_feature', 1 << (Feature.VIRTIO_F_VERSION_1 - 32));
  common('device_status', ACKNOWLEDGE | DRIVER | FEATURES_OK);
  common('config_msix_vector', 0);
  common('device_status', ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
  const table = config.read(msix + msixCapability.fields.table.offset, 4);
  const mask = (masked: number) =>
    ask('REGION_WRITE', at(table & 7, (table & ~7) + 12, 4, Buffer.from([masked, 0, 0, 0])));
  const heard = () => {
    served.model.changeConfiguration();
    return takeSignals(event);
  };
  expect(heard()).toBe(1);
  mask(1);
  expect(heard()).toBe(0);
  mask(0);
  expect(takeSignals(event)).toBe(1);
});

test('a BAR is reached by its number wherever it lies, while its space is enabled', () => {
  const { ask, served } = connected();
  const { config } = served.attachment;
  const { bar, offset } = firstOfType(walkCapabilities(config), 'COMMON_CFG');
  const status = at(bar, offset + virtioPciCommonCfg.fields.num_queues.offset, 2);
  const shown = () => (ask('REGION_READ', status) as Buffer).readUInt16LE(16);
  expect(shown()).toBe(0xffff);
  config.write(pciHeader.fields.command.offset, 2, PciCommand.MEMORY);
  const queues = shown();
  expect(queues).toBeLessThan(64);
  config.write(pciHeader.fields.bar0.offset + 4 * bar, 4, 0x1234_0000);
  expect(shown()).toBe(queues);
});

test('the line masks itself when it is signalled, until it is unmasked', () => {
  const { ask, served, server } = connected();
  const event = opened(eventfd());
  let level = false;
  Object.defineProperty(served, 'line', { get: () => level });
  const { INTX } = VfioPciIrq;
  ask('DEVICE_SET_IRQS', set(INTX, DATA_EVENTFD | ACTION_TRIGGER, 0, 1), [event]);
  server.serve(0);
  expect(takeSignals(event)).toBe(0);
  level = true;
  for (let i = 0; i < 3; i++) server.serve(0);
  expect(takeSignals(event)).toBe(1);
  ask('DEVICE_SET_IRQS', set(INTX, DATA_NONE | ACTION_UNMASK, 0, 1));
  expect(takeSignals(event)).toBe(1);
  ask('DEVICE_SET_IRQS', set(INTX, DATA_NONE | ACTION_UNMASK, 0, 1));
  takeSignals(event);
  ask('DEVICE_SET_IRQS', set(INTX, DATA_NONE | ACTION_MASK, 0, 1));
  server.serve(0);
  expect(takeSignals(event)).toBe(0);
});

const { MSIX, INTX } = VfioPciIrq;
test.each<[string, VfioUserCommandName | number, Uint8Array, number]>([
  ['a command that there is not', 99, NOTHING, EOPNOTSUPP],
  ['a command of the server', 'DMA_READ', Buffer.alloc(16), EOPNOTSUPP],
  ['a region that there is not', 'DEVICE_GET_REGION_INFO', region(9), EINVAL],
  ['room for half an answer', 'DEVICE_GET_REGION_INFO', vfioRegionInfo.encode({ argsz: 16 }), EINVAL],
  ['half a question', 'DEVICE_GET_INFO', Buffer.alloc(8), EINVAL],
  ['interrupts that there are not', 'DEVICE_GET_IRQ_INFO', irqs(5), EINVAL],
  ['a read of a BAR that there is not', 'REGION_READ', at(2, 0, 4), EINVAL],
  ['a read beyond the end', 'REGION_READ', at(VfioPciRegion.CONFIG, 254, 4), EINVAL],
  ['a read far beyond the end', 'REGION_READ', at(VfioPciRegion.CONFIG, 2 ** 53, 4), EINVAL],
  ['a read of more than was agreed upon', 'REGION_READ', at(4, 0, 0xffff_ffff), EINVAL],
  ['a write with too few data', 'REGION_WRITE', at(VfioPciRegion.CONFIG, 4, 4, Buffer.alloc(3)), EINVAL],
  ['a write with too many data', 'REGION_WRITE', at(VfioPciRegion.CONFIG, 4, 1, Buffer.alloc(3)), EINVAL],
  ['vectors beyond the last', 'DEVICE_SET_IRQS', set(MSIX, DATA_NONE | ACTION_TRIGGER, 0, 0x7ff), EINVAL],
  ['no vectors from one on', 'DEVICE_SET_IRQS', set(MSIX, DATA_NONE | ACTION_TRIGGER, 1, 0), EINVAL],
  ['two actions', 'DEVICE_SET_IRQS', set(MSIX, DATA_NONE | ACTION_MASK | ACTION_UNMASK, 0, 1), EINVAL],
  ['no kind of data', 'DEVICE_SET_IRQS', set(MSIX, ACTION_TRIGGER, 0, 1), EINVAL],
  ['a mask for messages', 'DEVICE_SET_IRQS', set(MSIX, DATA_NONE | ACTION_MASK, 0, 1), EINVAL],
  [
    'fewer booleans than interrupts',
    'DEVICE_SET_IRQS',
    set(MSIX, DATA_BOOL | ACTION_TRIGGER, 0, 2, [1]),
    EINVAL,
  ],
  ['two lines', 'DEVICE_SET_IRQS', set(INTX, DATA_NONE | ACTION_TRIGGER, 0, 2), EINVAL],
  ['a line of another kind', 'DEVICE_SET_IRQS', set(7, DATA_NONE | ACTION_TRIGGER, 0, 1), EINVAL],
])(
  '%s is refused, with descriptors as without, and the next command is answered',
  (_, name, payload, errno) => {
    const { ask, log } = connected();
    const event = opened(eventfd());
    const before = openFiles();
    expect(ask(name, payload)).toBe(errno);
    expect(ask(name, payload, [event, event, event])).toBe(errno);
    expect(openFiles()).toBe(before);
    expect(log.at(-1)).toMatch(/command \d+ cannot be carried out: ./);
    expect(ask('DEVICE_GET_INFO', vfioDeviceInfo.encode({ argsz: 16 }))).toBeInstanceOf(Buffer);
  },
);

test.each([
  ['noise', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /a message of \d+ bytes/],
  ['a header that is too short', vfioUserHeader.encode({ command: 4, size: 8 }), /a message of 8 bytes/],
  ['an endless message', vfioUserHeader.encode({ command: 4, size: 0x7fff_ffff }), /a message of 2147483647/],
  ['a reply', vfioUserHeader.encode({ command: 4, size: 16, flags: 1 }), /flags 0x1, which is no command/],
])('a client that sends %s is left', (_, bytes, message) => {
  const { server, far, log } = connected();
  sendTo(far, Buffer.from(bytes));
  expect(server.serve(0)).toBe('gone');
  expect(log.at(-1)).toMatch(message);
});

test.each([
  ['anything before a version', 'DEVICE_RESET', NOTHING, /command 13 before a version/],
  ['another major version', 'VERSION', vfioUserVersion.encode({ major: 1, minor: 0 }), /version 1\.0/],
  ['half a version', 'VERSION', Buffer.alloc(2), /a version in 2 bytes/],
  ['capabilities in prose', 'VERSION', Buffer.from('\0\0\0\0please\0'), /capabilities that are no JSON/],
] as const)('a client that says %s is left', (_, name, payload, message) => {
  const { send, log } = connected({ agreed: false });
  const event = opened(eventfd());
  const before = openFiles();
  expect(send(name, payload, [event])).toBe('gone');
  expect(log.at(-1)).toMatch(message);
  expect(openFiles()).toBe(before);
});

test('whoever connects next finds the function as it was, without memory and interrupts', () => {
  const { ask, served, server } = connected();
  const file = opened(libc().memfd('test', PAGE));
  const event = opened(eventfd());
  ask('DMA_MAP', map(0x10_0000n, 4096n), [file]);
  ask('DEVICE_SET_IRQS', set(MSIX, DATA_EVENTFD | ACTION_TRIGGER, 0, 1), [event]);
  ask('REGION_WRITE', at(VfioPciRegion.CONFIG, 12, 1, Buffer.from([9])));
  clients.pop();
  server.close();
  expect(served.model.memory.regions).toEqual([]);
  served.onMessage(0);
  expect(takeSignals(event)).toBe(0);
  expect(served.attachment.config.read(12, 1)).toBe(9);
});

test('a client that sends more descriptors with a message than it may is left', () => {
  const { send, log } = connected();
  const event = opened(eventfd());
  const before = openFiles();
  const many = Array<number>(9).fill(event);
  expect(send('DEVICE_GET_INFO', vfioDeviceInfo.encode({ argsz: 16 }), many)).toBe('gone');
  expect(log.at(-1)).toMatch(/more than 8 descriptors with a message/);
  expect(openFiles()).toBe(before);
});
