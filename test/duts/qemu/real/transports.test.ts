/** Each transport of an installed QEMU, driven by the suite's own driver. */
import { describe, expect, it } from 'vitest';
import { qemuAdapter } from '../../../../src/duts/qemu/adapter.js';
import { openQemuPort, type QemuAttach } from '../../../../src/duts/qemu/port.js';
import { openSession } from '../../../../src/run/session.js';
import { encodeLun } from '../../../../src/wire/lun.js';
import { held, heldPort, noLink } from './held.js';

const TRANSPORTS = ['pci', 'pci-legacy', 'mmio', 'mmio-legacy'] as const;
const TEST_UNIT_READY = new Uint8Array(6);

it('offers them all, but only those over PCI on a machine that somebody has chosen', () => {
  expect(qemuAdapter().transports).toEqual(TRANSPORTS);
  expect(qemuAdapter({ machine: 'q35' }).transports).toEqual(['pci', 'pci-legacy']);
});

describe.each([
  ['mapped', true],
  ['copied', false],
])('with %s memory', (_kind, mmap) => {
  it.each(TRANSPORTS)('drives a device over %s', async (name) => {
    const dut = held(await qemuAdapter({ mmap }).start(name));
    const port = heldPort(openQemuPort(dut.attach as QemuAttach, noLink));
    const violations: string[] = [];
    const { transport, driver, units } = openSession(port, dut.profile, 1, (check, violation) => {
      if (violation && check === 'interrupt') violations.push(check);
    });
    expect(transport.kind).toBe(name);
    expect(transport.legacy).toBe(name.endsWith('-legacy'));
    expect(units.map(({ serial }) => serial)).toEqual([
      'VSCSI-SCRATCH-0',
      'VSCSI-DISK-1',
      'VSCSI-CDROM-0',
      'VSCSI-SCRATCH-RO',
      'VSCSI-SCRATCH-RM',
    ]);
    expect(violations).toEqual([]);

    // By its line every transport can interrupt, and the line falls when the cause has been acknowledged.
    driver.initialise({ interrupts: 'line' });
    const { line } = transport;
    expect(line?.level()).toBe(false);
    const exchange = driver.stage({ lun: encodeLun(0, 0), id: driver.nextId(), cdb: TEST_UNIT_READY });
    driver.publish([exchange]);
    port.lifecycle.settle();
    expect(line?.level()).toBe(true);
    expect(driver.wait([exchange], 1000)).toBe(true);
    expect(exchange.interrupted).toBe(true);
    expect(line?.level()).toBe(false);
  });
});
