import { describe, expect, test } from 'vitest';
import { diskConfig } from '../../../src/model/model-config.js';
import { Bench, concat, hex, type Reply, toHex, triple } from '../bench.js';

/** A small disk: 1024 blocks of 512 or 4096 bytes, and the same without thin provisioning as unit 1. */
function disk(blockSize = 512, blocks = 1024n): Bench {
  const units = [
    diskConfig(0, 0, 'D0', { blockSize, blocks }),
    diskConfig(0, 1, 'D1', { blockSize, blocks, thin: false }),
  ];
  return new Bench({ config: { units, regions: [0x800000, 0x800000] } })
    .start()
    .ready()
    .ready('01 00 00 01 00 00 00 00');
}
const outcome = (reply: Reply) =>
  reply.status === 2 ? triple(reply.sense) : reply.status === 0 ? 'good' : reply.status;
const block = (byte: number, count = 1, size = 512) => new Uint8Array(size * count).fill(byte);
const readBack = (bench: Bench, lba: number, count: number) =>
  bench.command(`28 00 00 00 00 ${lba.toString(16)} 00 00 ${count.toString(16)} 00`, { dataIn: 512 * count })
    .data;
const firsts = (data: Uint8Array) => Array.from({ length: data.length / 512 }, (_, at) => data[512 * at]);

describe.each([512, 4096])('blocks of %i bytes', (size) => {
  test.each([
    ['(6)', '0a 00 00 05 02 00', '08 00 00 05 02 00'],
    ['(10)', '2a 00 00 00 00 05 00 00 02 00', '28 00 00 00 00 05 00 00 02 00'],
    ['(12)', 'aa 00 00 00 00 05 00 00 00 02 00 00', 'a8 00 00 00 00 05 00 00 00 02 00 00'],
    [
      '(16)',
      '8a 00 00 00 00 00 00 00 00 05 00 00 00 02 00 00',
      '88 00 00 00 00 00 00 00 00 05 00 00 00 02 00 00',
    ],
  ])('WRITE%s and READ', (_name, write, read) => {
    const bench = disk(size);
    const data = Uint8Array.from({ length: 2 * size }, (_, at) => at % 251);
    expect(bench.command(write, { dataOut: data })).toMatchObject({ status: 0, residual: 0, len: 108 });
    expect(toHex(bench.command(read, { dataIn: 2 * size }).data)).toBe(toHex(data));
  });

  test('capacity is the same everywhere', () => {
    const bench = disk(size);
    const length = size === 512 ? '00 00 02 00' : '00 00 10 00';
    const exponent = size === 512 ? '03' : '00';
    expect(toHex(bench.command('25 00 00 00 00 00 00 00 00 00', { dataIn: 8 }).data)).toBe(
      `00 00 03 ff ${length}`,
    );
    expect(
      toHex(
        bench.command('9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00', { dataIn: 32 }).data.subarray(0, 16),
      ),
    ).toBe(`00 00 00 00 00 00 03 ff ${length} 00 ${exponent} c0 00`);
    expect(toHex(bench.command('1a 00 08 00 ff 00', { dataIn: 255 }).data.subarray(4, 12))).toBe(
      `00 00 04 00 00 ${length.slice(3)}`,
    );
  });
});

test('READ(6) of 0 blocks reads 256', () => {
  const reply = disk().command('08 00 00 00 00 00', { dataIn: 256 * 512 });
  expect(reply).toMatchObject({ status: 0, residual: 0, len: 108 + 256 * 512 });
});

