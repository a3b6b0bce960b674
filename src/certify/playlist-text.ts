/** The file of a playlist, made from the cases that the suite has. */
import { ownCases } from '../run/load-cases.js';
import { hashCaseFiles, SUITE_VERSION } from '../run/package-info.js';
import type { Recipe } from './playlist.js';
import { ownFacts } from './record.js';

export function playlistText({ name, about, modes, takes }: Recipe): string {
  const { paths, files } = ownCases();
  const { isMandatory } = ownFacts();
  const ids = files
    .flatMap(({ cases }) => cases)
    .filter((definition) => takes(definition, isMandatory))
    .map(({ id }) => id)
    .sort();
  return `# The playlist "${name}" of vscsi certify. Written by "npm run playlists".
name: ${name}
about: "${about}"
caseSet:
  version: ${SUITE_VERSION}
  sha256: ${hashCaseFiles(paths)}
modes: ${modes}
cases:
${ids.map((id) => `  - ${id}\n`).join('')}`;
}
