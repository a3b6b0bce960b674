/** MODE SENSE and MODE SELECT, (6) and (10) (SPC-5, "Mode parameters"). */
import { be16, be24, be32, be64, bytes, struct, u8 } from '../../../wire/layout.js';
import { type CommandResult, goodAfter, goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import type { Disk } from '../disk.js';
import { ALL_PAGES, type ModePages, PageControl } from '../mode-pages.js';
import { CheckCondition, Sense } from '../sense.js';
import { invalidParameter } from './provisioning.js';

const header6 = struct('mode parameter header(6)', {
  mode_data_length: u8,
  medium_type: u8,
  device_specific: u8,
  block_descriptor_length: u8,
});
const header10 = struct('mode parameter header(10)', {
  mode_data_length: be16,
  medium_type: u8,
  device_specific: u8,
  /** LONGLBA bit 0. */
  long_lba: u8,
  reserved: u8,
  block_descriptor_length: be16,
});
const shortDescriptor = struct('short LBA mode parameter block descriptor', {
  blocks: be32,
  reserved: u8,
  block_length: be24,
});
const longDescriptor = struct('long LBA mode parameter block descriptor', {
  blocks: be64,
  reserved: bytes(4),
  block_length: be32,
});

const WP = 0x80;
const DPOFUA = 0x10;
const NO_SUBPAGE = 0;
const ALL_SUBPAGES = 0xff;
const UNREPRESENTABLE = 0xffff_ffffn;
const SPF = 0x40;
const PAGE_CODE = 0x3f;

function blockDescriptor(disk: Disk, long: boolean): Uint8Array {
  if (long) return longDescriptor.encode({ blocks: disk.blocks, block_length: disk.blockSize });
  const blocks = disk.blocks < UNREPRESENTABLE ? disk.blocks : UNREPRESENTABLE;
  return shortDescriptor.encode({ blocks: Number(blocks), block_length: disk.blockSize });
}

function sense(disk: Disk, call: CommandCall): CommandResult {
  const { dbd, pc, page, subpage, llbaa } = call.fields;
  if (Number(pc) === PageControl.SAVED) throw new CheckCondition(Sense.SAVING_NOT_SUPPORTED);
  if (Number(subpage) !== NO_SUBPAGE && Number(subpage) !== ALL_SUBPAGES)
    throw invalidNamed(call.command, 'subpage');
  const codes = Number(page) === ALL_PAGES ? disk.modePages.codes : [Number(page)];
  const pages = codes.map((code) => {
    const found = disk.modePages.page(code, Number(pc));
    if (found === undefined) throw invalidNamed(call.command, 'page');
    return found;
  });
  const long = llbaa === 1n;
  const body = [...(dbd === 1n ? [] : blockDescriptor(disk, long)), ...pages.flatMap((each) => [...each])];
  const descriptor = body.length - pages.reduce((sum, each) => sum + each.length, 0);
  const specific = { device_specific: DPOFUA | (disk.writeProtected ? WP : 0) };
  const header =
    call.command.length === 6
      ? header6.encode({
          ...specific,
          mode_data_length: header6.size + body.length - 1,
          block_descriptor_length: descriptor,
        })
      : header10.encode({
          ...specific,
          mode_data_length: header10.size + body.length - 2,
          long_lba: long && descriptor > 0 ? 1 : 0,
          block_descriptor_length: descriptor,
        });
  return goodWith(allocated(call, Uint8Array.of(...header, ...body)));
}

/** Reads the header of a parameter list: where the descriptor begins, how long it is, and of which form. */
function readHeader(call: CommandCall, list: Uint8Array): { at: number; length: number; long: boolean } {
  const layout = call.command.length === 6 ? header6 : header10;
  if (list.length < layout.size) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, list.length);
  const { medium_type: medium, block_descriptor_length: length } = layout.read(list);
  if (medium !== 0) throw invalidParameter(layout.fields.medium_type.offset, list.length);
  const long = layout === header10 && (header10.read(list).long_lba & 1) === 1;
  if (length !== 0 && length !== (long ? longDescriptor.size : shortDescriptor.size))
    throw invalidParameter(layout.fields.block_descriptor_length.offset, list.length);
  if (layout.size + length > list.length)
    throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, list.length);
  return { at: layout.size, length, long };
}

/** Capacity and block length cannot be changed; 0 and all ones stand for the number of blocks as it is. */
function checkDescriptor(disk: Disk, list: Uint8Array, at: number, long: boolean): void {
  const layout = long ? longDescriptor : shortDescriptor;
  const { blocks, block_length: length } = layout.read(list, at);
  const asItIs = long ? 0xffff_ffff_ffff_ffffn : UNREPRESENTABLE;
  const named = BigInt(blocks);
  if (named !== 0n && named !== asItIs && named !== disk.blocks) throw invalidParameter(at, list.length);
  if (length !== disk.blockSize) throw invalidParameter(at + layout.fields.block_length.offset, list.length);
}

/** Checks every page of the list before any is taken, so that a refused list changes nothing. */
function readPages(pages: ModePages, list: Uint8Array, from: number): [number, Uint8Array][] {
  const out: [number, Uint8Array][] = [];
  for (let at = from; at < list.length; ) {
    const first = list[at] ?? 0;
    const code = first & PAGE_CODE;
    const current = pages.current(code);
    if (current === undefined || first & SPF) throw invalidParameter(at, list.length);
    if (at + 2 > list.length) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, list.length);
    if (list[at + 1] !== current.length) throw invalidParameter(at + 1, list.length);
    const end = at + 2 + current.length;
    if (end > list.length) throw new CheckCondition(Sense.PARAMETER_LIST_LENGTH_ERROR, list.length);
    const body = list.subarray(at + 2, end);
    const forbidden = pages.forbiddenChange(code, body);
    if (forbidden >= 0) throw invalidParameter(at + 2 + forbidden, list.length);
    out.push([code, body]);
    at = end;
  }
  return out;
}

function select(disk: Disk, call: CommandCall): CommandResult {
  // Without PF the pages are vendor specific, and there is nowhere to save them.
  if (call.fields.pf !== 1n) throw invalidNamed(call.command, 'pf');
  const length = Number(call.fields.parameter_list_length);
  if (length === 0) return goodAfter(0);
  const list = call.task.dataOut(length);
  const { at, length: descriptor, long } = readHeader(call, list);
  if (descriptor > 0) checkDescriptor(disk, list, at, long);
  for (const [code, body] of readPages(disk.modePages, list, at + descriptor)) disk.modePages.set(code, body);
  return goodAfter(length);
}

export function modeCommands(disk: Disk): CommandEntry[] {
  const fields = ['dbd', 'pc', 'page', 'subpage', 'allocation_length'];
  return [
    { name: 'MODE SENSE(6)', accepts: fields, run: (call) => sense(disk, call) },
    { name: 'MODE SENSE(10)', accepts: [...fields, 'llbaa'], run: (call) => sense(disk, call) },
    ...['MODE SELECT(6)', 'MODE SELECT(10)'].map((name) => ({
      name,
      accepts: ['pf', 'parameter_list_length'],
      run: (call: CommandCall) => select(disk, call),
    })),
  ];
}
