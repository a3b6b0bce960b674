/** Every mutant must differ from a conformant device in something that a driver can see. */
import { expect, test } from 'vitest';
import type { Behaviours } from '../../src/model/behaviours.js';
import { diskConfig } from '../../src/model/model-config.js';
import { MUTANTS, mutantById, PROOF_MUTANTS } from '../../src/model/mutants/index.js';
import { requirements } from '../../src/run/requirements.js';
import { Bench, concat, hex, le, type Sent, toHex } from './bench.js';

type Adjust = (behaviours: Behaviours) => void;
const UNIT = (unit: string) => `01 00 00 ${unit} 00 00 00 00`;
const INQUIRY = '12 00 00 00 24 00';
const extra = diskConfig(0, 2, 'X');

/** Everything about a buffer that the driver sees. */
function seen(bench: Bench, queue: number, sent: Sent): string {
  const used = bench.queue(queue);
  return `${toHex(sent.in())} | ${used.usedIdx} ${toHex(used.used.bytes.subarray(0, 4 + 8 * used.size))} | ${bench.reg(3, 0, 1)}`;
}

function command(
  bench: Bench,
  cdb: string,
  dataIn = 0,
  dataOut?: Uint8Array,
  lun = UNIT('00'),
  queue = 2,
): string {
  const out = [Bench.request(cdb, { lun }), ...(dataOut ? [dataOut] : [])];
  return seen(bench, queue, bench.send(queue, out, dataIn ? [108, dataIn] : [108]));
}

const tmf = (bench: Bench, subtype: number, lun = UNIT('00'), tag = 0n) =>
  seen(bench, 0, bench.send(0, [concat(le(0, 4), le(subtype, 4), hex(lun), le(tag, 8))], [1]));

const small = {
  units: [diskConfig(0, 0, 'A', { blocks: 1n << 20n }), diskConfig(0, 1, 'B', { thin: false })],
};
const make = (adjust: Adjust) => new Bench({ adjust, config: small });
const live = (adjust: Adjust, features = 0n) => make(adjust).start(features).ready();

const CDBS: readonly (readonly [string, number?, number?])[] = [
  ['ff 00 00 00 00 00'],
  ['12 01 00 00 ff 00', 255],
  [INQUIRY, 36],
  ['12 01 80 00 ff 00', 255],
  ['12 01 86 00 ff 00', 255],
  ['12 01 c7 00 ff 00', 255],
  ['a0 00 00 00 00 00 00 00 00 ff 00 00', 255],
  ['25 00 00 00 00 00 00 00 00 00', 8],
  ['9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00', 32],
  ['28 00 00 10 00 00 00 00 01 00', 512],
  ['28 00 00 00 00 00 00 00 02 00', 512],
  ['28 00 00 00 00 00 00 00 01 00', 1024],
  ['0a 00 00 01 01 00', 0, 512],
  ['2a 00 00 00 00 02 00 00 01 00', 0, 512],
  ['aa 00 00 00 00 03 00 00 00 01 00 00', 0, 512],
  ['8a 00 00 00 00 00 00 00 00 04 00 00 00 01 00 00', 0, 512],
  ['2a 00 00 01 00 02 00 00 01 00', 0, 1024],
  ['2e 00 00 00 00 05 00 00 01 00', 0, 512],
  ['ae 00 00 00 00 06 00 00 00 01 00 00', 0, 512],
  ['8e 00 00 00 00 00 00 00 00 07 00 00 00 01 00 00', 0, 512],
  ['41 00 00 00 00 08 00 00 01 00', 0, 512],
  ['93 00 00 00 00 00 00 00 00 09 00 00 00 01 00 00', 0, 512],
  ['89 00 00 00 00 00 00 00 00 0a 00 00 00 01 00 00', 0, 1024],
  ['28 00 00 00 00 00 00 00 20 00', 512 * 32],
  ['2f 02 00 00 00 20 00 00 01 00', 0, 512],
  ['af 02 00 00 00 20 00 00 00 01 00 00', 0, 512],
  ['8f 02 00 00 00 00 00 00 00 20 00 00 00 01 00 00', 0, 512],
  ['1a 00 3f 00 ff 00', 255],
  ['1a 00 c8 00 ff 00', 255],
  ['5a 00 08 00 00 00 00 00 ff 00', 255],
  ['15 10 00 00 03 00', 0, 3],
  ['3b 00 00 00 00 00 00 00 00 00'],
  ['8b 00 00 00 00 00 00 00 00 0b 00 00 00 01 00 00', 0, 512],
  ['9c 00 00 00 00 00 00 00 00 0c 00 00 00 01 00 00', 0, 512],
  ['28 00 00 00 00 0b 00 00 02 00', 1024],
  ['48 02 00 00 00 00 00 00 01 00', 0, 1],
  ['48 03 00 00 00 00 00 00 01 00', 0, 1],
  ['48 01 00 00 00 00 00 00 04 00', 0, 4],
];