test('a capacity beyond 32 bits', () => {
  const bench = disk(512, (1n << 32n) + 5n);
  expect(toHex(bench.command('25 00 00 00 00 00 00 00 00 00', { dataIn: 8 }).data)).toBe(
    'ff ff ff ff 00 00 02 00',
  );
  expect(
    toHex(
      bench.command('9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00', { dataIn: 32 }).data.subarray(0, 8),
    ),
  ).toBe('00 00 00 01 00 00 00 04');
  expect(toHex(bench.command('1a 00 08 00 ff 00', { dataIn: 255 }).data.subarray(4, 8))).toBe('ff ff ff ff');
  expect(outcome(bench.command('88 00 00 00 00 01 00 00 00 04 00 00 00 01 00 00', { dataIn: 512 }))).toBe(
    'good',
  );
  expect(outcome(bench.command('88 00 ff ff ff ff ff ff ff ff 00 00 00 01 00 00', { dataIn: 512 }))).toBe(
    '5/21/00',
  );
});

describe('refusals', () => {
  test.each([
    ['READ(16) over the end', '88 00 00 00 00 00 00 00 03 ff 00 00 00 02 00 00', 1024, '5/21/00'],
    ['zero blocks one past the end', '88 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00', 0, 'good'],
    ['zero blocks two past the end', '88 00 00 00 00 00 00 00 04 01 00 00 00 00 00 00', 0, '5/21/00'],
    ['VERIFY over the end', '2f 00 ff ff ff ff 00 00 01 00', 0, '5/21/00'],
    ['VERIFY with reserved BYTCHK', '2f 04 00 00 00 00 00 00 01 00', 0, '5/24/00'],
    ['SYNCHRONIZE CACHE over the end', '35 00 ff ff ff ff 00 00 01 00', 0, '5/21/00'],
    ['SYNCHRONIZE CACHE of everything', '35 00 00 00 00 00 00 00 00 00', 0, 'good'],
    ['PRE-FETCH', '34 00 00 00 00 00 00 00 08 00', 0, 4],
    ['WRITE SAME of none', '41 00 00 00 00 00 00 00 00 00', 0, '5/24/00'],
    ['WRITE SAME with ANCHOR', '41 18 00 00 00 00 00 00 01 00', 0, 'good'],
    ['WRITE SAME with ANCHOR and no UNMAP', '41 10 00 00 00 00 00 00 01 00', 0, '5/24/00'],
    ['eject', '1b 00 00 00 02 00', 0, '5/24/00'],
    ['standby ignores LOEJ', '1b 00 00 00 32 00', 0, 'good'],
    ['unknown power condition', '1b 00 00 00 70 00', 0, '5/24/00'],
    ['unsupported service action', '9e 1f 00 00 00 00 00 00 00 00 00 00 00 00 00 00', 0, '5/24/00'],
    ['mode page that does not exist', '1a 00 2a 00 ff 00', 255, '5/24/00'],
    ['saved mode pages', '1a 00 c8 00 ff 00', 255, '5/39/00'],
    ['MODE SELECT without PF', '15 00 00 00 00 00', 0, '5/24/00'],
    ['MODE SELECT with SP', '15 11 00 00 00 00', 0, '5/24/00'],
    ['UNMAP of nothing', '42 00 00 00 00 00 00 00 00 00', 0, 'good'],
    ['UNMAP of nothing with ANCHOR', '42 01 00 00 00 00 00 00 00 00', 0, 'good'],
    ['SEND DIAGNOSTIC self-test', '1d 04 00 00 00 00', 0, 'good'],
    ['SEND DIAGNOSTIC of an extended self-test', '1d 40 00 00 00 00', 0, '5/24/00'],
    ['RECEIVE DIAGNOSTIC RESULTS of a page that does not exist', '1c 01 01 00 ff 00', 255, '5/24/00'],
    ['RECEIVE DIAGNOSTIC RESULTS without PCV', '1c 00 00 00 ff 00', 255, '5/24/00'],
    ['LOG SENSE of a page that does not exist', '4d 00 02 00 00 00 00 00 ff 00', 255, '5/24/00'],
    ['LOG SENSE with SP', '4d 01 00 00 00 00 00 00 ff 00', 255, '5/24/00'],
    ['READ BUFFER with an unknown mode', '3c 01 00 00 00 00 00 00 ff 00', 255, '5/24/00'],
    ['READ BUFFER beyond the buffer', '3c 02 00 00 10 01 00 00 01 00', 1, '5/24/00'],
    ['READ BUFFER of an echo buffer that was not written', '3c 0a 00 00 00 00 00 00 04 00', 4, '5/2c/00'],
    ['SET TIMESTAMP without a list', 'a4 0f 00 00 00 00 00 00 00 00 00 00', 0, 'good'],
    ['RESERVE(6)', '16 00 00 00 00 00', 0, 'good'],
    ['RELEASE(6)', '17 00 00 00 00 00', 0, 'good'],
  ])('%s', (_name, cdb, dataIn, expected) => {
    // WRITE SAME needs its block, whatever else is wrong with it.
    const buffers = cdb.startsWith('41') ? { dataOut: block(0) } : { dataIn };
    expect(outcome(disk().command(cdb, buffers))).toBe(expected);
  });

  test('MAXIMUM TRANSFER LENGTH is served, and not one block more', () => {
    const bench = disk(512, 100000n);
    const read = (blocks: string) =>
      bench.command(`88 00 00 00 00 00 00 00 00 00 ${blocks} 00 00`, { dataIn: 8193 * 512 });
    expect(outcome(read('00 00 20 01'))).toBe('5/24/00');
    expect(outcome(read('00 00 20 00'))).toBe('good');
  });

  test('a disk that is not thin has no UNMAP', () => {
    const lun = '01 00 00 01 00 00 00 00';
    const bench = disk();
    expect(outcome(bench.command('42 00 00 00 00 00 00 00 00 00', { lun }))).toBe('5/20/00');
    expect(outcome(bench.command('41 08 00 00 00 00 00 00 01 00', { lun, dataOut: block(0) }))).toBe(
      '5/24/00',
    );
    const pages = bench.command('12 01 00 00 ff 00', { lun, dataIn: 255 }).data;
    expect(toHex(pages.subarray(0, 10))).toBe('00 00 00 06 00 80 83 86 b0 b1');
  });
});

