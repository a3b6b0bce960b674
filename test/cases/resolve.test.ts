import { describe, expect, test } from 'vitest';
import { stampBytes } from '../../src/cases/generators.js';
import { LayeredMap } from '../../src/cases/layered-map.js';
import {
  type ResolvedCommand,
  resolveCommand,
  resolveCuts,
  resolveLun,
  unitOf,
} from '../../src/cases/resolve.js';
import { caseFile, expand, expandSteps, hex, scopeOf, stepOf } from './support.js';

function resolve(command: string, values: Parameters<typeof scopeOf>[0] = {}): ResolvedCommand {
  const { steps, scope } = expandSteps(`- command: {lun: disk, ${command}}`, 'needs: [disk, disk2]');
  return resolveCommand(stepOf(steps, 'command'), new LayeredMap(scope, scopeOf(values)));
}

describe('commands', () => {
  test('buffers follow from the CDB', () => {
    expect(resolve('cdb: TEST UNIT READY')).toMatchObject({
      cdb: hex('000000000000'),
      dataIn: 0,
      cdbLength: 0n,
    });
    expect(resolve('cdb: {op: INQUIRY, allocation_length: 36}')).toMatchObject({
      cdb: hex('120000002400'),
      dataIn: 36,
    });
    expect(resolve('cdb: READ CAPACITY(10)')).toMatchObject({ dataIn: 8 });
    expect(resolve('cdb: {op: READ(10), lba: 0x01020304, blocks: 8}')).toMatchObject({
      cdb: hex('28000102030400000800'),
      dataIn: 4096,
      dataOut: new Uint8Array(0),
      cdbLength: 4096n,
    });
    expect(resolve('cdb: {op: READ(6), lba: 0, blocks: 0}').dataIn).toBe(256 * 512);
  });

  test('a WRITE sends stamped blocks', () => {
    const { dataIn, dataOut } = resolve('cdb: {op: WRITE(10), lba: 5, blocks: 2}');
    expect(dataIn).toBe(0);
    expect(dataOut).toEqual(stampBytes(1n, 5n, 512, 1024));
  });

  test('parameter lists tell their own length', () => {
    expect(resolve('cdb: {op: MODE SELECT(6), pf: 1}, data_out: "00*4 0812"').cdb).toEqual(
      hex('151000000600'),
    );
    expect(
      resolve('cdb: {op: MODE SELECT(6), pf: 1, parameter_list_length: 9}, data_out: "00*4"').cdb,
    ).toEqual(hex('151000000900'));
  });

  test('what the case says about buffers holds', () => {
    expect(resolve('cdb: {op: READ(10), blocks: 1}, data: 4096').dataIn).toBe(4096);
    expect(resolve('cdb: {op: READ(10), blocks: 1}, data_in: none').dataIn).toBe(0);
    expect(resolve('cdb: {op: WRITE(10), blocks: 1}, data: 1 block').dataOut).toHaveLength(512);
    expect(resolve('cdb: {op: WRITE(10), blocks: 1}, data_out: none').dataOut).toHaveLength(0);
    expect(
      resolve('cdb: {op: WRITE(10), blocks: 1}, data_out: "ff*{disk.block_size}", data_in: 512'),
    ).toMatchObject({
      dataIn: 512,
      dataOut: new Uint8Array(512).fill(0xff),
    });
    expect(resolve('cdb: {bytes: "12 00 00 00 24 00"}, data_in: 36')).toMatchObject({
      cdb: hex('120000002400'),
      dataIn: 36,
      dataOut: new Uint8Array(0),
    });
  });

  test('header fields', () => {
    expect(resolve('cdb: TEST UNIT READY')).toMatchObject({
      attr: 0,
      prio: 0,
      crn: 0,
      lun: hex('0100400100000000'),
    });
    expect(resolve('cdb: TEST UNIT READY').tag).toBeUndefined();
    expect(resolve('cdb: TEST UNIT READY, tag: 0xffff_ffff_ffff_ffff, attr: ORDERED, crn: 9')).toMatchObject({
      tag: 0xffff_ffff_ffff_ffffn,
      attr: 1,
      crn: 9,
    });
  });

  test('service actions', () => {
    const { cdb } = resolve(
      'cdb: {op: PERSISTENT RESERVE OUT, action: RESERVE, type: 1}, data_out: "{1:be64} 00*16"',
    );
    expect(cdb).toEqual(hex('5f010100000000001800'));
  });

  test.each([
    ['cdb: {op: READ(10), blocks: 0x10000}', /blocks 65536 is not 0\.\.65535/],
    ['cdb: {op: READ(16), blocks: 0xffffffff}', /give data/],
    ['cdb: TEST UNIT READY, tag: 0x1_0000_0000_0000_0000', /64 bits/],
    ['cdb: TEST UNIT READY, prio: 256', /not 0\.\.255/],
  ])('refused: %s', (command, message) => {
    expect(() => resolve(command)).toThrow(message);
  });
});