/** Short conversations; each starts with a device of its own, and what breaks one does not hide the others. */
const SCENES: readonly ((adjust: Adjust) => unknown)[] = [
  (adjust) => {
    const bench = make(adjust);
    const dump = [];
    for (let at = 0; at < 256; at += 4) dump.push(bench.cfg(at, 4));
    for (const queue of [0, 3, 4, 99]) {
      bench.common(22, 2, queue);
      for (let at = 0; at < 64; at += 2) dump.push(bench.common(at, 2));
    }
    bench.common(16, 2, 1);
    bench.common(22, 2, 2);
    bench.common(28, 2, 1);
    return [dump, bench.common(16, 2), bench.common(28, 2), bench.offered];
  },
  ...[1n << 32n, 0n, (1n << 32n) | 1n, (1n << 32n) | (1n << 29n)].map((features) => (adjust: Adjust) => {
    const bench = make(adjust);
    bench.negotiate(features);
    return bench.status;
  }),
  (adjust) => {
    const bench = make(adjust);
    bench.common(20, 1, 0x81);
    return bench.status;
  },
  (adjust) => {
    const bench = make(adjust);
    const config = () =>
      ([1, 2, 4] as const).map((width) =>
        Array.from({ length: 36 / width }, (_, at) => bench.reg(4, width * at, width)),
      );
    const before = [config(), bench.common(21, 1)];
    bench.reg(4, 20, 4, 18);
    bench.reg(4, 24, 4, 16);
    const changed = [config(), bench.common(21, 1)];
    bench.common(20, 1, 0);
    return [before, changed, config()];
  },
  (adjust) => {
    const bench = live(adjust);
    bench.reg(4, 20, 4, 18);
    bench.reg(4, 24, 4, 16);
    return seen(bench, 2, bench.send(2, [Bench.request(INQUIRY, { cdbSize: 16 })], [30 + 36]));
  },
  (adjust) => {
    const bench = live(adjust);
    return CDBS.map(([cdb, dataIn, out], at) =>
      command(bench, cdb, dataIn, out === undefined ? undefined : new Uint8Array(out).fill(at)),
    );
  },
  (adjust) => {
    const bench = live(adjust);
    const select = (data: string, ten = false) => {
      const dataOut = hex(data);
      const length = dataOut.length.toString(16);
      return command(
        bench,
        ten ? `55 10 00 00 00 00 00 00 ${length} 00` : `15 10 00 00 ${length} 00`,
        0,
        dataOut,
      );
    };
    const page = '0a 0a 04 00 00 00 00 00 00 00 00 00';
    return [
      select('00 00 00 00 2a 00'),
      select(`00 00 00 00 ${page}`),
      command(bench, 'ff 00'),
      select('00 00 00 00 00 00 00 00 0a 0a 00 00 08 00 00 00 00 00 00 00', true),
      command(bench, '2a 00 00 00 00 02 00 00 01 00', 0, new Uint8Array(512)),
      command(bench, '1b 00 00 00 00 00'),
      command(bench, '00 00 00 00 00 00'),
    ];
  },
  (adjust) => {
    const bench = live(adjust);
    const list = concat(
      hex('00 16 00 10 00 00 00 00'),
      hex('00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00'),
    );
    return [
      command(bench, '2a 00 00 00 00 00 00 00 01 00', 0, new Uint8Array(512).fill(1)),
      command(bench, '42 00 00 00 00 00 00 00 18 00', 0, list),
      command(bench, '28 00 00 00 00 00 00 00 01 00', 512),
    ];
  },
  (adjust) => {
    const bench = live(adjust);
    const luns = [
      UNIT('05'),
      '01 07 00 00 00 00 00 00',
      '02 00 00 00 00 00 00 00',
      'c1 01 00 00 00 00 00 00',
    ];
    return [...luns, '01 00 40 00 00 00 00 00'].flatMap((lun) => [
      command(bench, INQUIRY, 36, undefined, lun),
      command(bench, '00 00 00 00 00 00', 0, undefined, lun),
    ]);
  },
  (adjust) => {
    const bench = make(adjust).start();
    return [1, 2].map(() => command(bench, '00 00 00 00 00 00'));
  },
  (adjust) => [1, 2].map(() => command(live(adjust), INQUIRY, 36, undefined, UNIT('00'), 3)),
  // Notifications: with flags, with used_event, without either feature.
  ...[0n, 1n << 29n].flatMap((features) =>
    [0, 1].map((flags) => (adjust: Adjust) => {
      const bench = live(adjust, features);
      const queue = bench.queue(2);
      queue.availView.setUint16(0, flags, true);
      queue.availView.setUint16(4 + 2 * queue.size, 2, true);
      return [1, 2, 3].map(() => command(bench, INQUIRY, 36));
    }),
  ),
  (adjust) => {
    const bench = live(adjust, 1n << 28n);
    const sent = bench.send(2, [Bench.request(INQUIRY)], [108, 36], { indirect: true });
    return [seen(bench, 2, sent), bench.status];
  },
  (adjust) => {
    const bench = live(adjust, 1n << 28n);
    const queue = bench.queue(2);
    const answer = bench.alloc(144);
    const header = bench.place64(Bench.request(INQUIRY));
    const table = bench.place64(
      concat(
        le(header.iova, 8),
        le(51, 4),
        le(1, 2),
        le(2, 2),
        new Uint8Array(16),
        le(answer.iova, 8),
        le(144, 4),
        le(2, 4),
      ),
      16,
    );
    queue.describe(0, table.iova, 48, 4, 0);
    queue.publish(0);
    bench.kick(2);
    return [toHex(answer.bytes), bench.status];
  },
  (adjust) => seen(live(adjust), 2, live(adjust).send(2, [Bench.request(INQUIRY)], [4, 140])),
  (adjust) => {
    const bench = make(adjust);
    bench.negotiate(1n << 32n);
    bench.setUpQueue(2);
    return seen(bench, 2, bench.send(2, [Bench.request(INQUIRY)], [144]));
  },
  (adjust) => {
    const bench = live(adjust);
    bench.queue(2).publish(99);
    bench.kick(2);
    return [bench.status, bench.reg(3, 0, 1)];
  },
  // State across a reset.
  (adjust) => {
    const bench = live(adjust, 1n << 29n);
    bench.common(16, 2, 1);
    command(bench, '1b 00 00 00 00 00');
    bench.send(2, [Bench.request(INQUIRY)], [144]);
    bench.common(20, 1, 0);
    const after = [bench.status, bench.common(16, 2), bench.common(12, 4), bench.reg(3, 0, 1)];
    bench.common(22, 2, 2);
    return [after, bench.common(28, 2), bench.common(32, 4), command(bench.start(), '00 00 00 00 00 00')];
  },
  (adjust) => {
    const bench = live(adjust);
    bench.model.hold(0, 0);
    const sent = bench.send(2, [Bench.request('28 00 00 00 00 00 00 00 01 00')], [620]);
    bench.common(20, 1, 0);
    const before = seen(bench, 2, sent);
    bench.model.release(0, 0);
    return [before, seen(bench, 2, sent)];
  },
  (adjust) => {
    const bench = live(adjust, 2n);
    bench.model.plug(extra);
    bench.common(20, 1, 0);
    bench.start(2n);
    const sent = bench.send(1, [], [16]);
    return seen(bench, 1, sent);
  },
  // Control queue and events.
  (adjust) => {
    const bench = live(adjust);
    return [
      ...[0, 2, 5, 4, 8].map((subtype) => tmf(bench, subtype)),
      tmf(bench, 5, UNIT('09')),
      tmf(bench, 5, '01 09 00 00 00 00 00 00'),
      command(bench, '00 00 00 00 00 00'),
      seen(bench, 0, bench.send(0, [concat(le(1, 4), hex(UNIT('00')), le(0x7e, 4))], [5])),
    ];
  },
  (adjust) => {
    const bench = live(adjust);
    tmf(bench, 5);
    return command(bench, '00 00 00 00 00 00');
  },
  (adjust) => {
    const bench = live(adjust);
    bench.model.hold(0, 0);
    const read = Bench.request('28 00 00 00 00 00 00 00 01 00', { tag: 0x1_0000_0001n });
    const sent = bench.send(2, [read], [620]);
    return [
      tmf(bench, 6, UNIT('00'), 0x1_0000_0001n),
      tmf(bench, 0, UNIT('00'), 0x2_0000_0001n),
      tmf(bench, 0, UNIT('00'), 5n),
      sent.used(),
    ];
  },
  (adjust) => {
    const bench = live(adjust, 6n);
    bench.model.plug(extra);
    const first = seen(bench, 1, bench.send(1, [], [16]));
    const second = bench.send(1, [], [16]);
    bench.model.resize(0, 1, 77n);
    const third = bench.send(1, [], [16]);
    bench.model.unplug(0, 2);
    return [first, seen(bench, 1, second), seen(bench, 1, third), command(bench, '00 00 00 00 00 00')];
  },
  (adjust) => command(live(adjust), INQUIRY, 36, undefined, '01 00 41 01 00 00 00 00'),
  (adjust) => {
    const bench = live(adjust).ready(UNIT('01'));
    bench.model.resize(0, 1, 77n);
    return command(bench, '00 00 00 00 00 00', 0, undefined, UNIT('01'));
  },
];

