/** Rows of other suites are mapped to cases; a case that is renamed or goes must not leave a row without any. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkCaseFiles } from '../../src/run/load-cases.js';
import { SPEC_CASES } from '../../src/run/package-info.js';

interface Peer {
  readonly suite: string;
  readonly source: string;
  readonly rows: readonly {
    readonly row: string;
    readonly asks: string;
    readonly cases: readonly string[];
  }[];
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

test('no row comes twice', () => {
  for (const { rows } of peers) expect(new Set(rows.map(({ row }) => row)).size).toBe(rows.length);
});

test('the residual and task management rows of iscsi-test-cu are all there', () => {
  const rows = peers.find(({ suite }) => suite === 'iscsi-test-cu')?.rows.map(({ row }) => row) ?? [];
  expect(rows.filter((row) => row.startsWith('iSCSIResiduals.'))).toHaveLength(10);
  expect(rows.filter((row) => row.startsWith('iSCSITMF.'))).toHaveLength(3);
});
