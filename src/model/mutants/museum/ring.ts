/** Rings and buffers as devices once handled them. */

import { ScsiStatus } from '../../../wire/scsi/status.js';
import { DeviceStatus } from '../../../wire/virtio.js';
import {
  DEFAULT_CDB_SIZE,
  Response,
  requestHeaderSize,
  responseHeaderSize,
} from '../../../wire/virtio-scsi.js';
import { DriverError } from '../../errors.js';
import type { Task } from '../../scsi/task.js';
import { HOSTILE_MUTANTS } from '../hostile.js';
import type { Mutant } from '../mutant.js';
import { PACKED_MUTANTS } from '../packed.js';
import { PCI_MUTANTS } from '../pci.js';
import { RESPONSE_MUTANTS } from '../response.js';
import { RING_MUTANTS } from '../ring.js';
import { watchInFlight } from '../watching.js';
import { alike, controlUnanswered, exhibit, isRequestQueue } from './exhibit.js';

/** Commands that a unit had room for, at the time. */
const POOL = 128;

/** Lengths of the pieces that remain of a cut buffer behind its first bytes. */
function behind(cut: readonly number[], skipped: number): number[] {
  let left = skipped;
  return cut.flatMap((length) => {
    const taken = Math.min(left, length);
    left -= taken;
    return length > taken ? [length - taken] : [];
  });
}

/** Lengths of the pieces in which data of a command come or go. */
const dataCut = ({ origin: { chain }, cdb, senseSize }: Task): readonly number[] => [
  ...behind(chain.readableCut, requestHeaderSize(cdb.length)),
  ...behind(chain.writableCut, responseHeaderSize(senseSize)),
];

const ABORTED = { key: 0x0b, asc: 0, ascq: 0 };

export const RING_EXHIBITS: readonly Mutant[] = [
  exhibit(
    'QVS-15-framing-assumed',
    'virtio.framing.no-assumptions',
    'A request whose first descriptor is shorter than its header fails.',
    () => ({
      answer: (answer, { origin, cdb }) =>
        (origin.chain.readableCut[0] ?? 0) < requestHeaderSize(cdb.length)
          ? { ...answer, fields: { ...answer.fields, response: Response.FAILURE } }
          : answer,
    }),
  ),
  alike(
    'QVC-01-indirect-too-long',
    'virtio.status.needs-reset-set',
    'After an indirect table that is too long for the queue one reset is not enough.',
    HOSTILE_MUTANTS,
    'hostile.stuck-by-count',
  ),
  alike(
    'QVC-04-zero-length-descriptor-loop',
    'virtio.status.needs-reset-set',
    'After a descriptor of length 0 one reset is not enough.',
    HOSTILE_MUTANTS,
    'hostile.stuck-by-zero-length',
  ),
  exhibit(
    'QVC-06-false-looped-descriptor',
    'virtio.split.chain-max-queue-size',
    'A chain of as many descriptors as the queue has is taken for a loop.',
    () => {
      const sizes = new Map<number, number>();
      let count = 0;
      return {
        ringSetup: (setup) => {
          sizes.set(setup.index, setup.size);
          return setup;
        },
        chainRules: (rules) => {
          count = 0;
          return rules;
        },
        descriptor: (descriptor, { queue }) => {
          if (++count === sizes.get(queue)) throw new DriverError('looped descriptor', 'loop');
          return descriptor;
        },
      };
    },
  ),
  alike(
    'QVC-08-more-buffers-than-ring',
    'virtio.status.needs-reset-set',
    'After an available index that is further ahead than the ring is long one reset is not enough.',
    HOSTILE_MUTANTS,
    'hostile.stuck-by-index',
  ),
  alike(
    'QVC-11-notify-nonexistent-queue',
    'virtio.status.needs-reset-set',
    'After a kick of a queue that is not there one reset is not enough.',
    HOSTILE_MUTANTS,
    'hostile.stuck-by-kick',
  ),
  alike(
    'QVC-20-packed-chain-id-from-first',
    'virtio.packed.id-from-last',
    'In a packed ring a list is returned by the id of its first descriptor.',
    PACKED_MUTANTS,
    'packed.id.first',
  ),
  exhibit(
    'QVC-21-packed-used-idx-not-wrapped',
    'virtio.packed.single-used-per-group',
    'In a packed ring used descriptors are written one behind the other, however long their lists are.',
    () => ({ usedStep: (step, { skipped }) => (skipped > 0 ? step : 1) }),
  ),
  alike(
    'QVC-24-region-not-bus-master',
    'virtio.pci.pci-compliance',
    'The function reaches memory while the command register forbids it.',
    PCI_MUTANTS,
    'pci.command.master-ignored',
  ),
  alike(
    'LVS-06-response-one-descriptor',
    'virtio.framing.no-assumptions',
    'The response is written only as far as the first writable descriptor reaches.',
    RESPONSE_MUTANTS,
    'framing.response-needs-one-descriptor',
  ),
  exhibit(
    'LVS-07-command-dropped-when-out-of-tags',
    'scsi.config.cmd-per-lun',
    `Commands above ${POOL} that are in flight are never answered.`,
    () => {
      const { count, hooks } = watchInFlight();
      const dropped = new WeakSet<Task>();
      return {
        ...hooks,
        overrun: (short, task) => {
          const right = hooks.overrun(short, task);
          if (count() > POOL) dropped.add(task);
          return right;
        },
        perform: ({ task }, run) => (dropped.has(task) ? undefined : run()),
      };
    },
  ),
  exhibit(
    'LVS-08-misaligned-buffers',
    'virtio.framing.no-assumptions',
    'READ and WRITE fail when a piece of their data is no whole number of blocks.',
    () => ({
      result: (result, { command, task, unit }) =>
        /^(READ|WRITE)\(/.test(command.name) &&
        result.status === ScsiStatus.GOOD &&
        dataCut(task).some((length) => length % unit.blockSize !== 0)
          ? { status: ScsiStatus['CHECK CONDITION'], sense: ABORTED }
          : result,
    }),
  ),
  exhibit(
    'SPV-06-lost-interrupt-at-start',
    'virtio.notify.flags0-notify',
    'No interrupt follows the first buffer that is used after DRIVER_OK.',
    () => {
      let fresh = true;
      return {
        statusWritten: (next, _written, previous) => {
          if (next & ~previous & DeviceStatus.DRIVER_OK) fresh = true;
          return next;
        },
        usedNotification: (due, queue) => {
          const lost = fresh && isRequestQueue(queue);
          if (lost) fresh = false;
          return due && !lost;
        },
      };
    },
  ),
  exhibit(
    'VBX-03-malformed-request-dropped',
    'scsi.ctrl.type-selects',
    'Control requests that cannot be read never come back.',
    controlUnanswered(({ type }) => type === 'unknown'),
  ),
  exhibit(
    'QEX-03-used-len-counts-data-out',
    'virtio.split.used-len-bytes-written',
    'The used length of a command counts the buffers for its data, whatever their direction and whatever was moved.',
    () => ({
      usedElements: (elements, { queue, readable, writable }) =>
        isRequestQueue(queue)
          ? elements.map(({ id }) => ({
              id,
              len: writable + Math.max(0, readable - requestHeaderSize(DEFAULT_CDB_SIZE)),
            }))
          : elements,
    }),
  ),
  alike(
    'QEX-09-work-before-driver-ok',
    'virtio.status.no-consume-before-driver-ok',
    'Queues are served from FEATURES_OK on.',
    RING_MUTANTS,
    'status.works-before-driver-ok',
  ),
];
