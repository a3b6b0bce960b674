/** `vscsi list` and `vscsi check`: the cases, without a device. */
import type { CaseDefinition } from '../cases/types.js';
import type { TextSink } from '../report/terminal.js';
import { ExitCode } from '../run/exit-code.js';
import { checkCaseFiles } from '../run/load-cases.js';
import { SPEC_CASES } from '../run/package-info.js';
import { idMatcher } from '../run/select.js';

/** What is listed of a case; also the JSON form. */
interface Listed {
  readonly id: string;
  readonly title: string;
  readonly area: string;
  readonly needs: readonly string[];
  readonly file: string;
  readonly covers: readonly string[];
}

const listed = ({ id, title, needs, file, covers }: CaseDefinition): Listed => ({
  id,
  title,
  area: id.split('.')[0] ?? id,
  needs: needs.map(({ text }) => text),
  file,
  covers,
});

/** Lists the cases before expansion. Throws CaseFilesError. */
export function listCommand(
  options: { cases?: readonly string[]; select?: readonly string[]; json?: boolean },
  out: TextSink,
): number {
  const selected = idMatcher(options.select ?? []);
  const { files } = checkCaseFiles(options.cases ?? [SPEC_CASES]);
  const cases = files.flatMap((file) => file.cases.map(listed)).filter(({ id }) => selected(id));
  if (options.json) out.write(`${JSON.stringify({ cases }, undefined, 2)}\n`);
  else for (const { id, title } of cases) out.write(`${id.padEnd(40)} ${title}\n`);
  return ExitCode.CONFORMANT;
}

/** Checks case files. Throws CaseFilesError with every problem. */
export function checkCommand(paths: readonly string[], out: TextSink): number {
  const { files } = checkCaseFiles(paths.length > 0 ? paths : [SPEC_CASES]);
  const count = files.reduce((sum, { cases }) => sum + cases.length, 0);
  out.write(`${files.length} case files, ${count} cases: no problem\n`);
  return ExitCode.CONFORMANT;
}