function transcript(adjust: Adjust): string[] {
  return SCENES.map((scene) => {
    try {
      return JSON.stringify(scene(adjust), (_key, value) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
    } catch (error) {
      return String(error);
    }
  });
}

const conformant = transcript(() => {});

test('the conformant device goes through every scene', () => {
  expect(conformant.filter((line) => line.includes('Error'))).toEqual([]);
  expect(transcript(() => {})).toEqual(conformant);
});

// What shows only in scenes of particular cases is shown by those cases.
const ELSEWHERE = new Set([
  'stall.loop-forever',
  'stall.never-complete',
  ...PROOF_MUTANTS.map(({ id }) => id),
]);
test.each(MUTANTS.filter(({ id }) => !ELSEWHERE.has(id)))('$id', (mutant) => {
  expect(transcript((behaviours) => mutant.apply(behaviours))).not.toEqual(conformant);
});

test('WRITE BUFFER never comes back from stall.never-complete, and all else does', () => {
  const bench = live((behaviours) => mutantById('stall.never-complete')?.apply(behaviours));
  expect(bench.send(2, [Bench.request('3b 00')], [108]).used()).toBeUndefined();
  expect(bench.command(INQUIRY, { dataIn: 36 }).status).toBe(0);
});

test('requirements that mutants name exist', () => {
  const named = MUTANTS.flatMap(({ requirement }) => requirement ?? []);
  expect(named.filter((id) => !requirements().has(id))).toEqual([]);
});