describe('units', () => {
  const lun = (text: string, values: Parameters<typeof scopeOf>[0] = {}) => {
    const { cases } = expand(caseFile(`- command: {lun: ${text}, cdb: TEST UNIT READY}`));
    const step = stepOf(cases[0]?.steps ?? [], 'command');
    return {
      step,
      bytes: () => resolveLun(step.lun, new LayeredMap(cases[0]?.scope, scopeOf(values))),
    };
  };

  test.each([
    ['disk', '0100400100000000'],
    ['{target: 3, unit: 258}', '0103410200000000'],
    ['{target: 3, unit: 5, form: peripheral}', '0103000500000000'],
    ['{target: =disk.target, sam: 0x4100_0000_0000_0000}', '0100410000000000'],
    ['{bytes: c1 01 00*6}', 'c101000000000000'],
  ])('%s', (text, bytes) => {
    expect(lun(text).bytes()).toEqual(hex(bytes));
  });

  test.each([
    ['{target: 256, unit: 0}', /target 256/],
    ['{target: 0, unit: 16384}', /unit 16384/],
    ['{target: 0, unit: 256, form: peripheral}', /unit 256/],
    ['{bytes: "00"}', /8 bytes, not 1/],
  ])('refused: %s', (text, message) => {
    expect(() => lun(text).bytes()).toThrow(message);
  });

  test('whose blocks are meant', () => {
    expect(
      ['disk', '{target: =disk.target, unit: 0}', '{target: 0, unit: 0}'].map((text) =>
        unitOf(lun(text).step.lun),
      ),
    ).toEqual([...['disk', 'disk', undefined]]);
  });
});

describe('cuts', () => {
  const cut = (text: string, total: number) => {
    const { steps, scope } = expandSteps(
      `- command: {lun: disk, cdb: TEST UNIT READY}\n  layout: {in: ${text}}`,
    );
    return resolveCuts(stepOf(steps, 'command').layout.in, total, scope, {}, 'disk');
  };
  test.each<[string, number, number[]]>([
    ['[108, rest]', 144, [108, 36]],
    ['[108, rest]', 108, [108]],
    ['[1*4, rest]', 6, [1, 1, 1, 1, 2]],
    ['[4]', 6, [4, 2]],
    ['["512*2"]', 1024, [512, 512]],
    ['[1 block, rest]', 600, [512, 88]],
    ['{pieces: 4}', 10, [3, 3, 2, 2]],
    ['[0, rest]', 3, [0, 3]],
  ])('%s of %i', (text, total, pieces) => {
    expect(cut(text, total)).toEqual(pieces);
  });
  test('without a cut', () => {
    expect(resolveCuts(undefined, 5, new Map())).toEqual([5]);
    expect(resolveCuts(undefined, 0, new Map())).toEqual([]);
  });
  test('refused', () => {
    expect(() => cut('[108]', 100)).toThrow(/asks for 108 bytes where 100 of 100 are left/);
    expect(() => cut('{pieces: 4}', 3)).toThrow(/cannot be cut into 4/);
  });
});
