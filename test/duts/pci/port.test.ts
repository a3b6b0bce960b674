import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_CONTROLS } from '../../../src/duts/dut.js';
import { openPciPort, type PciAttach } from '../../../src/duts/pci/port.js';
import { libc } from '../../../src/sys/libc.js';

const MIB = 2 ** 20;
const DEVICE_ID = 2;
const TRANSITIONAL = 0x1004;
const MODERN = 0x1048;
const COMMAND = 4;
const STATUS = 6;
const MASTER = 4;
const INTERRUPT = 8;
/** device_status of the legacy interface. */
const DEVICE_STATUS = 18;
/** device_status of COMMON_CFG. */
const MODERN_STATUS = 20;
const CAP_LIST = 0x10;
const DECODING = 3;

let folder: string;
let memoryFd: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-port-'));
  memoryFd = libc().memfd('test', 4 * MIB);
  const config = Buffer.alloc(256);
  config.writeUInt16LE(0x1af4, 0);
  config.writeUInt16LE(TRANSITIONAL, DEVICE_ID);
  config.writeUInt16LE(MASTER | 1, COMMAND);
  // BAR 0 in I/O space.
  config.writeUInt32LE(0xc041, 0x10);
  writeFileSync(join(folder, 'config'), config);
  const registers = Buffer.alloc(64);
  registers[DEVICE_STATUS] = 0x0f;
  writeFileSync(join(folder, 'resource0'), registers);
});
afterEach(() => {
  libc().close(memoryFd);
  rmSync(folder, { recursive: true });
});
const attach = (): PciAttach => ({
  transport: 'pci-legacy',
  folder,
  bars: [{ index: 0, space: 'io', size: 64, inPage: 0x40 }],
  memoryFd,
  ranges: [
    { base: 0x1_4000_0000n, size: 2 * MIB, fileOffset: 2 * MIB },
    { base: 0x3000_0000n, size: 2 * MIB, fileOffset: 0 },
  ],
  messages: false,
  settleMs: 0,
});
const config = () => readFileSync(join(folder, 'config'));
const deviceStatus = () => readFileSync(join(folder, 'resource0'))[DEVICE_STATUS];

test('the rings of a former driver are forgotten before the function may master the bus', () => {
  const port = openPciPort(attach(), NO_CONTROLS);
  expect(deviceStatus()).toBe(0);
  expect(config().readUInt16LE(COMMAND) & MASTER).toBe(0);
  expect(port.attachment).toMatchObject({ kind: 'pci', messages: false });
  port.close();
});

test('memory has the addresses by which the function reaches it', () => {
  const port = openPciPort(attach(), NO_CONTROLS);
  const [high, low] = [port.dma.alloc(2 * MIB), port.dma.alloc(MIB, { maxIova: 1n << 32n })];
  expect([high.iova, low.iova]).toEqual([0x1_4000_0000n, 0x3000_0000n]);
  high.view[0] = 1;
  low.view[0] = 2;
  const seen = libc().mapShared(memoryFd, 0, 4 * MIB).bytes;
  expect([seen[2 * MIB], seen[0]]).toEqual([1, 2]);
  port.close();
});

test('the line is seen by the status register', () => {
  const port = openPciPort(attach(), NO_CONTROLS);
  if (port.attachment.kind !== 'pci') throw new Error('no function');
  expect(port.attachment.line?.level()).toBe(false);
  port.attachment.config.write(STATUS, 2, INTERRUPT);
  expect(port.attachment.line?.level()).toBe(true);
  port.close();
});

test('a function from which the port goes does not master the bus', () => {
  const port = openPciPort(attach(), NO_CONTROLS);
  if (port.attachment.kind !== 'pci') throw new Error('no function');
  port.attachment.config.write(COMMAND, 2, MASTER | 3);
  expect(config().readUInt16LE(COMMAND) & MASTER).toBe(MASTER);
  expect(port.lifecycle.alive()).toBe(true);
  port.close();
  expect(config().readUInt16LE(COMMAND) & MASTER).toBe(0);
});

test('a function from which the port goes has forgotten its rings, even if it was told not to decode', () => {
  const port = openPciPort(attach(), NO_CONTROLS);
  if (port.attachment.kind !== 'pci') throw new Error('no function');
  port.attachment.bar(0)?.write(DEVICE_STATUS, 1, 0x07);
  port.attachment.config.write(COMMAND, 2, MASTER);
  port.close();
  expect(deviceStatus()).toBe(0);
  expect(config().readUInt16LE(COMMAND) & (MASTER | DECODING)).toBe(DECODING);
});

describe('the device status', () => {
  /** Changes the function before it is opened. */
  function made(device: number, commonCfgBar?: number): void {
    const bytes = config();
    bytes.writeUInt16LE(device, DEVICE_ID);
    if (commonCfgBar !== undefined) {
      bytes.writeUInt16LE(CAP_LIST, STATUS);
      bytes[0x34] = 0x40;
      // Vendor capability, the last one, of 16 bytes: COMMON_CFG, its BAR, at offset 0.
      Buffer.of(9, 0, 16, 1, commonCfgBar).copy(bytes, 0x40);
    }
    writeFileSync(join(folder, 'config'), bytes);
    const registers = Buffer.alloc(64);
    registers[DEVICE_STATUS] = 0x0f;
    registers[MODERN_STATUS] = 0x0f;
    writeFileSync(join(folder, 'resource0'), registers);
  }
  const both = () => {
    const registers = readFileSync(join(folder, 'resource0'));
    return { legacy: registers[DEVICE_STATUS], modern: registers[MODERN_STATUS] };
  };

  test.each([MODERN, TRANSITIONAL])('of device %i is the one of COMMON_CFG, be it in I/O space', (device) => {
    made(device, 0);
    openPciPort(attach(), NO_CONTROLS).close();
    expect(both()).toEqual({ legacy: 0x0f, modern: 0 });
  });

  test('of a transitional device whose COMMON_CFG has no address is the legacy one', () => {
    made(TRANSITIONAL, 4);
    openPciPort(attach(), NO_CONTROLS).close();
    expect(both()).toEqual({ legacy: 0, modern: 0x0f });
  });

  test('is not looked for in I/O ports that are no legacy interface', () => {
    made(MODERN);
    expect(() => openPciPort(attach(), NO_CONTROLS)).toThrow(/there is no device_status/);
    expect(both()).toEqual({ legacy: 0x0f, modern: 0x0f });
  });
});

test('where nothing answers is said', () => {
  writeFileSync(join(folder, 'config'), Buffer.alloc(256, 0xff));
  expect(() => openPciPort(attach(), NO_CONTROLS)).toThrow(/nothing answers there/);
});

test('what sysfs does not let happen is said with its place', () => {
  expect(() => openPciPort({ ...attach(), folder: '/nowhere' }, NO_CONTROLS)).toThrow(
    /\/nowhere: ENOENT.*\/nowhere\/config/,
  );
});
