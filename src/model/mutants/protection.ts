/** Devices that get protection information wrong (VIRTIO_SCSI_F_T10_PI). */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { DEFAULT_CDB_SIZE, type PiHeader, requestHeaderSize } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { Answer } from '../scsi/answer.js';
import type { ProtectionSizes, Task, TaskLayout } from '../scsi/task.js';
import { protectionTuple, referenceOf } from '../units/protection.js';
import { Sense } from '../units/sense.js';
import { acting } from './command-shapes.js';
import type { Mutant } from './mutant.js';

type Entry = Pick<Mutant, 'id' | 'sentence' | 'requirement'>;

/** A mutant that reads requests by another header. */
function reading(
  entry: Entry,
  header: (announced: PiHeader | undefined, readable: number) => PiHeader | undefined,
): Mutant {
  return {
    ...entry,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.requestLayout = ({ piHeader, ...rest }, readable): TaskLayout => {
        const read = header(piHeader, readable);
        return { ...rest, ...(read && { piHeader: read }) };
      };
    },
  };
}

/** A mutant that counts protection information wrongly. */
function counting(entry: Entry, counted: (sizes: ProtectionSizes) => ProtectionSizes): Mutant {
  return {
    ...entry,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.protectionSizes = counted;
    },
  };
}

/** A mutant that answers reads of protection information wrongly. */
function answering(entry: Entry, changed: (answer: Answer, task: Task) => Answer): Mutant {
  return {
    ...entry,
    source: 'layout',
    apply: (behaviours: Behaviours) => {
      behaviours.answer = (answer, task) => (answer.piIn.length > 0 ? changed(answer, task) : answer);
    },
  };
}

export const PROTECTION_MUTANTS: readonly Mutant[] = [
  answering(
    {
      id: 'pi.cut-in-lost',
      sentence: 'Protection information read into a part of many descriptors is zeros.',
      requirement: 'scsi.pi.in-content',
    },
    (answer, { origin }) =>
      origin.chain.writableCut.length > 4 ? { ...answer, piIn: answer.piIn.map(() => 0) } : answer,
  ),
  reading(
    {
      id: 'pi.sizes-before-cdb',
      sentence: 'The sizes of protection information are read between the head of a request and its CDB.',
      requirement: 'scsi.pi.header-layout',
    },
    (announced) => announced && 'linux',
  ),
  reading(
    {
      id: 'pi.not-gated',
      sentence: 'Data-out of 1024 bytes begins behind fields of protection information, negotiated or not.',
      requirement: 'scsi.pi.fields-gated',
    },
    (announced, readable) =>
      readable === requestHeaderSize(DEFAULT_CDB_SIZE) + 1024 ? 'literal' : announced,
  ),
  reading(
    {
      id: 'pi.feature-without-effect',
      sentence: 'VIRTIO_SCSI_F_T10_PI is offered and accepted, and changes nothing.',
      requirement: 'scsi.feature.t10-pi-bit',
    },
    () => undefined,
  ),
  counting(
    {
      id: 'pi.out-not-counted',
      sentence: 'pi_out is taken for the beginning of data-out.',
      requirement: 'scsi.pi.out-before-data',
    },
    ({ in: input }) => ({ out: 0, in: input }),
  ),
  counting(
    {
      id: 'pi.in-not-counted',
      sentence: 'pi_bytesin is ignored, and data-in begins right behind the sense field.',
      requirement: 'scsi.pi.bytesin',
    },
    ({ out }) => ({ out, in: 0 }),
  ),
  answering(
    {
      id: 'pi.in-behind-data',
      sentence: 'pi_in follows data-in.',
      requirement: 'scsi.pi.in-before-data',
    },
    (answer) => ({ ...answer, piIn: answer.dataIn, dataIn: answer.piIn }),
  ),
  answering(
    {
      id: 'pi.in-zeros',
      sentence: 'pi_in is filled with zeros.',
      requirement: 'scsi.pi.in-content',
    },
    (answer) => ({ ...answer, piIn: new Uint8Array(answer.piIn.length) }),
  ),
  answering(
    {
      id: 'pi.residual-of-everything',
      sentence: 'Residual counts the sense field and the room for protection information with the data.',
      requirement: 'scsi.pi.residual-shared',
    },
    (answer, task) => ({
      ...answer,
      fields: { ...answer.fields, residual: answer.fields.residual + task.senseSize + answer.piIn.length },
    }),
  ),
  acting(
    'pi.type-3-reference-checked',
    'With type 3 the reference tag of a write has to be the address of the block.',
    (call, disk, run) => {
      if (disk.protection !== 3 || (call.fields.wrprotect ?? 0n) === 0n) return run();
      const { reference_tag } = protectionTuple.read(call.task.piOut(protectionTuple.size));
      return reference_tag === referenceOf(call.fields.lba ?? 0n)
        ? run()
        : { status: ScsiStatus['CHECK CONDITION'], sense: Sense.REFERENCE_TAG_CHECK_FAILED };
    },
  ),
  acting(
    'pi.type-3-reference-made',
    'With type 3 the unit makes the reference tag, whatever came.',
    (_call, disk, run) => {
      const result = run();
      return disk.protection === 3 && result.protection
        ? { ...result, protection: result.protection.map((byte, at) => (at % 8 < 4 ? byte : 0xff)) }
        : result;
    },
  ),
  {
    id: 'pi.guards-not-checked',
    sentence: 'Guards are said to be checked, and are not.',
    requirement: 'scsi.pi.bytesout',
    source: 'layout',
    acts: true,
    apply: (behaviours: Behaviours) => {
      const GUARD_UNCHECKED = 3n;
      behaviours.perform = (call, run) => {
        if (call.fields.wrprotect === 1n) call.task.cdb[1] = Number(GUARD_UNCHECKED) << 5;
        return run();
      };
    },
  },
];
