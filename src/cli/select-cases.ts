/** Which cases the command line means, as far as that can be told without a device. */
import type { CaseDefinition, CaseFile } from '../cases/types.js';
import { catalogue } from '../run/catalogue.js';
import type { Selection } from '../run/messages.js';
import { choiceMatcher, didYouMeanOneOf, mayMatchExpansion } from '../run/select.js';
import { UsageError } from './errors.js';

/** The options that choose cases. */
export interface SelectOptions {
  readonly select?: readonly string[];
  readonly skip?: readonly string[];
  readonly area?: string;
  readonly requirement?: string;
  /** Ids as written. */
  readonly bases?: readonly string[];
}

/** First segment of an id, e.g. `scsi`. */
export function areaOfId(id: string): string {
  return id.split('.')[0] ?? id;
}

/** Areas of a case: of its id, and of the requirements that it covers. */
function areasOf({ id, covers }: CaseDefinition): string[] {
  const entries = catalogue();
  return [areaOfId(id), ...covers.flatMap((requirement) => entries.get(requirement)?.area ?? [])];
}

/** The definitions that are meant. Throws UsageError, with near names, when there is none. */
export function selectDefinitions(
  files: readonly CaseFile[],
  options: SelectOptions,
): readonly CaseDefinition[] {
  const { select = [], skip = [], area, requirement, bases } = options;
  let cases = files.flatMap((file) => file.cases);
  const narrow = (keep: (definition: CaseDefinition) => boolean, complaint: () => string) => {
    const left = cases.filter(keep);
    if (left.length === 0) throw new UsageError(complaint());
    cases = left;
  };
  if (bases !== undefined) {
    const wanted = new Set(bases);
    narrow(
      ({ id }) => wanted.has(id),
      () => 'none of the cases of the playlist is here',
    );
  }
  if (area !== undefined)
    narrow(
      (definition) => areasOf(definition).includes(area),
      () => {
        const areas = [...new Set(cases.flatMap(areasOf))].sort();
        return `no case belongs to the area ${area}${didYouMeanOneOf(area, areas)}; areas with cases: ${areas.join(', ')}`;
      },
    );
  if (requirement !== undefined)
    narrow(
      ({ covers }) => covers.includes(requirement),
      () => {
        const entry = catalogue().get(requirement);
        return entry === undefined
          ? `there is no requirement ${requirement}${didYouMeanOneOf(requirement, catalogue().keys())}`
          : `none of the cases covers the requirement ${requirement} ("${entry.text}")`;
      },
    );
  const ids = () => cases.map(({ id }) => id);
  if (select.length > 0) {
    const all = ids();
    narrow(
      ({ id }) => select.some((glob) => mayMatchExpansion(glob, id)),
      () => nothingSelected(select, all),
    );
  }
  // A glob that names an id without brackets takes all its expansions away.
  const left = choiceMatcher({ select: [], skip });
  narrow(
    ({ id }) => left(id),
    () => `--skip ${skip.join(' --skip ')} leaves no case`,
  );
  return cases;
}

/** What a run needs to choose the same cases on a device. Throws UsageError as `selectDefinitions` does. */
export function selectionOf(files: readonly CaseFile[], options: SelectOptions): Selection {
  const definitions = selectDefinitions(files, options);
  const byCover =
    options.area !== undefined || options.requirement !== undefined || options.bases !== undefined;
  return {
    select: options.select ?? [],
    skip: options.skip ?? [],
    ...(byCover && { bases: definitions.map(({ id }) => id) }),
  };
}

/** The message for a selection that selects nothing. */
export function nothingSelected(select: readonly string[], ids: readonly string[]): string {
  return select
    .map((glob) => {
      const near = didYouMeanOneOf(glob, ids);
      return `no case matches --select ${glob}${near === '' ? '; "vscsi list" shows them all' : near}`;
    })
    .join('\n');
}