describe('comparing', () => {
  test('VERIFY compares all blocks, or each with one', () => {
    const bench = disk();
    bench.command('2a 00 00 00 00 00 00 00 02 00', { dataOut: concat(block(1), block(2)) });
    const verify = (bytchk: string, data: Uint8Array) =>
      bench.command(`2f ${bytchk} 00 00 00 00 00 00 02 00`, { dataOut: data });
    expect(outcome(verify('02', concat(block(1), block(2))))).toBe('good');
    expect(outcome(verify('02', concat(block(1), block(3))))).toBe('e/1d/00');
    expect(outcome(verify('06', block(1)))).toBe('e/1d/00');
    expect(outcome(bench.command('2f 00 00 00 00 00 00 00 02 00'))).toBe('good');
  });

  test('COMPARE AND WRITE tells where the first difference is, and writes only without one', () => {
    const bench = disk();
    const send = (expected: Uint8Array) =>
      bench.command('89 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00', {
        dataOut: concat(expected, block(7)),
      });
    const wrong = block(0);
    wrong[300] = 1;
    const reply = send(wrong);
    expect([outcome(reply), toHex(reply.sense.subarray(0, 7))]).toEqual(['e/1d/00', 'f0 00 0e 00 00 01 2c']);
    expect(firsts(readBack(bench, 0, 1))).toEqual([0]);
    expect(outcome(send(block(0)))).toBe('good');
    expect(firsts(readBack(bench, 0, 2))).toEqual([7, 0]);
  });
});

