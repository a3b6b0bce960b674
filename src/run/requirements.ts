/** Both catalogues of requirements as one registry. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RequirementRegistry, readRequirements } from '../cases/requirements.js';
import { asRequirement } from '../cases/scsi-requirements.js';
import { SPEC_CASES } from './package-info.js';
import { scsiRequirements } from './scsi-catalogue.js';

let catalogued: RequirementRegistry | undefined;
/** Both catalogues of requirements, as far as running cases needs them; read once. */
export function requirements(): RequirementRegistry {
  if (catalogued === undefined) {
    const all = new Map(readRequirements(readFileSync(join(SPEC_CASES, 'requirements.yaml'), 'utf8')));
    for (const rule of scsiRequirements().values()) all.set(rule.id, asRequirement(rule));
    catalogued = all;
  }
  return catalogued;
}
