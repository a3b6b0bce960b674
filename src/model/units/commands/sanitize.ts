/** SANITIZE and FORMAT UNIT (SBC-4): what makes the whole medium new. Either is over at once, IMMED or not. */
import { be16, be32, struct, u8 } from '../../../wire/layout.js';
import { type CommandResult, GOOD, goodAfter } from '../command-result.js';
import { type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { CheckCondition, Sense } from '../sense.js';
import { invalidParameter } from './provisioning.js';

const overwriteHeader = struct('SANITIZE OVERWRITE parameter list', {
  /** INVERT bit 7, TEST bits 6-5, OVERWRITE COUNT bits 4-0. */
  flags: u8,
  reserved: u8,
  initialization_pattern_length: be16,
});
const INVERT = 0x80;
const TEST = 0x60;
const OVERWRITE_COUNT = 0x1f;

/** Writes the pattern to every block, again and again from its beginning; with INVERT each pass inverts it. */
function overwrite(disk: Disk, call: CommandCall): CommandResult {
  disk.checkWritable();
  const length = Number(call.fields.parameter_list_length);
  const { size } = overwriteHeader;
  if (length <= size || length > size + disk.blockSize)
    throw invalidNamed(call.command, 'parameter_list_length');
  const list = call.task.dataOut(length);
  const { flags, initialization_pattern_length: pattern } = overwriteHeader.read(list);
  const count = flags & OVERWRITE_COUNT;
  if ((flags & TEST) !== 0 || count === 0) throw invalidParameter(0, length);
  if (pattern === 0 || pattern > disk.blockSize)
    throw invalidParameter(overwriteHeader.fields.initialization_pattern_length.offset, length);
  if (size + pattern > length) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, length);
  const inverted = (flags & INVERT) !== 0 && count % 2 === 0 ? 0xff : 0;
  const block = Uint8Array.from(
    { length: disk.blockSize },
    (_, at) => (list[size + (at % pattern)] ?? 0) ^ inverted,
  );
  disk.renew(block);
  return goodAfter(length);
}

/** What has no parameter list. */
function erase(disk: Disk, call: CommandCall): CommandResult {
  if (call.fields.parameter_list_length !== 0n) throw invalidNamed(call.command, 'parameter_list_length');
  disk.checkWritable();
  disk.renew();
  return GOOD;
}

const formatHeader = struct('FORMAT UNIT parameter list, short header', {
  protection_usage: u8,
  /** IMMED is bit 1; the others select what this unit cannot do. */
  flags: u8,
  defect_list_length: be16,
});
const longFormatHeader = struct('FORMAT UNIT parameter list, long header', {
  protection_usage: u8,
  flags: u8,
  reserved: u8,
  exponents: u8,
  defect_list_length: be32,
});
const IMMED = 0x02;

/** The header of a parameter list: nothing that changes the format or brings defects. Returns its size. */
function checkFormatList(call: CommandCall): number {
  const { size } = call.fields.longlist === 1n ? longFormatHeader : formatHeader;
  const list = call.task.dataOut(size);
  // The CDB does not say how long the list is, so no OVERRUN comes before.
  if (list.length < size) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, list.length);
  const wrong = list.findIndex((value, at) => (at === 1 ? (value & ~IMMED) !== 0 : value !== 0));
  if (wrong >= 0) throw invalidParameter(wrong, size);
  return size;
}

/** The whole medium as it was from the start; FMTPINFO, with which the type of protection changes, is not accepted. */
function format(disk: Disk, call: CommandCall): CommandResult {
  disk.checkWritable();
  if (call.fields.longlist === 1n && call.fields.fmtdata !== 1n) throw invalidNamed(call.command, 'longlist');
  const taken = call.fields.fmtdata === 1n ? checkFormatList(call) : 0;
  disk.renew();
  return goodAfter(taken);
}

export function sanitizeCommands(disk: Disk): CommandEntry[] {
  const sanitize = (action: string, run: CommandEntry['run']): CommandEntry => ({
    name: `SANITIZE / ${action}`,
    accepts: ['immed', 'ause', 'parameter_list_length'],
    needsMedium: true,
    run,
  });
  return [
    sanitize('OVERWRITE', (call) => overwrite(disk, call)),
    sanitize('BLOCK ERASE', (call) => erase(disk, call)),
    sanitize('CRYPTOGRAPHIC ERASE', (call) => erase(disk, call)),
    sanitize('EXIT FAILURE MODE', (call) => {
      if (call.fields.parameter_list_length !== 0n) throw invalidNamed(call.command, 'parameter_list_length');
      return GOOD;
    }),
    {
      name: 'FORMAT UNIT',
      accepts: ['longlist', 'fmtdata'],
      needsMedium: true,
      run: (call) => format(disk, call),
    },
  ];
}
