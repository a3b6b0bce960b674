/** Hand-annotated vectors: each byte string was written out from the standards, not by the code under test. */
import { describe, expect, test } from 'vitest';
import { encodeRequest, scsiAnswer } from '../../src/harness/request.js';
import { be16, be24, be64, bytes, struct, u8, v16, v32, v64 } from '../../src/wire/layout.js';
import { decodeLun, encodeLun, REPORT_LUNS_WELL_KNOWN_LUN } from '../../src/wire/lun.js';
import { dataLength, decodeCdb, encodeCdb } from '../../src/wire/scsi/command.js';
import { COMMANDS, commandByName, commandOfCdb } from '../../src/wire/scsi/commands.js';
import { formatSense, parseSense } from '../../src/wire/scsi/sense.js';
import { crossedEvent } from '../../src/wire/split-ring.js';
import { virtioScsiRespHead } from '../../src/wire/virtio-scsi.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const command = (name: string) => {
  const found = commandByName(name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};

const cdbs: readonly [name: string, fields: Record<string, bigint>, bytes: string][] = [
  //                                                        opcode, then fields as the comment says
  ['TEST UNIT READY', {}, '00 00 00 00 00 00'],
  ['INQUIRY', { allocation_length: 36n }, '12 00 00 00 24 00'], // bytes 3-4: allocation length
  ['INQUIRY', { evpd: 1n, page: 0x83n, allocation_length: 0x1234n }, '12 01 83 12 34 00'],
  ['REQUEST SENSE', { desc: 1n, allocation_length: 252n }, '03 01 00 00 fc 00'],
  [
    'REPORT LUNS',
    { select_report: 2n, allocation_length: 0x01020304n },
    'a0 00 02 00 00 00 01 02 03 04 00 00',
  ],
  ['READ CAPACITY(10)', {}, '25 00 00 00 00 00 00 00 00 00'],
  ['READ CAPACITY(16)', { allocation_length: 32n }, '9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00'],
  ['READ(6)', { lba: 0x1fffffn, blocks: 1n }, '08 1f ff ff 01 00'], // LBA: 21 bits from byte 1 bit 4
  ['READ(10)', { lba: 0x01020304n, blocks: 0x0506n, fua: 1n }, '28 08 01 02 03 04 00 05 06 00'],
  ['WRITE(10)', { lba: 7n, blocks: 8n, dpo: 1n, wrprotect: 5n }, '2a b0 00 00 00 07 00 00 08 00'],
  ['READ(12)', { lba: 1n, blocks: 0x01000000n }, 'a8 00 00 00 00 01 01 00 00 00 00 00'],
  [
    'WRITE(16)',
    { lba: 0x0102030405060708n, blocks: 0x0a0b0c0dn },
    '8a 00 01 02 03 04 05 06 07 08 0a 0b 0c 0d 00 00',
  ],
  [
    'WRITE SAME(16)',
    { lba: 1n, blocks: 2n, unmap: 1n, ndob: 1n },
    '93 09 00 00 00 00 00 00 00 01 00 00 00 02 00 00',
  ],
  ['MODE SENSE(6)', { dbd: 1n, pc: 2n, page: 8n, allocation_length: 255n }, '1a 08 88 00 ff 00'],
  ['MODE SELECT(10)', { pf: 1n, sp: 1n, parameter_list_length: 0x0102n }, '55 11 00 00 00 00 00 01 02 00'],
  ['START STOP UNIT', { loej: 1n, start: 1n }, '1b 00 00 00 03 00'],
  ['UNMAP', { parameter_list_length: 24n }, '42 00 00 00 00 00 00 00 18 00'],
  ['COMPARE AND WRITE', { lba: 3n, blocks: 1n }, '89 00 00 00 00 00 00 00 00 03 00 00 00 01 00 00'],
  ['SYNCHRONIZE CACHE(10)', { immed: 1n, lba: 9n, blocks: 0n }, '35 02 00 00 00 09 00 00 00 00'],
];

