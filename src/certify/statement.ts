/** The CONFORMANCE statement of a record. */
import { type Catalogue, catalogue } from '../run/catalogue.js';
import type { CaseResult, RunResults } from '../run/results.js';
import { conclude, keysOf, type RecordConclusion, type SuiteFacts } from './conclusion.js';
import type { Block, Document } from './document.js';
import type { StoredPlaylist } from './playlist.js';

/** What a statement is made from; nothing else goes into it. */
export interface StatementInput {
  readonly results: RunResults;
  readonly playlist: StoredPlaylist;
  readonly facts: SuiteFacts;
  /** Fingerprint of the key that signs. */
  readonly signer: string;
}

const MEANS = {
  CONFORMANT:
    'Every mandatory requirement that the playlist covers was looked at, as far as it concerns this device, and held.',
  'NOT CONFORMANT': 'The device does not do what the standards demand; what failed is listed below.',
  INCOMPLETE:
    'Nothing that was looked at failed, but not everything mandatory could be looked at; what was not is listed below.',
} as const;

const SIGNATURE =
  'The signature says who ran the suite and that the record is as it was then. It does not say that the device was the one that it claims to be.';

const heading = (text: string): Block => ({ kind: 'heading', text });
const paragraph = (text: string): Block => ({ kind: 'paragraph', text });

/** The statement with the conclusion that it rests on. */
export function statementOf({ results, playlist, facts, signer }: StatementInput): {
  readonly document: Document;
  readonly conclusion: RecordConclusion;
} {
  const conclusion = conclude(results, playlist, facts);
  const { verdict } = conclusion;
  const { dut, suite, environment, summary, seed } = results;
  const words = catalogue();
  const rows: [string, string][] = [
    ['Device', `${dut.name} ${dut.version}`],
    ...Object.entries(dut.details).map(([name, value]): [string, string] => [`Device: ${name}`, value]),
    ['Features offered', dut.features.join(', ')],
    ['Playlist', `${playlist.name}: ${playlist.about}`],
    ['Cases', `${playlist.cases.length} of the case set of version ${playlist.caseSet.version}`],
    ['Case set, SHA-256', suite.caseSetHash],
    ['Playlist, SHA-256', playlist.hash],
    ['Suite', suite.version],
    ['Ran on', `${environment.platform}, Node.js ${environment.node}`],
    ['Ended', environment.date],
    ['Seed', String(seed)],
    ['Signed by', `Ed25519 key with the SHA-256 fingerprint ${signer}`],
  ];
  const counts = Object.entries(summary).filter(([, count]) => count > 0);
  const document: Document = {
    title: `virtio-scsi conformance of ${dut.name} ${dut.version}`,
    blocks: [
      { kind: 'verdict', text: verdict, good: verdict === 'CONFORMANT' },
      paragraph(MEANS[verdict]),
      paragraph(`Results: ${counts.map(([name, count]) => `${count} ${name}`).join(', ')}.`),
      ...untestedBlocks(conclusion, words),
      ...failureBlocks(conclusion, words),
      heading('What was tested'),
      { kind: 'table', head: ['What', 'Which'], rows: rows.filter(([, value]) => value !== '') },
      heading('What the signature says'),
      paragraph(SIGNATURE),
    ],
  };
  return { document, conclusion };
}

function untestedBlocks(
  { untested, undecided, missing, skipped }: RecordConclusion,
  words: Catalogue,
): Block[] {
  const blocks: Block[] = [heading('What was not tested')];
  if (untested.length + undecided.length + missing.length + skipped.length === 0)
    return [...blocks, paragraph('Every case of the playlist was carried out.')];
  if (untested.length > 0)
    blocks.push(
      paragraph(
        `Mandatory requirements that could not be looked at, for want of a control, a layer or consent: ${untested.length}.`,
      ),
      {
        kind: 'table',
        head: ['Requirement', 'Statement', 'Why not'],
        rows: untested.map(({ requirement, reasons }) => [
          requirement,
          words.get(requirement)?.text ?? '',
          reasons.join('; '),
        ]),
      },
    );
  else
    blocks.push(
      paragraph('No mandatory requirement was left out for want of a control, a layer or consent.'),
    );
  if (missing.length > 0) blocks.push(paragraph(`Cases without any result: ${missing.join(', ')}.`));
  if (undecided.length > 0)
    blocks.push(paragraph(`Of these cases the suite could make nothing: ${keysOf(undecided).join(', ')}.`));
  if (skipped.length > 0)
    blocks.push(paragraph('Why results were skipped:'), {
      kind: 'table',
      head: ['Results', 'Reason'],
      rows: skipped.map(({ reason, count }) => [String(count), reason]),
    });
  return blocks;
}

function failureBlocks({ failed, broken }: RecordConclusion, words: Catalogue): Block[] {
  const blocks: Block[] = [];
  const requirement = (ids: readonly string[]) =>
    [...new Set(ids)].map((id) => `${id}: ${words.get(id)?.text ?? ''}`).join('; ');
  const of = ({ findings }: CaseResult) =>
    findings.filter(({ severity }) => /fail|crash|hang/.test(severity));
  if (failed.length > 0)
    blocks.push(heading('What failed'), {
      kind: 'table',
      head: ['Case', 'Verdict', 'What', 'Requirements'],
      rows: failed.map((result) => [
        ...keysOf([result]),
        result.verdict,
        of(result)
          .map(({ step, check, expected, got }) => `step ${step}, ${check}: expected ${expected}, got ${got}`)
          .join('; '),
        requirement(of(result).flatMap(({ requirements }) => requirements)),
      ]),
    });
  if (broken.length > 0)
    blocks.push(heading('Standing checks that were broken'), {
      kind: 'table',
      head: ['Check', 'On', 'Requirement'],
      rows: broken.map(({ check, violations, exchanges, requirement: id }) => [
        check,
        `${violations} of ${exchanges} exchanges`,
        requirement([id]),
      ]),
    });
  return blocks;
}
