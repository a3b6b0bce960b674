import { expect, test } from 'vitest';
import { NO_CONTROLS } from '../../../src/duts/dut.js';
import { openModelPort } from '../../../src/duts/model/mutant-port.js';
import { DEFAULT_MODEL_CONFIG } from '../../../src/model/model-config.js';
import { openTransport } from '../../../src/transport/open.js';
import { VirtioPci } from '../../../src/transport/virtio-pci/virtio-pci.js';
import { pciHeader } from '../../../src/wire/pci.js';

function openPci(): VirtioPci {
  const attach = { transport: 'pci', config: DEFAULT_MODEL_CONFIG, seed: 3, copying: false } as const;
  const transport = openTransport(openModelPort(attach, NO_CONTROLS));
  if (!(transport instanceof VirtioPci)) throw new Error('the model is no PCI function');
  return transport;
}

test('recover undoes what was done to configuration space by hand', () => {
  const transport = openPci();
  const { window } = transport.region('pci');
  const { command, bar4 } = pciHeader.fields;
  const address = window.read(bar4.offset + 4, 4);
  transport.writeStatus(1);
  window.write(bar4.offset + 4, 4, 0xffff_0000);
  window.write(command.offset, 2, 0);
  expect(transport.readStatus()).toBe(0xff);
  // Nothing is undone unless somebody said that something was done.
  transport.recover();
  expect(transport.readStatus()).toBe(0xff);
  transport.disturb();
  transport.recover();
  expect(transport.readStatus()).toBe(1);
  expect(window.read(bar4.offset + 4, 4)).toBe(address);
});

test('the MSI-X structures are found through the capability', () => {
  const { msix } = openPci();
  expect(msix?.vectors).toBe(DEFAULT_MODEL_CONFIG.vectors);
  expect(msix?.table().length).toBe(16 * DEFAULT_MODEL_CONFIG.vectors);
  expect(msix?.pendingWord(0).offset).toBeGreaterThan(msix?.table().offset ?? 0);
});
