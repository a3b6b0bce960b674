/** A port to a function of another process, and what is said of a server whose function cannot be driven. */
import { closeSync, openSync, unlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { NO_CONTROLS, type RunningDut } from '../../../src/duts/dut.js';
import { type VfioUserOptions, vfioUserAdapter } from '../../../src/duts/vfio-user/adapter.js';
import { openVfioUserPort, type VfioUserAttach } from '../../../src/duts/vfio-user/port.js';
import type { Port } from '../../../src/port/port.js';
import type { PciAttachment } from '../../../src/port/registers.js';

const SERVER = fileURLToPath(new URL('odd-server.mjs', import.meta.url));
const ports: Port[] = [];
const duts: RunningDut[] = [];
afterEach(async () => {
  for (const port of ports.splice(0)) port.close();
  for (const dut of duts.splice(0)) await dut.stop();
});

async function opened(odd: string, options: VfioUserOptions = {}) {
  const backend = [process.execPath, SERVER, '{socket}', odd];
  const dut = await vfioUserAdapter({ backend, ...options }).start();
  duts.push(dut);
  const port = openVfioUserPort(dut.attach as VfioUserAttach, NO_CONTROLS);
  ports.push(port);
  const pci = port.attachment as PciAttachment;
  return { dut, port, pci };
}

test('shows configuration space and the BARs that there are', async () => {
  const { dut, port, pci } = await opened('');
  expect([pci.config.size, pci.config.read(0, 2), pci.config.read(2, 2)]).toEqual([256, 0x1af4, 0x1048]);
  const [bar] = [0, 1, 2, 3, 4, 5].flatMap((index) => pci.bar(index) ?? []);
  expect(bar?.size).toBe(4096);
  bar?.write(8, 4, 0x8877_6655);
  bar?.write(9, 1, 0);
  expect(bar?.read(8, 4)).toBe(0x8877_0055);
  expect(bar?.read(10, 2)).toBe(0x8877);
  expect([port.interrupts?.vectors, port.interrupts?.masked, pci.line]).toEqual([5, false, undefined]);
  port.interrupts?.deliver?.(true);
  port.interrupts?.deliver?.(false);
  expect(dut.identity).toMatchObject({
    name: 'vfio-user',
    version: 'unknown',
    details: { memory: 'mapped' },
  });
});

test('after a power cycle that nobody comes back from it is gone, and closes nothing that is not its own', async () => {
  const { dut } = await opened('');
  const attach = dut.attach as VfioUserAttach;
  const call = () => unlinkSync(attach.socket);
  const port = openVfioUserPort(attach, { offered: new Set(['power-cycle']), call });
  expect(() => port.controls.invoke({ name: 'power-cycle' })).toThrow(
    expect.objectContaining({ code: 'DUT_GONE', message: expect.stringMatching(/its place: .* ENOENT/) }),
  );
  const others = Array.from({ length: 16 }, () => openSync('/dev/null', 'r'));
  port.close();
  for (const fd of others) closeSync(fd);
});

test('is what a profile declares', async () => {
  const identity = { name: 'mine', version: '7' };
  const { dut, port, pci } = await opened('', { identity, msixMasks: true, intxStatus: true, settleMs: 0 });
  expect(dut.identity).toMatchObject(identity);
  expect([port.interrupts?.masked, pci.line?.level()]).toEqual([true, false]);
});

test('a device that does not map memory gets at it by messages', async () => {
  const { port, pci } = await opened('dma', { shareMemory: false });
  const block = port.dma.alloc(8, { maxIova: 2n ** 32n });
  const view = new DataView(block.view.buffer, block.view.byteOffset);
  view.setUint32(0, 41, true);
  block.publish();
  pci.bar(0)?.write(4092, 4, Number(block.iova));
  const until = performance.now() + 5000;
  for (let round = 0; view.getUint32(4, true) === 0 && performance.now() < until; round++)
    port.clock.relax(round);
  block.fetch();
  expect(view.getUint32(4, true)).toBe(42);
});

test('an access that the server refuses is one that nobody on the bus answers', async () => {
  const { pci } = await opened('refuses-reads');
  expect(pci.bar(0)?.read(0, 2)).toBe(0xffff);
  expect(pci.config.read(0, 2)).toBe(0x1af4);
});

test('without MSI-X by eventfds there are no interrupts of the port', async () => {
  for (const odd of ['no-irqs', 'no-eventfd']) {
    const { port } = await opened(odd);
    expect(port.interrupts).toBe(undefined);
    port.clock.relax(0);
  }
});

test('takes no more vectors than it can have eventfds for', async () => {
  const { port } = await opened('many-irqs');
  expect(port.interrupts?.vectors).toBe(253);
});

test.each([
  ['no-pci', 'PORT_SETUP', /shows no PCI function: it has flags 0x1 and 9 regions/],
  ['few-regions', 'PORT_SETUP', /no PCI function: it has flags 0x2 and 3 regions/],
  ['huge-region', 'PORT_SETUP', /a region 0 of 1152921504606846976 bytes, more than can be addressed/],
  ['no-config', 'PORT_SETUP', /a configuration space of 0 bytes, which has 64 to 4096/],
  ['large-config', 'PORT_SETUP', /a configuration space of 65536 bytes/],
  ['no-memory', 'PORT_SETUP', /the function cannot be set up: the server refuses DMA_MAP: ENOMEM/],
  ['other-region', 'PORT_PROTOCOL', /region 3, not 4/],
  ['other-irq', 'PORT_PROTOCOL', /interrupts 2, not 1/],
  ['goes', 'DUT_GONE', /closed the connection when it was to reply to DMA_MAP, after 7 bytes/],
])('a server that is odd by %s', async (odd, code, message) => {
  await expect(opened(odd)).rejects.toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  );
});

test('what goes wrong later is told as well', async () => {
  const irqs = await opened('refuses-irqs');
  expect(() => irqs.port.interrupts?.deliver?.(true)).toThrow(/MSI-X cannot be set up: .* EINVAL/);
  const elsewhere = await opened('reads-elsewhere');
  expect(() => elsewhere.pci.config.read(0, 4)).toThrow(/REGION_READ: expected 4 bytes at 0 of region 7/);
  expect(elsewhere.port.lifecycle.alive()).toBe(false);
});
