/** A small playlist with results of it. */
import type { SuiteFacts } from '../../src/certify/conclusion.js';
import { parsePlaylist } from '../../src/certify/playlist.js';
import { type RunResults, summarise } from '../../src/run/results.js';
import { RESULTS } from '../report/sample.js';

export const PLAYLIST = parsePlaylist(`name: basic
about: two cases
caseSet: {version: 1.2.3, sha256: ${RESULTS.suite.caseSetHash}}
modes: default
cases: [a.one, a.two]
`);

export const FACTS: SuiteFacts = {
  covers: new Map([
    ['a.one', ['must.one']],
    ['a.two', ['must.two']],
  ]),
  isMandatory: (id) => id.startsWith('must.'),
};

export function results(): RunResults {
  const base = { title: '', mode: 'pci.split', verdict: 'pass', durationMs: 1, findings: [] } as const;
  const cases = [
    { ...base, id: 'a.one' },
    { ...base, id: 'a.two[x]' },
  ];
  return { ...RESULTS, standing: [], cases, summary: summarise(cases) };
}
