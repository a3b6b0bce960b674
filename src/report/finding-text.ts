/** A finding as lines of text: field by field, then the bytes. */

import type { CommandLayout } from '../run/exchange-bytes.js';
import { requestText } from '../run/request-text.js';
import type { Finding } from '../run/results.js';
import { allRulings, rulingText } from '../run/rulings.js';
import { hexDiff, spacedHex } from './hex-diff.js';

/** The words of a requirement; undefined for an id that the catalogue does not have. */
export type RequirementText = (id: string) => string | undefined;

/** All of a finding. */
export function findingLines(finding: Finding, requirementText: RequirementText): string[] {
  const { severity, step, check, place, expected, got, expectedBytes, gotBytes } = finding;
  const lines = [
    `${severity}: step ${step}, ${check}${place === undefined ? '' : `  (${place})`}`,
    ...labelled('expected', expected),
    ...labelled('got', got),
  ];
  if (expectedBytes !== undefined && gotBytes !== undefined) {
    const mask = finding.maskBytes === undefined ? {} : { mask: finding.maskBytes };
    lines.push(...hexDiff({ expected: expectedBytes, got: gotBytes, ...mask }).map((line) => `  ${line}`));
  } else {
    if (expectedBytes !== undefined) lines.push(...labelled('expected', spacedHex(expectedBytes)));
    if (gotBytes !== undefined) lines.push(...labelled('got', spacedHex(gotBytes)));
  }
  for (const id of finding.requirements) {
    const text = requirementText(id);
    lines.push(`  requirement ${id}${text === undefined ? '' : `: ${text}`}`);
  }
  const ruling = finding.ruling === undefined ? undefined : allRulings().get(finding.ruling);
  if (ruling) lines.push(`  ruling ${ruling.id}: ${rulingText(ruling)}`);
  if (finding.sent !== undefined) {
    const text = requestText(finding.sent, layoutOfSent(finding, finding.sent));
    if (text !== undefined) lines.push(...labelled('last request', text));
    lines.push(...labelled(text === undefined ? 'last request' : '', spacedHex(finding.sent)));
  }
  if (finding.reproduced !== undefined)
    lines.push(`  ${finding.reproduced ? '' : 'not '}reproduced alone on a fresh device`);
  return lines;
}

/** A finding that is no failure, in one line. */
export function remarkOf({ got, ruling: id }: Finding): string {
  const ruling = id === undefined ? undefined : allRulings().get(id);
  return ruling === undefined ? got : `${got}: ${ruling.about} (ruling ${ruling.id})`;
}

/** One label, one or more lines. */
function labelled(label: string, text: string): string[] {
  const width = label === 'expected' || label === 'got' ? 9 : 13;
  return text.split('\n').map((line, index) => `  ${(index === 0 ? label : '').padEnd(width)}${line}`);
}

/** The layout of the last request, where that is the one of the exchange, which may hold only its beginning. */
function layoutOfSent({ exchange }: Finding, sent: string): CommandLayout | undefined {
  return exchange !== undefined && sent.startsWith(exchange.out) ? exchange.layout : undefined;
}
