/** Access to the device configuration by the widths that its fields have. */
import type { Width } from '../port/registers.js';
import type { Region } from './transport.js';

/** The widest naturally aligned access at `offset` that stays within `left` bytes. */
function accessWidth(offset: number, left: number): Width {
  if (offset % 4 === 0 && left >= 4) return 4;
  if (offset % 2 === 0 && left >= 2) return 2;
  return 1;
}

/** Reads `length` bytes of a region by naturally aligned accesses of at most 4 bytes. */
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

/** Writes bytes of a region likewise. */
export function writeBytes({ window, offset: start }: Region, offset: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) {
    const width = accessWidth(offset + done, data.length - done);
    let value = 0;
    for (let i = 0; i < width; i++) value += (data[done + i] ?? 0) * 2 ** (8 * i);
    window.write(start + offset + done, width, value);
    done += width;
  }
}
