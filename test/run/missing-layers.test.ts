/** What lies above vhost is skipped with the reason, and nothing else is. */
import { expect, test } from 'vitest';
import type { ExpandedCase, Step } from '../../src/cases/types.js';
import type { TransportName } from '../../src/port/transport-name.js';
import { missingLayer } from '../../src/run/missing-layers.js';
import type { RegionName, Transport } from '../../src/transport/transport.js';

function transport(kind: TransportName, status: boolean, regions: readonly RegionName[]): Transport {
  const partial: Partial<Transport> = {
    kind,
    regions: new Set(regions),
    hasRegister: (name) => status && name === 'device_status',
    usualVector: (source) => (source === 'config' ? undefined : source),
  };
  return partial as Transport;
}

const BARE = transport('vhost-kernel', false, []);
const FULL = transport('vhost-user', true, ['device']);

function evidence(steps: readonly object[], on: Transport, device: object = {}): string | undefined {
  const plan = { device: { until: 'live', queues: [], state: 'live', ...device }, steps: steps as Step[] };
  return missingLayer(plan as unknown as ExpandedCase, on)?.evidence;
}

const dev = (register: string) => ({ kind: 'read', location: { kind: 'dev', register, text: register } });
const config = { kind: 'read', location: { kind: 'config', field: 'num_queues', text: 'num_queues' } };

test.each([
  ['a status that the back-end has not', [dev('status')], BARE, 'device_status'],
  ['another register', [dev('queue_select')], FULL, 'queue_select'],
  ['a configuration that the back-end has not', [config], BARE, 'device configuration'],
  [
    'a PCI register',
    [{ kind: 'read', location: { kind: 'pci', register: 'command' } }],
    FULL,
    'PCI function',
  ],
  ['the reset of a queue', [{ kind: 'reset', target: {} }], FULL, 'queue_reset'],
  ['a value in a notification', [{ kind: 'kick', value: {} }], FULL, 'notification'],
  ['the interrupt line', [{ kind: 'wait', target: { kind: 'interrupt', source: 'line' } }], FULL, 'line'],
  ['a vector', [{ kind: 'setup', vectors: [] }], FULL, 'interrupt vectors'],
  [
    'something within a repeat',
    [{ kind: 'repeat', rounds: { kind: 'values', steps: [{ kind: 'write', writes: [dev('isr')] }] } }],
    FULL,
    'isr',
  ],
])('%s is named', (_, steps, on, lack) => {
  expect(evidence(steps, on)).toMatch(
    new RegExp(`^vhost-\\w+ has no .*${lack}.*: it is not the back-end's$`),
  );
});

test('what the back-end has is used', () => {
  expect(evidence([dev('status'), config, { kind: 'reset', target: 'device' }], FULL)).toBeUndefined();
  expect(evidence([{ kind: 'command' }, { kind: 'quiet', watch: ['rings'] }], BARE)).toBeUndefined();
});

test('devices with registers are none of its business', () => {
  expect(evidence([dev('queue_select')], transport('mmio', false, []))).toBeUndefined();
});
