/** `vscsi list` and `vscsi check`: the cases, without a device. */
import type { CaseDefinition } from '../cases/types.js';
import type { TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { checkCaseFiles, ownCases } from '../run/load-cases.js';
import { SPEC_CASES } from '../run/package-info.js';
import { baseOf, idMatcher } from '../run/select.js';
import { CaseSources } from './case-source.js';
import { areaOfId, type SelectOptions, selectDefinitions } from './select-cases.js';

/** What is listed of a case; also the JSON form. */
interface Listed {
  readonly id: string;
  readonly title: string;
  readonly area: string;
  readonly needs: readonly string[];
  readonly file: string;
  readonly covers: readonly string[];
  /** With `--waived`: standing checks that the case turns off, with the reasons. */
  readonly waive?: Readonly<Record<string, string>>;
}

const listed = ({ id, title, needs, file, covers }: CaseDefinition): Listed => ({
  id,
  title,
  area: areaOfId(id),
  needs: needs.map(({ text }) => text),
  file,
  covers,
});

export interface ListOptions extends SelectOptions {
  readonly cases?: readonly string[];
  readonly json?: boolean;
  /** Only cases that turn standing checks off. */
  readonly waived?: boolean;
}

/** Lists the cases before expansion. Throws CaseFilesError and UsageError. */
export function listCommand(options: ListOptions, out: TextSink): number {
  const { files } = options.cases ? checkCaseFiles(options.cases) : ownCases();
  // What is listed are ids without brackets.
  const named = idMatcher((options.select ?? []).map(baseOf));
  const definitions = selectDefinitions(files, options).filter(({ id }) => named(id));
  const cases = options.waived ? withWaivers(definitions) : definitions.map(listed);
  if (options.json) {
    out.write(`${JSON.stringify({ cases }, undefined, 2)}\n`);
    return ExitCode.CONFORMANT;
  }
  for (const { id, title, waive } of cases) {
    out.write(`${id.padEnd(40)} ${title}\n`);
    for (const [check, reason] of Object.entries(waive ?? {})) out.write(`    ${check}: ${reason}\n`);
  }
  return ExitCode.CONFORMANT;
}

function withWaivers(definitions: readonly CaseDefinition[]): Listed[] {
  const sources = new CaseSources();
  return definitions.flatMap((definition) => {
    const waive = sources.waivers(definition);
    return Object.keys(waive).length === 0 ? [] : [{ ...listed(definition), waive }];
  });
}

/** Checks case files. Throws CaseFilesError with every problem. */
export function checkCommand(paths: readonly string[], out: TextSink): number {
  const { files } = checkCaseFiles(paths.length > 0 ? paths : [SPEC_CASES]);
  const count = files.reduce((sum, { cases }) => sum + cases.length, 0);
  out.write(`${files.length} case files, ${count} cases: no problem\n`);
  return ExitCode.CONFORMANT;
}
