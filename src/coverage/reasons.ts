/** Why requirements are not covered by a case: `spec-cases/reasons.yaml`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SPEC_CASES } from '../run/package-info.js';

/** One entry of the file: requirements that share a reason. */
interface Reasoned {
  readonly ids: readonly string[];
  readonly reason: string;
}

/** Reason by requirement id. Throws TypeError for an id with two reasons, which would hide one of them. */
export function parseReasons(text: string): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const { ids, reason } of (parse(text) ?? []) as Reasoned[])
    for (const id of ids) {
      if (out.has(id)) throw new TypeError(`reasons: ${id} has two reasons`);
      out.set(id, reason);
    }
  return out;
}

/** The reasons of the suite. */
export function readReasons(): ReadonlyMap<string, string> {
  return parseReasons(readFileSync(join(SPEC_CASES, 'reasons.yaml'), 'utf8'));
}
