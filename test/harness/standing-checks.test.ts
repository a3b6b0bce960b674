/** Every standing check turns red for the misbehaviour that it is there for, and for nothing else. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Driver } from '../../src/harness/driver.js';
import type { Exchange } from '../../src/harness/exchange.js';
import type { ScsiRequest } from '../../src/harness/request.js';
import { judgeExchange } from '../../src/harness/standing-checks.js';
import { StandingLedger } from '../../src/harness/standing-ledger.js';
import { STANDING_CHECKS, type StandingCheck } from '../../src/harness/violation.js';
import { encodeLun } from '../../src/wire/lun.js';
import { DeviceStatus, featureSet } from '../../src/wire/virtio.js';
import { QueueIndex, virtioScsiRespHead } from '../../src/wire/virtio-scsi.js';
import { FakeDevice } from './fake-device.js';
import { PackedReader } from './packed-reader.js';

let device: FakeDevice;
let ledger: StandingLedger;
let driver: Driver;

beforeEach(() => {
  device = new FakeDevice();
  ledger = new StandingLedger();
  driver = new Driver(device.port, device, 7, (check, violation) =>
    ledger.record(check, violation, { case: 'c', step: '1' }),
  );
  driver.initialise();
});

const inquiry: ScsiRequest = {
  lun: encodeLun(0, 0),
  id: 1n,
  cdb: Uint8Array.of(0x12, 0, 0, 0, 36, 0),
  dataInSize: 36,
};
const write: ScsiRequest = {
  lun: encodeLun(0, 0),
  id: 1n,
  cdb: Uint8Array.of(0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0),
  dataOut: new Uint8Array(512),
};

/** A whole answer: header, zeroed sense, data-in. */
function answer(
  header: Parameters<typeof virtioScsiRespHead.encode>[0],
  dataIn = 0,
  sense: readonly number[] = [],
): Uint8Array {
  const out = new Uint8Array(108 + dataIn);
  out.set(virtioScsiRespHead.encode(header));
  out.set(sense, 12);
  out.fill(0x11, 108);
  return out;
}

type Play = (head: number) => void;

function exchange(what: ScsiRequest, play: Play, limitMs = 10): Exchange {
  device.onNotify = (queue) => {
    if (queue !== request) return;
    for (const head of device.available(queue)) play(head);
  };
  const sent = driver.stage(what);
  driver.publish([sent]);
  driver.wait([sent], limitMs);
  if (sent.answer)
    judgeExchange(
      {
        exchange: sent,
        answer: sent.answer,
        cdbLength: BigInt(what.dataOut?.length ?? what.dataInSize ?? 0),
      },
      (check, violation) => ledger.record(check, violation, { case: 'c', step: '1' }),
    );
  driver.judgeDevice();
  return sent;
}

function violated(): StandingCheck[] {
  return ledger
    .rows()
    .filter(({ violations }) => violations > 0)
    .map(({ check }) => check);
}

const request = QueueIndex.REQUEST;
const good = (head: number) => {
  device.answer(request, head, answer({}, 36));
  device.use(request, head, 144);
};

test.each([
  ['for what comes back while a reset is under way', () => driver.noteWrite('device_status', 0n)],
  [
    'by a device that has asked for a reset',
    () => {
      device.status |= DeviceStatus.DEVICE_NEEDS_RESET;
    },
  ],
])('no interrupt is owed %s', (_when, before) => {
  device.onNotify = (queue) => {
    if (queue !== request) return;
    before();
    for (const head of device.available(queue)) {
      device.answer(request, head, answer({}, 36));
      device.use(request, head, 144, false);
    }
  };
  const sent = driver.stage(inquiry);
  driver.publish([sent]);
  expect(driver.wait([sent], 10)).toBe(true);
  expect(sent.interrupted).toBeUndefined();
});

test('an interrupt may be late; after one that never came, no other is waited for so long', () => {
  device.onNotify = (queue) => {
    if (queue !== request) return;
    for (const head of device.available(queue)) {
      device.answer(request, head, answer({}, 36));
      device.use(request, head, 144, false);
    }
  };
  const { clock } = device.port;
  const relax = clock.relax.bind(clock);
  let lag = 1500;
  clock.relax = (round) => {
    relax(round);
    if (round === lag) device.raised.add(driver.vector(request) ?? 0);
  };
  const interrupted = () => {
    const sent = driver.stage(inquiry);
    driver.publish([sent]);
    expect(driver.wait([sent], 10)).toBe(true);
    return sent.interrupted;
  };
  expect(interrupted()).toBe(true);
  lag = Number.POSITIVE_INFINITY;
  expect(interrupted()).toBe(false);
  const start = clock.now();
  expect(interrupted()).toBe(false);
  expect(clock.now() - start).toBeLessThan(200);
});

test('the legacy interface is not held to used lengths', () => {
  device.legacy = true;
  for (const length of [0, 9999])
    exchange(inquiry, (head) => {
      device.answer(request, head, answer({}, 36));
      device.use(request, head, length);
    });
  expect(violated()).toEqual([]);
});

