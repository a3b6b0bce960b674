/** READ DEFECT DATA(10) and (12) (SBC-4): a medium without defects. */
import { be16, be32, struct, u8 } from '../../../wire/layout.js';
import { goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';

const shortHeader = struct('READ DEFECT DATA(10) parameter data header', {
  reserved: u8,
  /** PLISTV bit 4, GLISTV bit 3, DEFECT LIST FORMAT bits 2-0. */
  format: u8,
  defect_list_length: be16,
});
const longHeader = struct('READ DEFECT DATA(12) parameter data header', {
  reserved: u8,
  format: u8,
  generation_code: be16,
  defect_list_length: be32,
});

const PLISTV = 0x10;
const GLISTV = 0x08;
/** The greatest of the formats that are defined and are no vendor's. */
const PHYSICAL_SECTOR = 5n;

/** The lists that were asked for are there, and empty. */
function defectData(call: CommandCall): Uint8Array {
  const { req_plist: primary, req_glist: grown, defect_list_format: format = 0n } = call.fields;
  if (format > PHYSICAL_SECTOR) throw invalidNamed(call.command, 'defect_list_format');
  const layout = call.command.length === 10 ? shortHeader : longHeader;
  return layout.encode({
    format: (primary === 1n ? PLISTV : 0) | (grown === 1n ? GLISTV : 0) | Number(format),
  });
}

export function defectCommands(): CommandEntry[] {
  const fields = ['req_plist', 'req_glist', 'defect_list_format', 'allocation_length'];
  const entry = (name: string, accepts: readonly string[]): CommandEntry => ({
    name,
    accepts,
    needsMedium: true,
    run: (call) => goodWith(allocated(call, defectData(call))),
  });
  return [
    entry('READ DEFECT DATA(10)', fields),
    entry('READ DEFECT DATA(12)', [...fields, 'address_descriptor_index']),
  ];
}
