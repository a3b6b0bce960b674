/** A device that writes whatever it likes neither crashes nor hangs the harness, nor makes it read outside its memory. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Driver } from '../../src/harness/driver.js';
import { judgeExchange } from '../../src/harness/standing-checks.js';
import { StandingLedger } from '../../src/harness/standing-ledger.js';
import { encodeLun } from '../../src/wire/lun.js';
import { featureSet } from '../../src/wire/virtio.js';
import { QueueIndex } from '../../src/wire/virtio-scsi.js';
import { FakeDevice } from './fake-device.js';
import { PackedReader } from './packed-reader.js';

/** One thing that a hostile device does when it is notified. */
const deed = fc.oneof(
  fc.record({
    kind: fc.constant('use' as const),
    id: fc.oneof(fc.nat(64), fc.integer({ min: 0, max: 0xffffffff })),
    len: fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 0xffffffff })),
  }),
  fc.record({ kind: fc.constant('honest' as const), len: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({ kind: fc.constant('jump' as const), to: fc.nat(0xffff) }),
  fc.record({
    kind: fc.constant('scribble' as const),
    at: fc.nat(64 * 1024),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
  fc.record({ kind: fc.constant('answer' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 160 }) }),
);

test('10,000 hostile completions', { timeout: 300_000 }, () => {
  let completions = 0;
  fc.assert(
    fc.property(
      fc.array(fc.array(deed, { minLength: 1, maxLength: 4 }), { minLength: 10, maxLength: 30 }),
      fc.nat(),
      (rounds, seed) => {
        const device = new FakeDevice();
        const ledger = new StandingLedger();
        const record = (
          check: Parameters<StandingLedger['record']>[0],
          violation: Parameters<StandingLedger['record']>[1],
        ) => ledger.record(check, violation, { case: 'fuzz', step: '1' });
        const driver = new Driver(device.port, device, seed, record);
        driver.initialise();
        for (const deeds of rounds) {
          device.onNotify = (queue) => {
            if (queue !== QueueIndex.REQUEST) return;
            const heads = device.available(queue);
            for (const deed of deeds) {
              completions++;
              if (deed.kind === 'use') device.use(queue, deed.id, deed.len);
              else if (deed.kind === 'jump') device.moveUsed(queue, deed.to);
              else if (deed.kind === 'scribble') device.memory.bytes.set(deed.bytes, deed.at);
              else
                for (const head of heads) {
                  // What it scribbled may have made the chain unreadable even for this device.
                  try {
                    if (deed.kind === 'answer') device.answer(queue, head, deed.bytes);
                  } catch {}
                  if (deed.kind === 'honest') device.use(queue, head, deed.len);
                }
            }
          };
          const sent = driver.stage({
            lun: encodeLun(0, 0),
            id: driver.nextId(),
            cdb: new Uint8Array(6),
            dataInSize: 16,
          });
          driver.publish([sent]);
          driver.wait([sent], 3);
          if (sent.answer) judgeExchange({ exchange: sent, answer: sent.answer, cdbLength: 0n }, record);
          driver.judgeDevice();
          // A chain that never came back keeps its descriptors; a harness starts over before they run out.
          if (driver.inFlight().length > 4) driver.initialise();
        }
        expect(ledger.rows().length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 250 },
  );
  expect(completions).toBeGreaterThan(10_000);
});

test('hostile completions on a packed ring', { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(deed, { minLength: 1, maxLength: 4 }), { minLength: 10, maxLength: 30 }),
      fc.boolean(),
      fc.nat(),
      (rounds, inOrder, seed) => {
        const device = new FakeDevice();
        const ring = featureSet('VIRTIO_F_RING_PACKED', ...(inOrder ? (['VIRTIO_F_IN_ORDER'] as const) : []));
        device.features |= ring;
        const ledger = new StandingLedger();
        const driver = new Driver(device.port, device, seed, (check, violation) =>
          ledger.record(check, violation, { case: 'fuzz', step: '1' }),
        );
        const start = () => {
          driver.initialise({ features: (offered) => offered });
          const { desc, size } = device.queues.get(QueueIndex.REQUEST) ?? { desc: 0n, size: 0 };
          return new PackedReader(device.memory, desc, size);
        };
        let reader = start();
        for (const deeds of rounds) {
          device.onNotify = (queue) => {
            if (queue !== QueueIndex.REQUEST) return;
            for (const deed of deeds) {
              if (deed.kind === 'scribble') device.memory.bytes.set(deed.bytes, deed.at);
              else if (deed.kind === 'use') reader.use(deed.id & 0xffff, deed.len, deed.id % 3);
              else if (deed.kind === 'jump') for (let i = 0; i < 64; i++) reader.use(deed.to + i, 0, 1);
              // What it scribbled may have made the chain unreadable even for this device.
              else
                try {
                  for (const { id, slots } of reader.available()) reader.use(id, 0, slots.length);
                } catch {}
            }
          };
          const request = {
            lun: encodeLun(0, 0),
            id: driver.nextId(),
            cdb: new Uint8Array(6),
            dataInSize: 16,
          };
          const sent = driver.stage(request);
          driver.publish([sent]);
          driver.wait([sent], 3);
          driver.judgeDevice();
          if (driver.inFlight().length > 4) reader = start();
        }
        expect(ledger.rows().length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 100 },
  );
});