describe('WRITE SAME and UNMAP', () => {
  const list = (descriptors: string, size: number) =>
    concat(hex(`00 ${(size + 6).toString(16)} 00 ${size.toString(16)} 00 00 00 00`), hex(descriptors));

  test('WRITE SAME fills its range and nothing beside it', () => {
    const bench = disk();
    bench.command('2a 00 00 00 00 00 00 00 08 00', { dataOut: block(9, 8) });
    expect(outcome(bench.command('41 00 00 00 00 02 00 00 03 00', { dataOut: block(5) }))).toBe('good');
    expect(outcome(bench.command('93 01 00 00 00 00 00 00 00 06 00 00 00 01 00 00'))).toBe('good');
    expect(firsts(readBack(bench, 0, 8))).toEqual([9, 9, 5, 5, 5, 9, 0, 9]);
  });

  test('UNMAP zeroes what its descriptors name, ignoring a partial one', () => {
    const bench = disk();
    bench.command('2a 00 00 00 00 00 00 00 08 00', { dataOut: block(9, 8) });
    const descriptors = '00 00 00 00 00 00 00 01 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 04';
    const data = list(descriptors, 24);
    expect(outcome(bench.command('42 00 00 00 00 00 00 00 20 00', { dataOut: data }))).toBe('good');
    expect(firsts(readBack(bench, 0, 8))).toEqual([9, 0, 0, 9, 9, 9, 9, 9]);
  });

  test.each([
    ['range that wraps', 'ff ff ff ff ff ff ff f0 00 00 00 20 00 00 00 00', 16, '18', '5/21/00'],
    ['list shorter than its header', '', 0, '04', '5/1a/00'],
    ['list shorter than it says', '', 16, '08', '5/1a/00'],
  ])('UNMAP: %s', (_name, descriptors, size, length, expected) => {
    const bench = disk();
    bench.command('2a 00 00 00 00 00 00 00 08 00', { dataOut: block(9, 8) });
    const data = list(descriptors || '00', size).subarray(0, Number.parseInt(length, 16));
    expect(outcome(bench.command(`42 00 00 00 00 00 00 00 ${length} 00`, { dataOut: data }))).toBe(expected);
    expect(firsts(readBack(bench, 0, 8))).toEqual([9, 9, 9, 9, 9, 9, 9, 9]);
  });
});

describe('mode pages', () => {
  const sense = (bench: Bench, page: string, width = 255) =>
    bench.command(`1a 08 ${page} 00 ${width.toString(16)} 00`, { dataIn: 255 });
  const select = (bench: Bench, data: string) => {
    const dataOut = hex(data);
    return bench.command(`15 10 00 00 ${dataOut.length.toString(16)} 00`, { dataOut });
  };
  const caching = (first: string) => `08 12 ${first} ${'00 '.repeat(17)}`.trim();

  test('current, changeable and default values', () => {
    const bench = disk();
    expect(toHex(sense(bench, '08').data.subarray(0, 24))).toBe(`17 00 10 00 ${caching('04')}`);
    expect(toHex(sense(bench, '48').data.subarray(4, 24))).toBe(caching('04'));
    expect(outcome(select(bench, `00 00 00 00 ${caching('00')}`))).toBe('good');
    expect(toHex(sense(bench, '08').data.subarray(4, 24))).toBe(caching('00'));
    expect(toHex(sense(bench, '88').data.subarray(4, 24))).toBe(caching('04'));
  });

  test('all pages, and the untruncated length', () => {
    const bench = disk();
    const all = sense(bench, '3f').data;
    expect(toHex(all.subarray(0, 6))).toBe('3b 00 10 00 01 0a');
    expect(toHex(all.subarray(16, 18))).toBe('08 12');
    expect(toHex(all.subarray(36, 40))).toBe('0a 0a 00 00');
    expect(toHex(all.subarray(48, 50))).toBe('1c 0a');
    expect(toHex(sense(bench, '3f', 3).data.subarray(0, 4))).toBe('3b 00 10 a5');
    const ten = bench.command('5a 00 3f 00 00 00 00 00 ff 00', { dataIn: 255 }).data;
    expect(toHex(ten.subarray(0, 8))).toBe('00 46 00 10 00 00 00 08');
    const long = bench.command('5a 10 3f 00 00 00 00 00 ff 00', { dataIn: 255 }).data;
    expect(toHex(long.subarray(0, 24))).toBe(
      '00 4e 00 10 01 00 00 10 00 00 00 00 00 00 04 00 00 00 00 00 00 00 02 00',
    );
  });

  test.each([
    ['wrong page length', '00 00 00 00 08 0a 00 00 00 00 00 00 00 00 00 00', '5/26/00'],
    ['page cut by the list', '00 00 00 00 08 12 00 00 00 00', '5/1a/00'],
    ['header cut', '00 00 00', '5/1a/00'],
    ['bit that cannot be changed', `00 00 00 00 ${caching('05')}`, '5/26/00'],
    ['page that does not exist', '00 00 00 00 2a 02 00 00', '5/26/00'],
    ['other block length', `00 00 00 08 00 00 00 00 00 00 10 00 ${caching('00')}`, '5/26/00'],
  ])('MODE SELECT: %s', (_name, data, expected) => {
    const bench = disk();
    expect(outcome(select(bench, data))).toBe(expected);
    expect(toHex(sense(bench, '08').data.subarray(4, 24))).toBe(caching('04'));
  });

  test('D_SENSE gives descriptor format, and a reset takes it back', () => {
    const bench = disk();
    expect(outcome(select(bench, '00 00 00 00 0a 0a 04 00 00 00 00 00 00 00 00 00'))).toBe('good');
    const reply = bench.command('ff 00 00 00 00 00');
    expect([reply.senseLen, toHex(reply.sense.subarray(0, 8))]).toEqual([8, '72 05 20 00 00 00 00 00']);
    const pointed = bench.command('00 00 00 01 00 00');
    expect(toHex(pointed.sense.subarray(0, pointed.senseLen))).toBe(
      '72 05 24 00 00 00 00 08 02 06 00 00 c8 00 03 00',
    );
    bench.start().ready();
    expect(bench.command('ff 00 00 00 00 00').sense[0]).toBe(0x70);
  });

  test('software write protection', () => {
    const bench = disk();
    select(bench, '00 00 00 00 0a 0a 00 00 08 00 00 00 00 00 00 00');
    expect(outcome(bench.command('2a 00 00 00 00 00 00 00 01 00', { dataOut: block(1) }))).toBe('7/27/02');
    expect(sense(bench, '08').data[2]).toBe(0x90);
  });
});

