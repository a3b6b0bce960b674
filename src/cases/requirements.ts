/** The catalogue of requirements, as far as cases need it: which ids exist and how strong they are. */
import { yaml } from '../sys/lazy-packages.js';
import type { Level } from './types.js';

/** One requirement. */
export interface Requirement {
  readonly id: string;
  readonly strength: 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | 'INFO';
  /** What a statement without such a word rests on: text that fixes a format, or only layout, names or SAM. */
  readonly kind: 'normative' | 'format' | 'inferred';
  /** A rule for the driver obliges no device: its strength says nothing about what the device does. */
  readonly role: 'device' | 'driver';
  /** First version of the standard in which it holds, e.g. `1.2`. */
  readonly since: string;
  /** Set where it rests on one implementation alone: whatever else it says, breaking it is a warning at most. */
  readonly singleSource?: true;
}

export type RequirementRegistry = ReadonlyMap<string, Requirement>;

/** Reads `requirements.yaml`. Throws `TypeError` when it is not a list of requirements. */
export function readRequirements(text: string): RequirementRegistry {
  const out = new Map<string, Requirement>();
  for (const entry of scan(text) ?? (yaml().parse(text) as Partial<Requirement>[])) {
    const { id, strength, kind, role, since } = entry;
    if (!(id && strength && kind && role && since))
      throw new TypeError(`requirements: ${id ?? 'an entry'} lacks id, strength, kind, role or since`);
    out.set(id, { id, strength, kind, role, since });
  }
  return out;
}

/**
 * These keys of each entry, straight from the lines: the catalogue is large, and reading all of it as YAML takes
 * longer than most runs. Undefined where it is laid out in another way.
 */
function scan(text: string): Partial<Requirement>[] | undefined {
  const entries = text.split(/^- (?=id: )/m).slice(1);
  const out = entries.map((entry): Partial<Requirement> => {
    const get = (key: string) => new RegExp(`^ {0,2}${key}: "?([^"'#\\n]+?)"?\\s*$`, 'm').exec(entry)?.[1];
    const [id, strength, kind, role, since] = ['id', 'strength', 'kind', 'role', 'since'].map(get);
    return { id, strength, kind, role, since } as Partial<Requirement>;
  });
  const complete = out.every(
    ({ id, strength, kind, role, since }) => id && strength && kind && role && since,
  );
  return out.length > 0 && complete ? out : undefined;
}

const RANK: Readonly<Record<Level, number>> = { MAY: 0, SHOULD: 1, MUST: 2 };

/** How a requirement counts: what the standard says MUST and formats that it fixes are binding, inferences are not. */
function levelOf({ strength, kind }: Requirement): Level {
  const own = strength === 'INFO' ? 'MUST' : (strength.split(' ')[0] as Level);
  return kind === 'inferred' && own === 'MUST' ? 'SHOULD' : own;
}

/** The level that the catalogue gives for the covered ids; undefined where it says nothing about a device. */
export function derivedLevel(
  covers: readonly string[],
  registry: RequirementRegistry | undefined,
): Level | undefined {
  let level: Level | undefined;
  for (const id of covers) {
    const requirement = registry?.get(id);
    if (!requirement || requirement.role === 'driver') continue;
    const own = levelOf(requirement);
    if (level === undefined || RANK[own] > RANK[level]) level = own;
  }
  return level;
}