test('a conformant answer violates nothing, and every per-exchange check has been decided', () => {
  exchange(inquiry, good);
  expect(violated()).toEqual([]);
  expect(exchangeCount('used-length')).toBe(1);
  exchange(write, (head) => {
    device.answer(request, head, answer({}));
    device.use(request, head, 108);
  });
  exchange({ ...inquiry, layout: { indirectFrom: 0 } }, good);
  expect(violated()).toEqual([]);
  expect(
    ledger
      .rows()
      .map(({ check }) => check)
      .sort(),
  ).toEqual(
    Object.keys(STANDING_CHECKS)
      .filter((check) => check !== 'used-write-flag')
      .sort(),
  );
});

test('a used descriptor of a packed ring has to say that something was written', () => {
  device.features |= featureSet('VIRTIO_F_RING_PACKED');
  driver.mode = { ring: 'packed', indirect: 'off', event_idx: 'off' };
  driver.initialise();
  const { desc, size, vector } = device.queues.get(request) ?? { desc: 0n, size: 0 };
  const reader = new PackedReader(device.memory, desc, size);
  const send = (writeFlag: boolean) => {
    device.onNotify = () => {
      for (const { id, slots, elements } of reader.available()) {
        const bytes = answer({}, 36);
        for (const { iova, length, writable } of elements)
          if (writable) device.memory.bytes.set(bytes.subarray(0, length), device.memory.at(iova));
        reader.use(id, 144, slots.length, writeFlag);
        if (vector !== undefined) device.raised.add(vector);
      }
    };
    const sent = driver.stage({ ...inquiry, layout: { in: [144] } });
    driver.publish([sent]);
    driver.wait([sent], 10);
    if (sent.answer === undefined) throw new Error('no answer');
    judgeExchange({ exchange: sent, answer: sent.answer, cdbLength: 36n }, (check, violation) =>
      ledger.record(check, violation, { case: 'c', step: '1' }),
    );
    driver.judgeDevice();
    return sent;
  };
  expect(send(true).answer?.usedLen).toBe(144);
  expect(violated()).toEqual([]);
  // Without the flag the length is reserved: it is not judged, and not believed.
  expect(send(false).answer?.usedLen).toBeUndefined();
  expect(violated()).toEqual(['used-write-flag']);
});

function exchangeCount(check: StandingCheck): number {
  return ledger.rows().find((row) => row.check === check)?.exchanges ?? 0;
}