test('a stopped disk is not ready for its medium', () => {
  const bench = disk();
  bench.command('1b 00 00 00 00 00');
  expect(outcome(bench.command('00 00 00 00 00 00'))).toBe('2/04/02');
  expect(outcome(bench.command('28 00 00 00 00 00 00 00 01 00', { dataIn: 512 }))).toBe('2/04/02');
  expect(outcome(bench.command('12 00 00 00 24 00', { dataIn: 36 }))).toBe('good');
  bench.command('1b 00 00 00 01 00');
  expect(outcome(bench.command('00 00 00 00 00 00'))).toBe('good');
});

describe('REPORT SUPPORTED OPERATION CODES', () => {
  test('one command, with the bits that it looks at', () => {
    const reply = disk().command('a3 0c 01 28 00 00 00 00 00 ff 00 00', { dataIn: 255 });
    expect(toHex(reply.data.subarray(0, 14))).toBe('00 03 00 0a 28 1c ff ff ff ff 3f ff ff 00');
  });

  test.each([
    ['a service action', 'a3 0c 02 9e 00 10 00 00 00 ff 00 00', '00 03 00 10 9e 10'],
    ['an opcode that is not served', 'a3 0c 01 ff 00 00 00 00 00 ff 00 00', '00 01 00 00'],
    ['either way, no such action', 'a3 0c 03 28 00 01 00 00 00 ff 00 00', '00 01 00 00'],
  ])('%s', (_name, cdb, expected) => {
    const reply = disk().command(cdb, { dataIn: 255 });
    expect(toHex(reply.data.subarray(0, hex(expected).length))).toBe(expected);
  });

  test.each([
    ['opcode alone where actions select', 'a3 0c 01 9e 00 00 00 00 00 ff 00 00'],
    ['action where there is none', 'a3 0c 02 28 00 00 00 00 00 ff 00 00'],
  ])('%s is refused', (_name, cdb) => {
    expect(outcome(disk().command(cdb, { dataIn: 255 }))).toBe('5/24/00');
  });

  test('the list names every command once, and each is served', () => {
    const bench = disk();
    const { data } = bench.command('a3 0c 00 00 00 00 00 00 10 00 00 00', { dataIn: 4096 });
    const length = new DataView(data.buffer, data.byteOffset).getUint32(0);
    const opcodes = Array.from({ length: length / 8 }, (_, at) => data[4 + 8 * at] ?? 0);
    expect(opcodes).toEqual([...opcodes].sort((a, b) => a - b));
    expect(opcodes).toContain(0x42);
    for (const opcode of opcodes) {
      const reply = bench.command(`${opcode.toString(16)} 1e 00`, { dataIn: 512 });
      expect(outcome(reply), opcode.toString(16)).not.toBe('5/20/00');
    }
  });
});

