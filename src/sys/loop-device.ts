/** Block devices whose content is a file, made by the kernel's loop driver, told by ioctls of linux/loop.h. */
import { closeSync, openSync } from 'node:fs';
import { libc } from './libc.js';

/** Through which the driver is asked for devices. */
export const LOOP_CONTROL = '/dev/loop-control';

export const LOOP_REQUESTS = { LOOP_CONFIGURE: 0x4c0a, LOOP_CTL_GET_FREE: 0x4c82 } as const;
/** struct loop_config: its size, and where its descriptor, the bytes of a block and the flags in its info are. */
export const LOOP_CONFIG = { size: 304, fd: 0, blockSize: 4, flags: 60 } as const;
/** The device is given up when nobody has it open any more. */
export const LO_FLAGS_AUTOCLEAR = 4;

/**
 * Makes a device with blocks of so many bytes of a file, calls `use` with its path, and gives it up unless that has left it open. Throws
 * `LibcError` and the file system's errors.
 */
export function withLoopDevice<T>(file: string, blockSize: number, use: (path: string) => T): T {
  const control = openSync(LOOP_CONTROL, 'r+');
  let content: number | undefined;
  let device: number | undefined;
  try {
    const path = `/dev/loop${libc().ioctl(control, LOOP_REQUESTS.LOOP_CTL_GET_FREE)}`;
    content = openSync(file, 'r+');
    device = openSync(path, 'r+');
    const config = Buffer.alloc(LOOP_CONFIG.size);
    config.writeInt32LE(content, LOOP_CONFIG.fd);
    config.writeUInt32LE(blockSize, LOOP_CONFIG.blockSize);
    config.writeUInt32LE(LO_FLAGS_AUTOCLEAR, LOOP_CONFIG.flags);
    libc().ioctl(device, LOOP_REQUESTS.LOOP_CONFIGURE, config);
    return use(path);
  } finally {
    for (const fd of [device, content, control]) if (fd !== undefined) closeSync(fd);
  }
}
