/** All mutants that repeat bugs of real devices. */
import type { Mutant } from '../mutant.js';
import { BOUNDS_EXHIBITS } from './bounds.js';
import { COMMAND_EXHIBITS } from './commands.js';
import { CONFIGURATION_EXHIBITS } from './configuration.js';
import { EVENT_EXHIBITS } from './events.js';
import { MEDIA_EXHIBITS } from './media.js';
import { PROTECTION_EXHIBITS } from './protection.js';
import { PROVISIONING_EXHIBITS } from './provisioning.js';
import { RESET_EXHIBITS } from './reset.js';
import { RING_EXHIBITS } from './ring.js';
import { STATUS_EXHIBITS } from './status.js';
import { ASYNCHRONOUS_EXHIBITS, TASK_MANAGEMENT_EXHIBITS } from './task-management.js';

export const MUSEUM_MUTANTS: readonly Mutant[] = [
  ...STATUS_EXHIBITS,
  ...RING_EXHIBITS,
  ...CONFIGURATION_EXHIBITS,
  ...COMMAND_EXHIBITS,
  ...TASK_MANAGEMENT_EXHIBITS,
  ...ASYNCHRONOUS_EXHIBITS,
  ...EVENT_EXHIBITS,
  ...MEDIA_EXHIBITS,
  ...PROVISIONING_EXHIBITS,
  ...PROTECTION_EXHIBITS,
  ...RESET_EXHIBITS,
  ...BOUNDS_EXHIBITS,
];
