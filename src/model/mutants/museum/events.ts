/** Events and hot-plug as devices once told of them. */
import { DeviceStatus } from '../../../wire/virtio.js';
import { QueueIndex } from '../../../wire/virtio-scsi.js';
import { DriverError } from '../../errors.js';
import { EVENT_MUTANTS } from '../events.js';
import type { Mutant } from '../mutant.js';
import { alike, exhibit } from './exhibit.js';

export const EVENT_EXHIBITS: readonly Mutant[] = [
  exhibit(
    'QVS-05-eventq-kick-crash',
    'scsi.event.drv.keep-populated',
    'A device whose event queue is kicked a second time needs a reset.',
    () => {
      let kicks = 0;
      return {
        resets: () => {
          kicks = 0;
          return true;
        },
        kickedRing: (ring, queue) => {
          if (queue === QueueIndex.EVENT && ++kicks > 1)
            throw new DriverError('no handler for the event queue');
          return ring;
        },
      };
    },
  ),
  alike(
    'QVS-06-missed-events-not-reported',
    'scsi.event.missed-flag',
    'Events that are lost leave no trace.',
    EVENT_MUTANTS,
    'event.loss-silent',
  ),
  exhibit(
    'QVS-07-event-before-driver-ok',
    'virtio.status.no-consume-before-driver-ok',
    'An event is put into a buffer before DRIVER_OK.',
    () => {
      let reporting = false;
      return {
        eventDue: (due) => {
          reporting = due;
          return due;
        },
        live: (live, status) => live || (reporting && (status & DeviceStatus.FEATURES_OK) !== 0),
        statusWritten: (next) => {
          reporting = false;
          return next;
        },
      };
    },
  ),
  exhibit('QVS-09-event-buffer-lost', 'scsi.event.layout', 'Event buffers come back with length 0.', () => ({
    usedElements: (elements, { queue }) =>
      queue === QueueIndex.EVENT ? elements.map(({ id }) => ({ id, len: 0 })) : elements,
  })),
  alike(
    'SPV-03-driver-without-eventq',
    'scsi.init.drv.event-buffer',
    'INQUIRY is not answered before the event queue has been kicked.',
    EVENT_MUTANTS,
    'event.queue-needed',
  ),
  alike(
    'QVS-20-rescan-event-before-lun-ready',
    'scsi.event.reason-rescan',
    'A new unit is missing for the first commands after its event.',
    EVENT_MUTANTS,
    'event.unit-late',
  ),
  alike(
    'QVS-21-removed-event-before-removal',
    'scsi.event.reason-removed',
    'A unit that has gone still carries out commands.',
    EVENT_MUTANTS,
    'event.unit-stays',
  ),
  alike(
    'QVS-22-no-ua-on-hotplug',
    'scsi.event.sense-rescan',
    'A changed list of units is no unit attention.',
    EVENT_MUTANTS,
    'attention.inventory-never',
  ),
];
