/** `vscsi show`: one case, with what it checks in words. */
import type { TextSink } from '../report/style.js';
import { bold } from '../report/style.js';
import { catalogue } from '../run/catalogue.js';
import { ExitCode } from '../run/exit-code.js';
import { checkCaseFiles, ownCases } from '../run/load-cases.js';
import { allRulings, rulingText } from '../run/rulings.js';
import { baseOf, didYouMeanOneOf } from '../run/select.js';
import { CaseSources } from './case-source.js';
import { UsageError } from './errors.js';

/** Shows the case of an id, which may be that of an expansion. Throws CaseFilesError and UsageError. */
export function showCommand(
  id: string,
  { cases: paths }: { readonly cases?: readonly string[] },
  out: TextSink,
): number {
  const { files } = paths ? checkCaseFiles(paths) : ownCases();
  const definitions = files.flatMap(({ cases }) => cases);
  const base = baseOf(id);
  const definition = definitions.find((each) => each.id === base);
  if (definition === undefined) {
    const ids = definitions.map((each) => each.id);
    throw new UsageError(`there is no case ${id}${didYouMeanOneOf(base, ids)}`);
  }
  const line = (text: string) => out.write(`${text}\n`);
  const { title, suite, file, at, needs, covers, rulings } = definition;
  line(bold(out, definition.id));
  line(`  ${title}`);
  line(`  suite  ${suite}`);
  line(`  file   ${file}:${at.line}`);
  line(`  needs  ${needs.map(({ text }) => text).join(', ') || 'nothing'}`);
  line('  covers');
  for (const requirement of covers) {
    const entry = catalogue().get(requirement);
    line(`    ${requirement}${entry === undefined ? '' : ` (${entry.strength}; ${entry.section})`}`);
    if (entry) line(`      ${entry.text}`);
  }
  if (rulings.length > 0) line('  rulings');
  for (const id of rulings) {
    const ruling = allRulings().get(id);
    line(`    ${id}${ruling === undefined ? '' : `: ${rulingText(ruling)}`}`);
  }
  line('');
  line(new CaseSources().text(definition));
  return ExitCode.CONFORMANT;
}
