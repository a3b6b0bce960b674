import { describe, expect, test } from 'vitest';
import { Bench, concat, hex, toHex, triple } from './bench.js';

const live = () => new Bench().start().ready();

describe('answers', () => {
  test('INQUIRY, byte for byte', () => {
    const reply = live().command('12 00 00 00 60 00', { dataIn: 96 });
    expect(reply).toMatchObject({ len: 108 + 74, senseLen: 0, residual: 22, status: 0, response: 0 });
    expect(toHex(reply.data.subarray(0, 36))).toBe(
      toHex(
        concat(
          hex('00 00 06 12 45 00 00 02'), // disk, fixed, SPC-4, HISUP and format 2, 69 more bytes, CMDQUE
          new TextEncoder().encode('VSCSI   REFERENCE DISK  1   '),
        ),
      ),
    );
    // SAM-5, SPC-4, SBC-3, and nothing behind the eight version descriptors.
    expect(toHex(reply.data.subarray(56, 66))).toBe('00 00 00 a0 04 60 04 c0 00 00');
    expect(toHex(reply.data.subarray(72, 76))).toBe('00 00 a5 a5');
    expect(toHex(reply.sense)).toBe(toHex(new Uint8Array(96)));
  });

  test.each([
    ['00', '00 00 00 0a 00 80 83'],
    ['80', `00 80 00 0f ${toHex(new TextEncoder().encode('VSCSI-SCRATCH-0'))}`],
  ])('VPD page %s', (page, expected) => {
    const bench = live();
    const reply = bench.command(`12 01 ${page} 00 ff 00`, { dataIn: 255 });
    if (page === '00') {
      const count = (reply.data[2] ?? 0) * 256 + (reply.data[3] ?? 0);
      const pages = [...reply.data.subarray(4, 4 + count)];
      expect(pages).toEqual([...pages].sort((a, b) => a - b));
      for (const each of pages) {
        const body = bench.command(`12 01 ${each.toString(16)} 00 ff 00`, { dataIn: 255 });
        expect([body.status, body.data[1]]).toEqual([0, each]);
      }
    } else expect(toHex(reply.data.subarray(0, hex(expected).length))).toBe(expected);
  });

  test('WRITE(10) then READ(10): data come back, used length counts written bytes only', () => {
    const bench = live();
    const block = Uint8Array.from({ length: 1024 }, (_, at) => (at * 7) & 0xff);
    expect(bench.command('2a 00 00 00 00 05 00 00 02 00', { dataOut: block })).toMatchObject({
      len: 108,
      residual: 0,
      status: 0,
      response: 0,
    });
    const read = bench.command('28 00 00 00 00 05 00 00 02 00', { dataIn: 1024 });
    expect(read.len).toBe(108 + 1024);
    expect(toHex(read.data)).toBe(toHex(block));
    const before = bench.command('28 00 00 00 00 04 00 00 01 00', { dataIn: 512 });
    expect(before.data.every((byte) => byte === 0)).toBe(true);
  });

  test('a longer buffer leaves a residual and stays untouched behind the data', () => {
    const reply = live().command('28 00 00 00 00 00 00 00 01 00', { dataIn: 4096 });
    expect(reply).toMatchObject({ len: 108 + 512, residual: 3584 });
    expect(reply.data.subarray(512).every((byte) => byte === 0xa5)).toBe(true);
  });

  test('REPORT LUNS lists both units', () => {
    const reply = live().command('a0 00 00 00 00 00 00 00 00 20 00 00', { dataIn: 32 });
    expect(toHex(reply.data.subarray(0, 24))).toBe(
      '00 00 00 10 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00',
    );
  });
});

describe('errors', () => {
  test.each([
    ['unknown opcode', 'ff 00 00 00 00 00', '5/20/00'],
    ['block past the end', '28 00 00 02 00 00 00 00 01 00', '5/21/00'],
    ['range over the end', '28 00 00 01 ff ff 00 00 02 00', '5/21/00'],
    ['RDPROTECT', '28 20 00 00 00 00 00 00 00 00', '5/24/00'],
    ['reserved byte', '00 00 00 01 00 00', '5/24/00'],
    ['NACA', '00 00 00 00 00 04', '5/24/00'],
    ['page without EVPD', '12 00 80 00 24 00', '5/24/00'],
    ['unsupported page', '12 01 c7 00 24 00', '5/24/00'],
    ['SELECT REPORT', 'a0 00 7f 00 00 00 00 00 00 20 00 00', '5/24/00'],
  ])('%s', (_name, cdb, sense) => {
    const reply = live().command(cdb, { dataIn: 1024 });
    expect(reply).toMatchObject({ len: 108, senseLen: 18, status: 2, response: 0, residual: 1024 });
    expect(triple(reply.sense)).toBe(sense);
    expect(toHex(reply.sense.subarray(0, 1))).toMatch(/70|f0/);
    expect(reply.sense.subarray(18).every((byte) => byte === 0)).toBe(true);
  });

  test('a field pointer names the byte and the bit', () => {
    const reply = live().command('28 20 00 00 00 00 00 00 00 00');
    expect(toHex(reply.sense.subarray(0, 18))).toBe('70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 cd 00 01');
  });

  test('transfer length 0 at the end is no error', () => {
    expect(live().command('28 00 00 02 00 00 00 00 00 00')).toMatchObject({ status: 0, len: 108 });
  });

  test.each([
    ['READ, short buffer', '28 00 00 00 00 00 00 00 02 00', { dataIn: 1023 }],
    ['READ, wrong direction', '28 00 00 00 00 00 00 00 01 00', { dataOut: new Uint8Array(512) }],
    ['WRITE, short buffer', '2a 00 00 00 00 00 00 00 01 00', { dataOut: new Uint8Array(511) }],
    ['INQUIRY, allocation length beyond the buffer', '12 00 00 00 24 00', { dataIn: 35 }],
  ])('OVERRUN: %s', (_name, cdb, buffers) => {
    const reply = live().command(cdb, buffers);
    expect(reply).toMatchObject({ response: 1, len: 108, status: 0, senseLen: 0 });
    expect(reply.data.every((byte) => byte === 0xa5)).toBe(true);
  });

  test('both directions without F_INOUT: FAILURE, nothing moved', () => {
    const bench = live();
    const options = { dataOut: new Uint8Array(512).fill(1), dataIn: 512 };
    expect(bench.command('2a 00 00 00 00 07 00 00 01 00', options).response).toBe(9);
    expect(bench.command('28 00 00 00 00 07 00 00 01 00', { dataIn: 512 }).data[0]).toBe(0);
  });
});

