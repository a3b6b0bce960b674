import { describe, expect, test } from 'vitest';
import type { RegisterWindow } from '../../../src/port/registers.js';
import { TransportError } from '../../../src/transport/transport.js';
import {
  firstOfType,
  hasExtendedCapability,
  walkCapabilities,
} from '../../../src/transport/virtio-pci/capabilities.js';

const COMMON = [
  0x09, 0x00, 0x10, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00,
];

/** Configuration space with bytes at some offsets, and zeros elsewhere. */
function space(pieces: Readonly<Record<number, readonly number[]>>, size = 256): RegisterWindow {
  const bytes = new Uint8Array(size);
  bytes[0x06] = 0x10;
  for (const [offset, piece] of Object.entries(pieces)) bytes.set(piece, Number(offset));
  return {
    size,
    read: (offset, width) =>
      Array.from({ length: width }, (_, at) => (bytes[offset + at] ?? 0) * 256 ** at).reduce((a, b) => a + b),
    write: () => {},
    flush: () => {},
    fence: () => {},
  };
}

describe('capability list', () => {
  test('decodes the virtio capabilities and finds MSI-X', () => {
    const config = space({ 52: [0x40], 64: [0x09, 0x60, ...COMMON.slice(2)], 96: [0x11, 0x00] });
    expect(walkCapabilities(config)).toEqual({
      virtio: [{ at: 0x40, type: 1, size: 16, bar: 4, id: 0, offset: 0x1000, length: 0x40 }],
      msix: 0x60,
      fault: undefined,
    });
  });

  test('a loop ends the walk, and what it passes counts once', () => {
    const config = space({ 52: [0x40], 64: [0x09, 0x40, ...COMMON.slice(2)] });
    const list = walkCapabilities(config);
    expect(list.fault).toBe('loop');
    expect(list.virtio).toHaveLength(1);
    expect(firstOfType(list, 'COMMON_CFG').at).toBe(0x40);
  });

  test('a pointer into the header ends it too', () => {
    const list = walkCapabilities(space({ 52: [0x40], 64: [0x09, 0x10, ...COMMON.slice(2)] }));
    expect(list.fault).toBe('bad-pointer');
    expect(() => firstOfType(list, 'NOTIFY_CFG')).toThrow(/NOTIFY_CFG.*leads into the header/);
  });

  test('what is missing names the requirement', () => {
    const none = space({ 6: [0] });
    expect(() => walkCapabilities(none)).toThrow(TransportError);
    expect(() => firstOfType(walkCapabilities(space({ 52: [0] })), 'ISR_CFG')).toThrow(
      expect.objectContaining({ requirement: 'virtio.pci.isr-present' }),
    );
  });

  test('a capability at the end of the space is read as far as it goes', () => {
    const list = walkCapabilities(space({ 52: [0xf8], 248: [0x09, 0x00, 0x08, 0x09, 0x36, 0x1b] }));
    expect(list.virtio).toMatchObject([{ at: 0xf8, type: 9, size: 8 }]);
  });
});

describe('extended capabilities', () => {
  test('are none in the configuration space of conventional PCI', () => {
    expect(hasExtendedCapability(space({}), 0x10)).toBe(false);
  });

  test('are found behind others', () => {
    const config = space({ 256: [0x01, 0x00, 0x01, 0x15], 336: [0x10, 0x00, 0x01, 0x00] }, 4096);
    expect(hasExtendedCapability(config, 0x10)).toBe(true);
    expect(hasExtendedCapability(config, 0x0e)).toBe(false);
  });

  test('a loop among them ends', () => {
    expect(hasExtendedCapability(space({ 256: [0x01, 0x00, 0x01, 0x10] }, 4096), 0x10)).toBe(false);
  });
});