test('REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS', () => {
  const reply = disk().command('a3 0d 00 00 00 00 00 00 00 04 00 00', { dataIn: 4 });
  expect(toHex(reply.data)).toBe('dc 03 00 00');
});

describe('faults', () => {
  const READ = '28 00 00 00 00 05 00 00 01 00';
  const WRITE = '2a 00 00 00 00 05 00 00 01 00';
  const responseOf = (bench: Bench, cdb: string, data: { dataIn?: number; dataOut?: Uint8Array }) => {
    const reply = bench.command(cdb, data);
    return reply.response === 0 ? outcome(reply) : `response ${reply.response}`;
  };

  test.each([
    ['read', 'medium', '3/11/00', 'good'],
    ['write', 'medium', 'good', '3/0c/00'],
    ['read', { response: 6 }, 'response 6', 'good'],
    ['write', { response: 7 }, 'good', 'response 7'],
  ] as const)('%s, %j', (access, fault, reading, writing) => {
    const bench = disk();
    bench.model.setFault(0, 0, access, fault);
    expect(responseOf(bench, READ, { dataIn: 512 })).toBe(reading);
    expect(responseOf(bench, WRITE, { dataOut: block(1) })).toBe(writing);
    bench.model.clearFaults(0, 0);
    expect(responseOf(bench, READ, { dataIn: 512 })).toBe('good');
    expect(responseOf(bench, WRITE, { dataOut: block(1) })).toBe('good');
  });
});

describe('provisioning', () => {
  const status = (bench: Bench, lba: string, room = '58') =>
    toHex(
      bench.command(`9e 12 00 00 00 00 00 00 ${lba} 00 00 00 ${room} 00 00`, {
        dataIn: Number.parseInt(room, 16),
      }).data,
    );
  const run = (lba: string, blocks: string, state: string) =>
    `00 00 00 00 00 00 ${lba} 00 00 ${blocks} ${state} 00 00 00`;

  test('blocks are mapped by writing, and deallocated or anchored by unmapping', () => {
    const bench = disk();
    expect(status(bench, '00 00', '18')).toBe(`00 00 00 14 00 00 00 00 ${run('00 00', '04 00', '01')}`);
    bench.command('2a 00 00 00 00 04 00 00 04 00', { dataOut: block(9, 4) });
    bench.command('41 18 00 00 00 06 00 00 01 00', { dataOut: block(0) });
    const runs = [
      run('00 00', '00 04', '01'),
      run('00 04', '00 02', '00'),
      run('00 06', '00 01', '02'),
      run('00 07', '00 01', '00'),
      run('00 08', '03 f8', '01'),
    ];
    expect(status(bench, '00 00')).toBe(['00 00 00 54 00 00 00 00', ...runs].join(' '));
    expect(status(bench, '00 05', '18')).toBe(`00 00 00 14 00 00 00 00 ${run('00 05', '00 01', '00')}`);
    bench.command('41 08 00 00 00 00 00 04 00 00', { dataOut: block(0) });
    expect(status(bench, '00 07', '18')).toBe(`00 00 00 14 00 00 00 00 ${run('00 07', '03 f9', '01')}`);
  });

  test('WRITE SAME with UNMAP writes what is no zeros', () => {
    const bench = disk();
    bench.command('41 08 00 00 00 00 00 00 02 00', { dataOut: block(3) });
    expect(firsts(readBack(bench, 0, 3))).toEqual([3, 3, 0]);
    expect(status(bench, '00 00', '18')).toBe(`00 00 00 14 00 00 00 00 ${run('00 00', '00 02', '00')}`);
  });

  test('a disk without thin provisioning has all blocks mapped', () => {
    const lun = '01 00 00 01 00 00 00 00';
    const bench = disk();
    const { data } = bench.command('9e 12 00 00 00 00 00 00 00 01 00 00 00 18 00 00', { lun, dataIn: 24 });
    expect(toHex(data)).toBe(`00 00 00 14 00 00 00 00 ${run('00 01', '03 ff', '00')}`);
  });
});

