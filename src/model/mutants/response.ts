/** Answers with wrong fields, cut, or left unwritten. The first ones come from the layout of the response. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { Response, responseHeaderSize, virtioScsiRespHead } from '../../wire/virtio-scsi.js';
import type { Answer, AnswerFields } from '../scsi/answer.js';
import { deviations } from './deviations.js';
import type { Mutant } from './mutant.js';

type FieldName = keyof AnswerFields;

/** A conformant device has 0 there anyway, so these would change nothing. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set(['status_qualifier zero', 'status_qualifier swapped']);

function fieldMutants(name: FieldName): Mutant[] {
  const { offset, size } = virtioScsiRespHead.fields[name];
  const slug = name.replaceAll('_', '-');
  const changed = deviations(size)
    .filter(({ id }) => !WITHOUT_EFFECT.has(`${name} ${id}`))
    .map(
      ({ id, words, change }): Mutant => ({
        id: `response.${slug}.${id}`,
        sentence: `The ${name} field of every answer is ${words}.`,
        requirement: 'scsi.req.response-layout',
        source: 'layout',
        apply: (behaviours) => {
          behaviours.answer = (answer) => ({
            ...answer,
            fields: { ...answer.fields, [name]: change(answer.fields[name]) },
          });
        },
      }),
    );
  const stale: Mutant = {
    id: `response.${slug}.stale`,
    sentence: `The ${name} field is never written.`,
    requirement: 'scsi.req.response-fields-written',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer) => ({
        ...answer,
        unwritten: [[offset, offset + size]],
      });
    },
  };
  return [...changed, stale];
}

const FIELDS = Object.keys(virtioScsiRespHead.fields) as FieldName[];

/** Sense data that begin with a copy of the response header. */
export function headerInSense(answer: Answer): Answer {
  if (answer.sense.length === 0) return answer;
  const sense = answer.sense.slice();
  sense.set(virtioScsiRespHead.encode(answer.fields).subarray(0, sense.length));
  return { ...answer, sense };
}

/** CHECK CONDITION as a failure of the device. */
export const failureForCondition = (answer: Answer): Answer =>
  answer.fields.status === ScsiStatus['CHECK CONDITION']
    ? { ...answer, fields: { ...answer.fields, response: Response.FAILURE } }
    : answer;

/** Status shifted right by one, without the bit that is reserved. */
export const shiftedStatus = (answer: Answer): Answer => ({
  ...answer,
  fields: { ...answer.fields, status: answer.fields.status >> 1 },
});

export const RESPONSE_MUTANTS: readonly Mutant[] = [
  ...FIELDS.flatMap(fieldMutants),
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
  {
    id: 'response.sense-padding-unwritten',
    sentence: 'The sense field is written only as far as sense_len reaches, and counted whole.',
    requirement: 'virtio.split.used-len-bytes-written',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer) => {
        const from = virtioScsiRespHead.size + answer.sense.length;
        return { ...answer, unwritten: [[from, responseHeaderSize(answer.senseSize)]] };
      };
    },
  },
  {
    id: 'response.residual-of-data-in-only',
    sentence: 'The residual counts data-in alone, so that a write leaves none.',
    requirement: 'scsi.req.residual',
    source: 'museum RVM-05-residual-of-data-out',
    apply: (behaviours) => {
      behaviours.answer = (answer, task) => ({
        ...answer,
        fields: { ...answer.fields, residual: task.dataInLength - answer.dataIn.length },
      });
    },
  },
  {
    id: 'response.header-in-sense',
    sentence: 'The sense field begins with a copy of the response header.',
    requirement: 'scsi.req.response-layout',
    source: 'museum QVS-10-sense-buffer-holds-header',
    apply: (behaviours) => {
      behaviours.answer = headerInSense;
    },
  },
  {
    id: 'response.check-condition-as-failure',
    sentence: 'CHECK CONDITION comes with response FAILURE.',
    requirement: 'scsi.req.response-ok',
    source: 'museum VBX-01-check-condition-as-failure',
    apply: (behaviours) => {
      behaviours.answer = failureForCondition;
    },
  },
  {
    id: 'response.data-in-one-byte-late',
    sentence: 'Data-in of a READ begins with a zero byte, and its last byte is lost.',
    requirement: 'scsi.req.datain-is-remainder',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.result = (result, call) => {
        if (!call.command.name.startsWith('READ(') || !result.data?.length) return result;
        const data = new Uint8Array(result.data.length);
        data.set(result.data.subarray(0, -1), 1);
        return { ...result, data };
      };
    },
  },
];
