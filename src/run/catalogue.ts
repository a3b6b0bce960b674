/** The catalogues of requirements in words, for people: reports, `vscsi show`, selection by area. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandSetOf, type ScsiRequirement } from '../cases/scsi-requirements.js';
import { yaml } from '../sys/lazy-packages.js';
import { SPEC_CASES } from './package-info.js';
import { scsiRequirements } from './scsi-catalogue.js';

/** A requirement as people read it. */
export interface CatalogueEntry {
  readonly id: string;
  /** Part of the standard that it belongs to, e.g. `scsi-req`. */
  readonly area: string;
  readonly strength: string;
  /** Title path in the standard. */
  readonly section: string;
  /** The statement, in our own words. */
  readonly text: string;
}

export type Catalogue = ReadonlyMap<string, CatalogueEntry>;

const KEYS = ['id', 'area', 'strength', 'section', 'text'] as const;
let loaded: Catalogue | undefined;

/** Both catalogues of the suite, read when they are first asked for. */
export function catalogue(): Catalogue {
  if (loaded === undefined) {
    const all = new Map(readCatalogue(readFileSync(join(SPEC_CASES, 'requirements.yaml'), 'utf8')));
    for (const rule of scsiRequirements().values()) all.set(rule.id, inWords(rule));
    loaded = all;
  }
  return loaded;
}

/** What the SCSI command sets ask has no section: commands stand for it, and what it rests on. */
function inWords({ id, commands, strength, basis, agreement, text }: ScsiRequirement): CatalogueEntry {
  const about = commands.join(', ').replace(/^any$/, 'every command');
  const section = `${about}; ${agreement === 'single' ? 'only ' : ''}${basis.join(', ')}`;
  return { id, area: commandSetOf(id), strength, section, text };
}

/** Reads `requirements.yaml`. Throws TypeError for an entry that lacks a key. */
export function readCatalogue(text: string): Catalogue {
  const entries = scan(text) ?? (yaml().parse(text) as Partial<CatalogueEntry>[]);
  return new Map(
    entries.map((entry) => {
      const missing = KEYS.find((key) => typeof entry[key] !== 'string');
      if (missing !== undefined)
        throw new TypeError(`requirements: ${entry.id ?? 'an entry'} lacks ${missing}`);
      const complete = entry as CatalogueEntry;
      return [complete.id, complete] as const;
    }),
  );
}

/**
 * The keys straight from the lines, as in `src/cases/requirements.ts`: reading all of the catalogue as YAML takes
 * longer than most runs. Undefined where it is laid out in another way.
 */
function scan(text: string): Partial<CatalogueEntry>[] | undefined {
  const out: Partial<CatalogueEntry>[] = [];
  for (const entry of text.split(/^- (?=id: )/m).slice(1)) {
    const get = (key: string) => new RegExp(`^ {0,2}${key}: (.+?)\\s*$`, 'm').exec(entry)?.[1];
    const values: Partial<Record<(typeof KEYS)[number], string>> = {};
    for (const key of KEYS) {
      const value = plainValue(get(key));
      if (value === undefined) return undefined;
      values[key] = value;
    }
    out.push(values);
  }
  return out.length > 0 ? out : undefined;
}

/** A scalar that stands on one line: plain, or in double quotes as JSON writes them. */
function plainValue(written: string | undefined): string | undefined {
  if (written === undefined || /^['|>&*!{[]/.test(written)) return undefined;
  if (!written.startsWith('"')) return written.includes(' #') ? undefined : written;
  try {
    return String(JSON.parse(written));
  } catch {
    return undefined;
  }
}