describe('the whole medium', () => {
  test('SANITIZE OVERWRITE fills every block with the pattern', () => {
    const bench = disk();
    const list = hex('81 00 00 04 01 02 03 04');
    expect(outcome(bench.command('48 01 00 00 00 00 00 00 08 00', { dataOut: list }))).toBe('good');
    expect(toHex(readBack(bench, 1023, 1).subarray(508))).toBe('01 02 03 04');
    bench.command('2a 00 00 00 00 04 00 00 01 00', { dataOut: block(9) });
    expect(firsts(readBack(bench, 3, 3))).toEqual([1, 9, 1]);
    bench.command('42 00 00 00 00 00 00 00 18 00', {
      dataOut: hex('00 16 00 10 00 00 00 00 00 00 00 00 00 00 00 05 00 00 00 01 00 00 00 00'),
    });
    expect(firsts(readBack(bench, 4, 3))).toEqual([9, 0, 1]);
    list[0] = 0x82;
    bench.command('48 01 00 00 00 00 00 00 08 00', { dataOut: list });
    expect(toHex(readBack(bench, 0, 1).subarray(0, 4))).toBe('fe fd fc fb');
    expect(outcome(bench.command('48 02 00 00 00 00 00 00 00 00'))).toBe('good');
    expect(firsts(readBack(bench, 0, 5))).toEqual([0, 0, 0, 0, 0]);
  });

  test.each([
    ['no pass', '00 00 00 04 00 00 00 00', '5/26/00'],
    ['a reserved test', '21 00 00 04 00 00 00 00', '5/26/00'],
    ['no pattern', '01 00 00 00 00 00 00 00', '5/26/00'],
    ['a pattern longer than the list', '01 00 00 05 00 00 00 00', '5/1a/00'],
    ['nothing but the header', '01 00 00 04', '5/24/00'],
  ])('SANITIZE OVERWRITE with %s', (_name, list, expected) => {
    const dataOut = hex(list);
    expect(outcome(disk().command(`48 01 00 00 00 00 00 00 0${dataOut.length} 00`, { dataOut }))).toBe(
      expected,
    );
  });

  test.each([
    ['without a list', '04 00 00 00 00 00', '', 'good'],
    ['with an empty header', '04 10 00 00 00 00', '00 02 00 00', 'good'],
    ['with a long header', '04 30 00 00 00 00', '00 00 00 00 00 00 00 00', 'good'],
    ['with defects', '04 10 00 00 00 00', '00 00 00 08', '5/26/00'],
    ['with protection', '04 90 00 00 00 00', '00 00 00 00', '5/24/00'],
  ])('FORMAT UNIT %s', (_name, cdb, list, expected) => {
    const bench = disk();
    bench.command('2a 00 00 00 00 00 00 00 01 00', { dataOut: block(9) });
    expect(outcome(bench.command(cdb, { dataOut: hex(list) }))).toBe(expected);
    expect(firsts(readBack(bench, 0, 1))).toEqual([expected === 'good' ? 0 : 9]);
  });
});

