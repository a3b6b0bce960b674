/** Protection information as devices once took it. */
import { DEFAULT_SENSE_SIZE, responseHeaderSize } from '../../../wire/virtio-scsi.js';
import type { Mutant } from '../mutant.js';
import { PROOF_COMMAND_MUTANTS } from '../proofs-commands.js';
import { PROTECTION_MUTANTS } from '../protection.js';
import { alike, exhibit, isRequestQueue } from './exhibit.js';

export const PROTECTION_EXHIBITS: readonly Mutant[] = [
  alike(
    'QSD-15-rdprotect-accepted',
    'sbc.transfer.protect-refused',
    'RDPROTECT and WRPROTECT are not looked at.',
    PROOF_COMMAND_MUTANTS,
    'blocks.protection-ignored',
  ),
  alike(
    'LVS-09-pi-iovec-not-truncated',
    'scsi.pi.out-before-data',
    'Data-out are taken from where pi_out begins.',
    PROTECTION_MUTANTS,
    'pi.out-not-counted',
  ),
  exhibit(
    'LVS-10-pi-length-unchecked',
    'scsi.pi.bytesin',
    'A command whose pi_bytesin is more than there is room for never comes back.',
    () => {
      let announced = 0;
      return {
        protectionSizes: (sizes) => {
          announced = sizes.in;
          return sizes;
        },
        usedElements: (elements, { queue, writable }) => {
          const room = writable - responseHeaderSize(DEFAULT_SENSE_SIZE);
          const lost = isRequestQueue(queue) && announced > 0 && room < announced;
          announced = 0;
          return lost ? [] : elements;
        },
      };
    },
  ),
];
