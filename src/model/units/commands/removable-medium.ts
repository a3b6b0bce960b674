/** Commands of a drive with a tray (MMC-6): START STOP UNIT and events by polling. */
import { be16, struct, u8 } from '../../../wire/layout.js';
import type { Cdrom } from '../cdrom.js';
import { type CommandResult, GOOD, goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import { moveMedium, preventAllow } from './medium-removal.js';

/** Event codes of the media class. */
export const MediaEvent = { NONE: 0, NEW_MEDIA: 2, MEDIA_REMOVAL: 3 } as const;

const MEDIA_CLASS = 4;
const NO_EVENT_AVAILABLE = 0x80;
const TRAY_OPEN = 0x01;
const MEDIUM_PRESENT = 0x02;

const eventHeader = struct('event notification header', {
  /** Bytes behind this field. */
  data_length: be16,
  /** NEA bit 7, NOTIFICATION CLASS bits 2-0. */
  notification_class: u8,
  supported_classes: u8,
});
const mediaEvent = struct('media event', { code: u8, status: u8, start_slot: u8, end_slot: u8 });

function startStop(drive: Cdrom, call: CommandCall): CommandResult {
  const { power_conditions: power, fl, loej, start } = call.fields;
  // Power conditions change nothing that could be seen; other layers than the first do not exist.
  if (power !== 0n) return GOOD;
  if (fl === 1n) throw invalidNamed(call.command, 'fl');
  if (loej === 0n) {
    drive.requireMedium(start === 1n);
    return GOOD;
  }
  moveMedium(drive, start === 1n);
  return GOOD;
}

/** An event that has been told is over. Only polled operation is supported. */
function eventStatus(drive: Cdrom, call: CommandCall): CommandResult {
  const { polled, notification_class_request: classes } = call.fields;
  if (polled !== 1n) throw invalidNamed(call.command, 'polled');
  const wanted = (Number(classes) & (1 << MEDIA_CLASS)) !== 0;
  const header = eventHeader.encode({
    data_length: (wanted ? eventHeader.size + mediaEvent.size : eventHeader.size) - 2,
    notification_class: wanted ? MEDIA_CLASS : NO_EVENT_AVAILABLE,
    supported_classes: 1 << MEDIA_CLASS,
  });
  if (!wanted) return goodWith(allocated(call, header));
  const event = mediaEvent.encode({
    code: drive.takeMediaEvent(),
    status: (drive.tray.isOpen ? TRAY_OPEN : 0) | (drive.medium ? MEDIUM_PRESENT : 0),
  });
  return goodWith(allocated(call, Uint8Array.of(...header, ...event)));
}

export function removableMedium(drive: Cdrom): CommandEntry[] {
  return [
    {
      name: 'START STOP UNIT (MMC)',
      accepts: ['immed', 'power_conditions', 'fl', 'format_layer_number', 'loej', 'start'],
      run: (call) => startStop(drive, call),
    },
    preventAllow(drive.tray),
    {
      name: 'GET EVENT STATUS NOTIFICATION',
      accepts: ['polled', 'notification_class_request', 'allocation_length'],
      run: (call) => eventStatus(drive, call),
    },
  ];
}