test('ORWRITE and WRITE ATOMIC', () => {
  const bench = disk();
  bench.command('2a 00 00 00 00 00 00 00 02 00', { dataOut: concat(block(5), block(6)) });
  const or = '8b 00 00 00 00 00 00 00 00 00 00 00 00 02 00 00';
  expect(outcome(bench.command(or, { dataOut: concat(block(2), block(1)) }))).toBe('good');
  expect(firsts(readBack(bench, 0, 3))).toEqual([7, 7, 0]);
  const atomic = (count: string) => `9c 00 00 00 00 00 00 00 00 00 00 00 00 ${count} 00 00`;
  expect(outcome(bench.command(atomic('40'), { dataOut: block(8, 64) }))).toBe('good');
  expect(firsts(readBack(bench, 63, 2))).toEqual([8, 0]);
  expect(outcome(bench.command(atomic('41'), { dataOut: block(8, 65) }))).toBe('5/24/00');
  expect(
    outcome(bench.command('9c 00 00 00 00 00 00 00 00 00 00 01 00 01 00 00', { dataOut: block(8) })),
  ).toBe('5/24/00');
});

test('READ DEFECT DATA has no defects to tell of', () => {
  const bench = disk();
  expect(toHex(bench.command('37 00 1d 00 00 00 00 00 04 00', { dataIn: 4 }).data)).toBe('00 1d 00 00');
  expect(toHex(bench.command('b7 08 00 00 00 00 00 00 00 08 00 00', { dataIn: 8 }).data)).toBe(
    '00 08 00 00 00 00 00 00',
  );
  expect(outcome(bench.command('37 00 07 00 00 00 00 00 04 00', { dataIn: 4 }))).toBe('5/24/00');
});

test('a read-only disk', () => {
  const bench = new Bench({ config: { units: [diskConfig(0, 0, 'RO', { readOnly: true })] } })
    .start()
    .ready();
  expect(outcome(bench.command('2a 00 00 00 00 00 00 00 01 00', { dataOut: block(1) }))).toBe('7/27/00');
  expect(outcome(bench.command('04 00 00 00 00 00'))).toBe('7/27/00');
  expect(bench.command('1a 08 3f 00 04 00', { dataIn: 4 }).data[2]).toBe(0x90);
});

describe('a cached write that fails later', () => {
  const write = (fua: string) => `2a ${fua} 00 00 00 05 00 00 01 00`;
  const failing = (caching = '04') => {
    const bench = disk();
    const list = hex(`00 00 00 00 08 12 ${caching}${' 00'.repeat(17)}`);
    bench.command('15 10 00 00 18 00', { dataOut: list });
    bench.model.setFault(0, 0, 'write', 'deferred');
    return bench;
  };

  test('is told once, with a command that is not carried out', () => {
    const bench = failing();
    expect(outcome(bench.command(write('00'), { dataOut: block(1) }))).toBe('good');
    bench.model.clearFaults(0, 0);
    const told = bench.command('2a 00 00 00 00 06 00 00 01 00', { dataOut: block(2) });
    expect([told.status, told.sense[0], toHex(told.sense.subarray(3, 7))]).toEqual([2, 0xf1, '00 00 00 05']);
    expect(firsts(readBack(bench, 6, 1))).toEqual([0]);
  });
  test('is told at once where nothing is cached', () => {
    for (const reply of [
      failing().command(write('08'), { dataOut: block(1) }),
      failing('00').command(write('00'), { dataOut: block(1) }),
    ])
      expect([outcome(reply), reply.sense[0]]).toEqual(['3/0c/00', 0xf0]);
  });
  test('is forgotten over a reset', () => {
    const bench = failing();
    bench.command(write('00'), { dataOut: block(1) });
    bench.model.resetUnit(0, 0);
    bench.model.clearFaults(0, 0);
    expect(outcome(bench.command('00 00 00 00 00 00'))).toBe('6/29/00');
    expect(outcome(bench.command('00 00 00 00 00 00'))).toBe('good');
  });
});
