/** Rows of other suites are mapped to cases; a case that is renamed or goes must not leave a row without any. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { SPEC_CASES } from '../../src/run/package-info.js';

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
  /** Rows that have no cases, by reason. */
  readonly out: readonly { readonly reason: string; readonly rows: readonly string[] }[];
}

const peers = parse(readFileSync('fixtures/peers.yaml', 'utf8')) as readonly Peer[];
const known = new Set(checkCaseFiles([SPEC_CASES]).files.flatMap(({ cases }) => cases.map(({ id }) => id)));

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
const rowsOf = ({ rows, out }: Peer): readonly string[] => [
  ...rows.map(({ row }) => row),
  ...out.flatMap((left) => left.rows),
];

test('no row comes twice, and one that has no cases has a reason', () => {
  for (const peer of peers) {
    const rows = rowsOf(peer);
    expect(rows.filter((row, at) => rows.indexOf(row) !== at)).toEqual([]);
    for (const { reason } of peer.out) expect(reason.length).toBeGreaterThan(30);
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

test('the rows of the iSCSI family of iscsi-test-cu are all there, those on residuals and task management mapped', () => {
  const peer = peers.find(({ suite }) => suite === 'iscsi-test-cu') as Peer;
  const mapped = peer.rows.map(({ row }) => row);
  expect(mapped.filter((row) => row.startsWith('iSCSIResiduals.'))).toHaveLength(10);
  expect(mapped.filter((row) => row.startsWith('iSCSITMF.'))).toHaveLength(3);
  expect(rowsOf(peer)).toHaveLength(25);
});