describe('addressing', () => {
  test.each([
    ['peripheral', '01 00 00 01 00 00 00 00', '12 00 00 00 24 00', { response: 0, status: 0 }],
    ['flat', '01 00 40 01 00 00 00 00', '12 00 00 00 24 00', { response: 0, status: 0 }],
    [
      'missing unit, TEST UNIT READY',
      '01 00 00 05 00 00 00 00',
      '00 00 00 00 00 00',
      { response: 0, status: 2 },
    ],
    [
      'missing unit, unknown opcode',
      '01 00 00 05 00 00 00 00',
      'ff 00 00 00 00 00',
      { response: 0, status: 2 },
    ],
    ['missing unit, REPORT LUNS', '01 00 00 05 00 00 00 00', 'a0 00 00 00 00 00 00 00 00 20', { status: 2 }],
    ['missing target', '01 07 00 00 00 00 00 00', '12 00 00 00 24 00', { response: 3 }],
    ['not a target', '02 00 00 00 00 00 00 00', '12 00 00 00 24 00', { response: 3 }],
    ['deeper level', '01 00 00 00 00 01 00 00', '00 00 00 00 00 00', { response: 0, status: 2 }],
  ])('%s', (_name, lun, cdb, expected) => {
    const reply = live().command(cdb, { lun, dataIn: 36 });
    expect(reply).toMatchObject(expected);
    if (reply.status === 2) expect(triple(reply.sense)).toBe('5/25/00');
  });

  test('INQUIRY of a missing unit says that none can be there', () => {
    const reply = live().command('12 00 00 00 24 00', { lun: '01 00 40 09 00 00 00 00', dataIn: 36 });
    expect(reply).toMatchObject({ status: 0, response: 0, len: 144 });
    expect(reply.data[0]).toBe(0x7f);
  });

  test('the REPORT LUNS well-known unit lists all units with their targets', () => {
    const reply = live().command('a0 00 00 00 00 00 00 00 00 ff 00 00', {
      lun: 'c1 01 00 00 00 00 00 00',
      dataIn: 255,
    });
    expect(toHex(reply.data.subarray(0, 24))).toBe(
      '00 00 00 40 00 00 00 00 01 00 00 00 00 00 00 00 01 00 00 01 00 00 00 00',
    );
  });
});

describe('unit attention', () => {
  test('is reported once, and not by INQUIRY', () => {
    const bench = new Bench().start();
    expect(bench.command('12 00 00 00 24 00', { dataIn: 36 }).status).toBe(0);
    const first = bench.command('00 00 00 00 00 00');
    expect([first.status, triple(first.sense)]).toEqual([2, '6/29/00']);
    expect(bench.command('00 00 00 00 00 00').status).toBe(0);
    // The other unit has its own.
    expect(bench.command('00 00 00 00 00 00', { lun: '01 00 00 01 00 00 00 00' }).status).toBe(2);
  });

  test('REQUEST SENSE returns it as data', () => {
    const bench = new Bench().start();
    const reply = bench.command('03 00 00 00 12 00', { dataIn: 18 });
    expect([reply.status, triple(reply.data)]).toEqual([0, '6/29/00']);
    expect(triple(bench.command('03 00 00 00 12 00', { dataIn: 18 }).data)).toBe('0/00/00');
  });

  test('comes back with a device reset', () => {
    const bench = live();
    expect(bench.start().command('00 00 00 00 00 00').status).toBe(2);
  });
});

describe('framing', () => {
  const ones = (count: number) => new Array<number>(count).fill(1);
  test.each([
    ['response and data in one piece', [108 + 512], false],
    ['odd pieces', [5, 100, 3, 200, 312], false],
    ['single bytes, indirect', [...ones(108), 512], true],
  ])('%s', (_name, cut, indirect) => {
    const bench = new Bench().start(1n << 28n, 128).ready();
    const header = Bench.request('28 00 00 00 00 00 00 00 01 00');
    const sent = bench.send(2, [header.subarray(0, 20), header.subarray(20)], cut, { indirect });
    expect(Bench.reply(sent)).toMatchObject({ len: 108 + 512, status: 0, response: 0, residual: 0 });
  });

  test.each([
    [0, 32],
    [18, 16],
    [252, 64],
  ])('sense_size %i and cdb_size %i', (senseSize, cdbSize) => {
    const bench = live();
    bench.reg(4, 20, 4, senseSize);
    bench.reg(4, 24, 4, cdbSize);
    const sent = bench.send(2, [Bench.request('ff 00', { cdbSize })], [12 + senseSize]);
    expect(Bench.reply(sent, senseSize)).toMatchObject({
      len: 12 + senseSize,
      status: 2,
      senseLen: Math.min(18, senseSize),
    });
    bench.common(20, 1, 0);
    expect([bench.reg(4, 20, 4), bench.reg(4, 24, 4)]).toEqual([96, 32]);
  });
});
