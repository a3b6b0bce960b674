/** The registry of mutants. */
import { ADDRESSING_MUTANTS } from './addressing.js';
import { ASYNCHRONOUS_MUTANTS } from './asynchronous.js';
import { BLOCK_MUTANTS } from './blocks.js';
import { COMMAND_MUTANTS } from './commands.js';
import { CONFIGURATION_MUTANTS } from './configuration.js';
import { CONTROL_MUTANTS } from './control.js';
import { DELIVERY_MUTANTS } from './delivery.js';
import { EVENT_IDX_MUTANTS } from './event-idx.js';
import { EVENT_MUTANTS } from './events.js';
import { FACILITY_MUTANTS } from './facilities.js';
import { FEATURE_MUTANTS } from './features.js';
import { HOSTILE_MUTANTS } from './hostile.js';
import { IDENTITY_MUTANTS } from './identity.js';
import { IN_ORDER_MUTANTS } from './in-order.js';
import { INDIRECT_MUTANTS } from './indirect.js';
import { LEGACY_PCI_MUTANTS } from './legacy-pci.js';
import { MEDIUM_REMOVAL_MUTANTS } from './medium-removal.js';
import { MMIO_MUTANTS } from './mmio.js';
import { MMIO_LEGACY_MUTANTS } from './mmio-legacy.js';
import { MODE_PARAMETER_MUTANTS } from './mode-parameters.js';
import { MUSEUM_MUTANTS } from './museum/index.js';
import type { Mutant } from './mutant.js';
import { NOTIFY_MUTANTS } from './notify.js';
import { PACKED_MUTANTS } from './packed.js';
import { PCI_MUTANTS } from './pci.js';
import { PROOF_COMMAND_MUTANTS } from './proofs-commands.js';
import { PROOF_FACILITY_MUTANTS } from './proofs-facilities.js';
import { PROOF_REQUEST_MUTANTS } from './proofs-requests.js';
import { PROTECTION_MUTANTS } from './protection.js';
import { QUEUE_RESET_MUTANTS } from './queue-reset.js';
import { RESET_MUTANTS } from './reset.js';
import { RESPONSE_MUTANTS } from './response.js';
import { RING_MUTANTS } from './ring.js';
import { SENSE_MUTANTS } from './sense.js';
import { SENSE_DATA_MUTANTS } from './sense-data.js';
import { SPLIT_MUTANTS } from './split.js';
import { STALL_MUTANTS } from './stalls.js';
import { STATUS_MUTANTS } from './status.js';
import { SUPPORTED_COMMAND_MUTANTS } from './supported-commands.js';
import { TASK_ATTRIBUTE_MUTANTS } from './task-attributes.js';
import { TASK_MANAGEMENT_MUTANTS } from './task-management.js';
import { WELL_KNOWN_UNIT_MUTANTS } from './well-known-unit.js';

export type { Mutant } from './mutant.js';

/** Those made to prove single cases; the cases themselves show that a driver can see them. */
export const PROOF_MUTANTS: readonly Mutant[] = [
  ...PROOF_COMMAND_MUTANTS,
  ...SENSE_DATA_MUTANTS,
  ...IDENTITY_MUTANTS,
  ...MODE_PARAMETER_MUTANTS,
  ...FACILITY_MUTANTS,
  ...SUPPORTED_COMMAND_MUTANTS,
  ...MEDIUM_REMOVAL_MUTANTS,
  ...BLOCK_MUTANTS,
  ...PROOF_REQUEST_MUTANTS,
  ...PROOF_FACILITY_MUTANTS,
  ...LEGACY_PCI_MUTANTS,
  ...PCI_MUTANTS,
  ...PACKED_MUTANTS,
  ...EVENT_IDX_MUTANTS,
  ...EVENT_MUTANTS,
  ...IN_ORDER_MUTANTS,
  ...MMIO_MUTANTS,
  ...MMIO_LEGACY_MUTANTS,
  ...STATUS_MUTANTS,
  ...SPLIT_MUTANTS,
  ...INDIRECT_MUTANTS,
  ...HOSTILE_MUTANTS,
  ...QUEUE_RESET_MUTANTS,
  ...NOTIFY_MUTANTS,
  ...TASK_ATTRIBUTE_MUTANTS,
  ...TASK_MANAGEMENT_MUTANTS,
  ...WELL_KNOWN_UNIT_MUTANTS,
  ...ASYNCHRONOUS_MUTANTS,
  ...PROTECTION_MUTANTS,
  ...DELIVERY_MUTANTS,
  ...MUSEUM_MUTANTS,
];

/** All mutants; ids are unique. */
export const MUTANTS: readonly Mutant[] = [
  ...RESPONSE_MUTANTS,
  ...RING_MUTANTS,
  ...FEATURE_MUTANTS,
  ...CONFIGURATION_MUTANTS,
  ...RESET_MUTANTS,
  ...ADDRESSING_MUTANTS,
  ...SENSE_MUTANTS,
  ...COMMAND_MUTANTS,
  ...CONTROL_MUTANTS,
  ...STALL_MUTANTS,
  ...PROOF_MUTANTS,
];

const byId = new Map(MUTANTS.map((mutant) => [mutant.id, mutant]));

/** The mutant of that id. */
export function mutantById(id: string): Mutant | undefined {
  return byId.get(id);
}
