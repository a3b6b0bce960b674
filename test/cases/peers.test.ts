/** Rows of other suites are mapped to cases; a case that is renamed or goes must not leave a row without any. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ownCases } from '../../src/run/load-cases.js';

interface Peer {
  readonly suite: string;
  readonly source: string;
  /** How the suite numbers its rows, with four digits, from 1 on. */
  readonly numbered?: { readonly prefix: string; readonly last: number };
  readonly rows: readonly {
    readonly row: string;
    readonly asks: string;
    readonly cases: readonly string[];
  }[];
  /** Rows that are nothing for this suite, by reason. */
  readonly out: readonly { readonly reason: string; readonly rows: readonly string[] }[];
  /** Rows that have no cases yet, by what they wait for. */
  readonly later?: readonly { readonly reason: string; readonly rows: readonly string[] }[];
}

const peers = parse(readFileSync('fixtures/peers.yaml', 'utf8')) as readonly Peer[];
const known = new Set(ownCases().files.flatMap(({ cases }) => cases.map(({ id }) => id)));

test.each(peers.map((peer) => [peer.suite, peer] as const))(
  'every row of %s has cases that exist',
  (_, peer) => {
    expect(peer.source.length).toBeGreaterThan(10);
    for (const { row, asks, cases } of peer.rows) {
      expect(asks.length, row).toBeGreaterThan(3);
      expect(cases.length, row).toBeGreaterThan(0);
      expect(new Set(cases).size, row).toBe(cases.length);
      for (const id of cases) expect(known, `${row} is mapped to ${id}`).toContain(id);
    }
  },
);

/** Names of all rows of `peer`, mapped or left out. */
const rowsOf = ({ rows, out, later = [] }: Peer): readonly string[] => [
  ...rows.map(({ row }) => row),
  ...[...out, ...later].flatMap((left) => left.rows),
];

test('no row comes twice, and one that has no cases has a reason', () => {
  for (const peer of peers) {
    const rows = rowsOf(peer);
    expect(rows.filter((row, at) => rows.indexOf(row) !== at)).toEqual([]);
    for (const { reason } of peer.out) expect(reason.length).toBeGreaterThan(30);
    for (const { reason } of peer.later ?? []) expect(reason.length).toBeGreaterThan(10);
  }
});

test('a suite that numbers its rows has all of them here', () => {
  for (const peer of peers) {
    if (peer.numbered === undefined) continue;
    const { prefix, last } = peer.numbered;
    const all = Array.from({ length: last }, (_, at) => `${prefix}${String(at + 1).padStart(4, '0')}`);
    expect([...rowsOf(peer)].sort()).toEqual(all);
  }
  expect(peers.filter(({ numbered }) => numbered !== undefined)).not.toEqual([]);
});

/** How many rows the suites of iscsi-test-cu's SCSI family have, in the order in which the tool registers them. */
const SCSI_FAMILY: Readonly<Record<string, number>> = {
  CompareAndWrite: 6,
  ExtendedCopy: 7,
  GetLBAStatus: 3,
  Inquiry: 8,
  ReportTargetPortGroups: 2,
  Mandatory: 1,
  ModeSense6: 5,
  NoMedia: 1,
  OrWrite: 6,
  Prefetch10: 4,
  Prefetch16: 4,
  PreventAllow: 8,
  PrinReadKeys: 2,
  PrinServiceactionRange: 1,
  PrinReportCapabilities: 1,
  ProutRegister: 1,
  ProutReserve: 13,
  ProutClear: 1,
  ProutPreempt: 1,
  Read6: 2,
  Read10: 6,
  Read12: 5,
  Read16: 5,
  ReadCapacity10: 1,
  ReadCapacity16: 4,
  ReadDefectData10: 1,
  ReadDefectData12: 1,
  ReadOnly: 1,
  ReceiveCopyResults: 2,
  ReportLUNs: 1,
  ReportSupportedOpcodes: 4,
  Reserve6: 7,
  Sanitize: 11,
  StartStopUnit: 3,
  TestUnitReady: 1,
  Unmap: 3,
  Verify10: 8,
  Verify12: 8,
  Verify16: 8,
  Write10: 6,
  Write12: 5,
  Write16: 5,
  WriteAtomic16: 6,
  WriteSame10: 10,
  WriteSame16: 10,
  WriteVerify10: 6,
  WriteVerify12: 6,
  WriteVerify16: 6,
  MultipathIO: 4,
};
/** Suites whose rows wait for facilities that are not there. */
const WAITING =
  /^(ExtendedCopy|ReceiveCopyResults|ReportTargetPortGroups|Prout\w+|MultipathIO|Reserve6|PreventAllow|Sanitize)\./;

describe('iscsi-test-cu', () => {
  const peer = peers.find(({ suite }) => suite === 'iscsi-test-cu') as Peer;
  const mapped = peer.rows.map(({ row }) => row);
  const isOfScsi = (row: string) => !row.startsWith('iSCSI');

  test('the rows of its iSCSI family are all there, those on residuals and task management mapped', () => {
    expect(mapped.filter((row) => row.startsWith('iSCSIResiduals.'))).toHaveLength(10);
    expect(mapped.filter((row) => row.startsWith('iSCSITMF.'))).toHaveLength(3);
    expect(rowsOf(peer).filter((row) => !isOfScsi(row))).toHaveLength(25);
  });

  test('the rows of its SCSI family are all there, suite by suite', () => {
    const counts: Record<string, number> = {};
    for (const row of rowsOf(peer).filter(isOfScsi)) {
      const suite = row.split('.')[0] ?? row;
      counts[suite] = (counts[suite] ?? 0) + 1;
    }
    expect(counts).toEqual(SCSI_FAMILY);
    expect(Object.values(SCSI_FAMILY).reduce((sum, count) => sum + count)).toBe(221);
  });

  test('of these 179 at least are mapped, and none waits but for what the suite does not have', () => {
    expect(mapped.filter(isOfScsi).length).toBeGreaterThanOrEqual(179);
    const waiting = (peer.later ?? []).flatMap(({ rows }) => rows);
    expect(waiting.filter((row) => !WAITING.test(row))).toEqual([]);
    expect(peer.out.flatMap(({ rows }) => rows).filter(isOfScsi)).toEqual([]);
  });
});
