/** The catalogue of the SCSI command sets, as the suite has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readScsiRequirements, type ScsiRequirement } from '../cases/scsi-requirements.js';
import { SPEC_CASES } from './package-info.js';

let loaded: ReadonlyMap<string, ScsiRequirement> | undefined;

/** Every entry of `scsi-requirements.yaml` by its id; read when it is first asked for. */
export function scsiRequirements(): ReadonlyMap<string, ScsiRequirement> {
  loaded ??= readScsiRequirements(readFileSync(join(SPEC_CASES, 'scsi-requirements.yaml'), 'utf8'));
  return loaded;
}
