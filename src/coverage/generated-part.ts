/** The part of CONFORMANCE.md that is made from the catalogue and the evidence. */

const BEGIN = '<!-- begin of the part written by: vscsi coverage --write -->';
const END = '<!-- end of the part written by: vscsi coverage --write -->';

/** The document has no marked part, or more than one. */
export class MarkersError extends Error {
  constructor() {
    super(`expected one line "${BEGIN}" and after it one line "${END}"`);
    this.name = 'MarkersError';
  }
}

/** The document with another text between the markers. Throws MarkersError. */
export function withGeneratedPart(document: string, text: string): string {
  const [before, rest, ...more] = document.split(BEGIN);
  const [, after, ...tooMany] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || tooMany.length > 0)
    throw new MarkersError();
  return `${before}${BEGIN}\n\n${text.trim()}\n\n${END}${after}`;
}