const misbehaviours: readonly [
  name: string,
  checks: readonly StandingCheck[],
  request: ScsiRequest,
  play: Play,
][] = [
  [
    'used len counts data-out',
    ['used-length'],
    write,
    (head) => {
      device.answer(request, head, answer({}));
      device.use(request, head, 108 + 512);
    },
  ],
  [
    'used len covers sense that was not written',
    ['used-length-gap'],
    inquiry,
    (head) => {
      const [, response, data] = device.chain(request, head);
      device.memory.bytes.set(answer({}).subarray(0, 12), response?.at);
      device.memory.bytes.fill(0x22, data?.at, (data?.at ?? 0) + 36);
      device.use(request, head, 144);
    },
  ],
  [
    'used len 0',
    ['used-length-short'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({}, 36));
      device.use(request, head, 0);
    },
  ],
  [
    'a byte after the data-in buffer',
    ['canary'],
    inquiry,
    (head) => {
      const data = device.chain(request, head)[2];
      const end = (data?.at ?? 0) + 36;
      device.memory.bytes[end] = (device.memory.bytes[end] ?? 0) ^ 1;
      good(head);
    },
  ],
  [
    'a byte before the response',
    ['canary'],
    inquiry,
    (head) => {
      const start = (device.chain(request, head)[1]?.at ?? 0) - 1;
      device.memory.bytes[start] = (device.memory.bytes[start] ?? 0) ^ 1;
      good(head);
    },
  ],
  [
    'the request header is written',
    ['readable-intact'],
    inquiry,
    (head) => {
      const at = (device.chain(request, head)[0]?.at ?? 0) + 50;
      device.memory.bytes[at] = 0xff;
      good(head);
    },
  ],
  [
    'a descriptor is written',
    ['ring-intact'],
    inquiry,
    (head) => {
      good(head);
      const { desc } = device.queues.get(request) ?? { desc: 0n };
      device.memory.bytes[device.memory.at(desc) + 12] = 0;
    },
  ],
  [
    'the available ring is written',
    ['ring-intact'],
    inquiry,
    (head) => {
      good(head);
      const { driver: avail } = device.queues.get(request) ?? { driver: 0n };
      device.memory.bytes[device.memory.at(avail)] = 1;
    },
  ],
  [
    'an indirect table is written',
    ['ring-intact'],
    { ...inquiry, layout: { indirectFrom: 0 } },
    (head) => {
      const { desc } = device.queues.get(request) ?? { desc: 0n };
      const table = device.memory.at(
        device.memory.view.getBigUint64(device.memory.at(desc) + 16 * head, true),
      );
      good(head);
      device.memory.bytes[table + 15] = 0x55;
    },
  ],
  [
    'neither status nor response',
    ['used-length-gap', 'response-written', 'response-fields'],
    { ...inquiry, dataInSize: 0 },
    (head) => device.use(request, head, 108),
  ],
  [
    'no residual',
    ['response-fields'],
    { ...inquiry, cdb: new Uint8Array(6), dataInSize: 0, lun: encodeLun(9, 0) },
    (head) => {
      const at = device.chain(request, head)[1]?.at ?? 0;
      const whole = answer({ response: 3 });
      device.memory.bytes.set(whole.subarray(0, 4), at);
      device.memory.bytes.set(whole.subarray(8), at + 8);
      device.use(request, head, 108);
    },
  ],
  [
    'response 10',
    ['codes'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({ response: 10 }, 36));
      device.use(request, head, 144);
    },
  ],
  [
    'status 01h',
    ['codes'],
    { ...inquiry, dataInSize: 0, cdb: new Uint8Array(6) },
    (head) => {
      device.answer(request, head, answer({ status: 1 }));
      device.use(request, head, 108);
    },
  ],
  [
    'CHECK CONDITION without sense',
    ['sense'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({ status: 2 }, 36));
      device.use(request, head, 144);
    },
  ],
  [
    'sense that is none',
    ['sense'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({ status: 2, sense_len: 18 }, 36, [0x12]));
      device.use(request, head, 144);
    },
  ],
  [
    'sense_len beyond sense_size',
    ['sense'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({ status: 2, sense_len: 97 }, 36, [0x70, 0, 5, 0, 0, 0, 0, 10]));
      device.use(request, head, 144);
    },
  ],
  [
    'sense_len with GOOD',
    ['sense'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({ sense_len: 18 }, 36));
      device.use(request, head, 144);
    },
  ],
  [
    'residual says less was moved than was',
    ['residual'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({ residual: 1 }, 36));
      device.use(request, head, 144);
    },
  ],
  [
    'residual says more was moved than was',
    ['residual'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({}, 30));
      device.use(request, head, 138);
    },
  ],
  [
    'zeros behind what was moved',
    ['residual-zeros'],
    inquiry,
    (head) => {
      const cleared = answer({ residual: 6 }, 36);
      cleared.fill(0, cleared.length - 6);
      device.answer(request, head, cleared);
      device.use(request, head, 144);
    },
  ],
  [
    'residual beyond the buffer',
    ['residual'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({ residual: 37 }, 36));
      device.use(request, head, 144);
    },
  ],
  [
    'residual of a WRITE that succeeded',
    ['residual'],
    write,
    (head) => {
      device.answer(request, head, answer({ residual: 512 }));
      device.use(request, head, 108);
    },
  ],
  [
    'no interrupt',
    ['interrupt'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({}, 36));
      device.use(request, head, 144, false);
    },
  ],
  [
    'DEVICE_NEEDS_RESET',
    ['needs-reset'],
    inquiry,
    (head) => {
      good(head);
      device.status |= DeviceStatus.DEVICE_NEEDS_RESET;
    },
  ],
  [
    'an event out of nowhere',
    ['no-event'],
    inquiry,
    (head) => {
      device.use(QueueIndex.EVENT, device.available(QueueIndex.EVENT)[0] ?? 0, 16);
      good(head);
    },
  ],
  [
    'the same head twice',
    ['used-once'],
    inquiry,
    (head) => {
      good(head);
      device.use(request, head, 144);
    },
  ],
  [
    'a head that was never available',
    ['used-once'],
    inquiry,
    (head) => {
      device.use(request, (head + 7) % 64, 144);
      device.answer(request, head, answer({}, 36));
    },
  ],
  ['an id of four bytes', ['used-once'], inquiry, (head) => device.use(request, head | 0x10000, 144)],
  [
    'used idx jumps by thousands',
    ['used-once'],
    inquiry,
    (head) => {
      device.answer(request, head, answer({}, 36));
      device.use(request, head, 144);
      device.moveUsed(request, 5000);
    },
  ],
];

describe('each misbehaviour turns its check red, and no other', () => {
  test.each(misbehaviours)('%s: %s', (_, checks, what, play) => {
    exchange(what, play);
    // What a misbehaviour makes undecidable may stay undecided, but nothing else may be blamed.
    expect(violated().sort()).toEqual([...checks].sort());
  });
});

test('a request that the device never returns ends the wait, not the harness', () => {
  const sent = exchange(inquiry, () => {});
  expect(sent.answer).toBeUndefined();
  expect(driver.inFlight()).toEqual([sent]);
  driver.initialise();
  expect(driver.inFlight()).toEqual([]);
});
