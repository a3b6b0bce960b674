/** Answers that are cut, swallowed or misplaced. */
import { responseHeaderSize } from '../../wire/virtio-scsi.js';
import type { Mutant } from './mutant.js';

export const RESPONSE_MUTANTS: readonly Mutant[] = [
  {
    id: 'response.overrun-swallowed',
    sentence: 'A data buffer that is too short for the CDB is answered OK, with the data truncated.',
    requirement: 'scsi.req.response-overrun',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.overrun = () => false;
    },
  },
  {
    id: 'framing.response-needs-one-descriptor',
    sentence: 'Response and sense are written only as far as the first writable descriptor reaches.',
    requirement: 'virtio.framing.no-assumptions',
    source: 'museum LVS-06-response-one-descriptor',
    apply: (behaviours) => {
      behaviours.answer = (answer, task) => {
        const first = task.origin.chain.writableCut[0] ?? 0;
        const head = responseHeaderSize(answer.senseSize);
        return first < head ? { ...answer, unwritten: [[first, head]] } : answer;
      };
    },
  },
];