describe('CDBs', () => {
  test.each(cdbs)('%s %o', (name, fields, expected) => {
    const cdb = encodeCdb(command(name), fields);
    expect(Buffer.from(cdb).toString('hex')).toBe(Buffer.from(hex(expected)).toString('hex'));
    expect(decodeCdb(command(name), cdb)).toMatchObject(fields);
    expect(commandOfCdb(cdb)?.name).toBe(name);
  });

  test('every field of every command is written and read back alone, within the CDB', () => {
    for (const entry of COMMANDS)
      for (const [field, [, , , bits]] of Object.entries(entry.fields)) {
        const value = (1n << BigInt(bits)) - 1n;
        const cdb = encodeCdb(entry, { [field]: value });
        expect(cdb.length, entry.name).toBe(entry.length);
        const others = Object.entries(decodeCdb(entry, cdb)).filter(
          ([name, got]) => name !== field && got !== 0n,
        );
        expect(decodeCdb(entry, cdb)[field], `${entry.name} ${field}`).toBe(value);
        expect(others, `${entry.name} ${field}`).toEqual([]);
      }
  });

  test('a value that does not fit and a field that is not there are refused by name', () => {
    expect(() => encodeCdb(command('READ(6)'), { lba: 0x200000n })).toThrow(
      /READ\(6\): lba 2097152 is not 0\.\.2097151/,
    );
    expect(() => encodeCdb(command('READ(6)'), { fua: 1n })).toThrow(
      /READ\(6\) has no field fua; it has lba/,
    );
  });

  test('data lengths follow the table', () => {
    expect(dataLength(command('READ(6)'), { blocks: 0n }, 512)).toBe(131072n);
    expect(dataLength(command('READ(10)'), { blocks: 0n }, 512)).toBe(0n);
    expect(dataLength(command('READ(16)'), { blocks: 3n }, 4096)).toBe(12288n);
    expect(dataLength(command('WRITE SAME(16)'), { blocks: 9n }, 512)).toBe(512n);
    expect(dataLength(command('WRITE SAME(16)'), { blocks: 9n, ndob: 1n }, 512)).toBe(0n);
    expect(dataLength(command('VERIFY(10)'), { blocks: 9n, bytchk: 1n }, 512)).toBe(4608n);
    expect(dataLength(command('INQUIRY'), { allocation_length: 5n }, 512)).toBe(5n);
  });
});

describe('lun', () => {
  test.each([
    [0, 0, 'peripheral', '01 00 00 00 00 00 00 00'],
    [5, 3, 'peripheral', '01 05 00 03 00 00 00 00'],
    [5, 3, 'flat', '01 05 40 03 00 00 00 00'],
    [255, 16383, 'flat', '01 ff 7f ff 00 00 00 00'],
    [0, 256, 'flat', '01 00 41 00 00 00 00 00'],
  ] as const)('target %i unit %i, %s', (target, unit, form, expected) => {
    expect(encodeLun(target, unit, form)).toEqual(hex(expected));
    expect(decodeLun(hex(expected))).toEqual({ kind: 'unit', target, unit, form });
  });

  test('the well-known unit and malformed fields', () => {
    expect(decodeLun(REPORT_LUNS_WELL_KNOWN_LUN).kind).toBe('report-luns-well-known');
    for (const bad of [
      '00 00 00 00 00 00 00 00',
      '02 00 40 00 00 00 00 00',
      '01 00 40 00 00 00 00 01',
      '01 00 80 00 00 00 00 00',
    ])
      expect(decodeLun(hex(bad)).kind, bad).toBe('malformed');
  });
});

