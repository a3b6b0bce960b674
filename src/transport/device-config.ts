/** Access to the device configuration by the widths that its fields have ("Driver Requirements": access widths). */
import type { Width } from '../port/registers.js';
import { virtioScsiConfig } from '../wire/virtio-scsi.js';
import type { Region } from './transport.js';

const FIELDS = Object.values(virtioScsiConfig.fields);

/** The width of the field that begins at `offset`; elsewhere the widest aligned access that stays within `left` bytes. */
function accessWidth(offset: number, left: number): Width {
  const field = FIELDS.find((each) => each.offset === offset);
  if (field !== undefined && field.size <= left) return field.size as Width;
  if (offset % 4 === 0 && left >= 4) return 4;
  if (offset % 2 === 0 && left >= 2) return 2;
  return 1;
}

/** Reads `length` bytes of the device configuration, which begins where the region does. */
export function readBytes({ window, offset: start }: Region, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const width = accessWidth(offset + done, length - done);
    const value = window.read(start + offset + done, width);
    for (let i = 0; i < width; i++) out[done + i] = (value >>> (8 * i)) & 0xff;
    done += width;
  }
  return out;
}

/** Writes bytes of it likewise. */
export function writeBytes({ window, offset: start }: Region, offset: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    const width = accessWidth(offset + done, data.length - done);
    let value = 0;
    for (let i = 0; i < width; i++) value += (data[done + i] ?? 0) * 2 ** (8 * i);
    window.write(start + offset + done, width, value);
    done += width;
  }
}