describe('requests and responses', () => {
  test('a READ(10) request', () => {
    const request = encodeRequest(
      {
        lun: encodeLun(1, 2),
        id: 0x1122334455667788n,
        task_attr: 2,
        prio: 3,
        crn: 4,
        cdb: hex('28 00 00 00 00 09 00 00 01 00'),
      },
      { senseSize: 96, cdbSize: 32 },
    );
    expect(Buffer.from(request).toString('hex')).toBe(
      [
        '0101400200000000', // lun: single-level, target 1, flat unit 2
        '8877665544332211', // id, little-endian
        '02', // task_attr HEAD
        '03', // prio
        '04', // crn
        '28000000000900000100', // READ(10), LBA 9, one block
        '00'.repeat(22), // the CDB field is 32 bytes wide
      ].join(''),
    );
  });

  test.each([
    ['literal', `2a000000000900000100${'00'.repeat(22)}0800000010000000`],
    ['linux', `08000000100000002a000000000900000100${'00'.repeat(22)}`],
  ] as const)('protection information by the %s header', (piHeader, middle) => {
    const request = {
      lun: encodeLun(1, 2),
      id: 1n,
      cdb: hex('2a 00 00 00 00 09 00 00 01 00'),
      piOut: hex('a1 a2 a3 a4 a5 a6 a7 a8'),
      piInSize: 16,
      dataOut: hex('d1 d2'),
    };
    const bytes = encodeRequest(request, { senseSize: 96, cdbSize: 32, piHeader });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      ['0101400200000000', '0100000000000000', '000000', middle, 'a1a2a3a4a5a6a7a8', 'd1d2'].join(''),
    );
    expect(() => encodeRequest(request, { senseSize: 96, cdbSize: 32 })).toThrow(/T10_PI/);
  });

  test('protection information comes before data-in', () => {
    const bytes = hex(`${'00'.repeat(12)} 71 72 91 92 93 d1`);
    const { sense, piIn, dataIn } = scsiAnswer(
      { usedLen: 18, bytes, poison: bytes },
      { senseSize: 2, cdbSize: 32 },
      3,
    );
    expect([sense, piIn, dataIn].map((part) => Buffer.from(part).toString('hex'))).toEqual([
      '7172',
      '919293',
      'd1',
    ]);
  });

  test('the fixed fields of a response', () => {
    //                          sense_len   residual    qual  st res
    const response = hex('12 00 00 00 34 12 00 00 cd ab 02 01');
    expect(virtioScsiRespHead.read(response)).toEqual({
      sense_len: 18,
      residual: 0x1234,
      status_qualifier: 0xabcd,
      status: 2,
      response: 1,
    });
  });
});

describe('sense', () => {
  test.each([
    ['70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 00 00 00', '5/24/00', 'fixed'],
    ['f1 00 63 00 00 00 07 0a 00 00 00 00 11 02 00 00 00 00', '3/11/02', 'fixed'], // deferred, VALID, FILEMARK bits
    ['72 06 29 00 00 00 00 00', '6/29/00', 'descriptor'],
    ['70 00 06 00 00 00 00 00', '6/00/00', 'fixed'], // additional length 0: no ASC is there
  ])('%s is %s', (text, triple, format) => {
    const parsed = parseSense(hex(text));
    expect(parsed).toMatchObject({ ok: true, format });
    if (parsed.ok) expect(formatSense(parsed)).toBe(triple);
  });
  test.each(['', '70 00 05', '00 00 05 00 00 00 00 0a', '7f 00 05 00 00 00 00 0a', '72 05 24 00'])(
    '%s is malformed',
    (text) => {
      expect(parseSense(hex(text)).ok).toBe(false);
    },
  );
});

describe('layouts', () => {
  test('offsets add up, and the virtio kinds follow the byte order of the session', () => {
    const layout = struct('sample', {
      a: u8,
      b: v16,
      c: v32,
      d: v64,
      e: be16,
      f: be24,
      g: be64,
      h: bytes(3),
    });
    expect(Object.values(layout.fields).map(({ offset }) => offset)).toEqual([0, 1, 3, 7, 15, 17, 20, 28]);
    expect(layout.size).toBe(31);
    const values = {
      a: 1,
      b: 0x0203,
      c: 0x04050607,
      d: 0x08090a0b0c0d0e0fn,
      e: 0x1011,
      f: 0x121314,
      g: 0x15n,
      h: hex('16 17 18'),
    };
    const little = '01 0302 07060504 0f0e0d0c0b0a0908 1011 121314 0000000000000015 161718';
    const big = '01 0203 04050607 08090a0b0c0d0e0f 1011 121314 0000000000000015 161718';
    expect(layout.encode(values)).toEqual(hex(little));
    expect(layout.encode(values, 'big')).toEqual(hex(big));
    expect(layout.read(hex(little))).toEqual(values);
    expect(layout.read(hex(big), 0, 'big')).toEqual(values);
  });

  test.each([
    // event, now, before, crossed: the entry numbered `event` was written between before and now
    [5, 6, 5, true],
    [5, 5, 4, false],
    [6, 6, 5, false],
    [0xffff, 0, 0xffff, true],
    [0, 2, 0xfffe, true],
    [2, 2, 0xfffe, false],
  ])('event %i, now %i, before %i: crossed %s', (event, now, before, crossed) => {
    expect(crossedEvent(event, now, before)).toBe(crossed);
  });
});
