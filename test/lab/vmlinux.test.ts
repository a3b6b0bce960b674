import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { vmlinuxOf } from '../../src/lab/vmlinux.js';

const KERNEL = Buffer.from('\x7fELF and the rest of a kernel', 'latin1');

/** A bzImage with this payload: one sector of set-up behind the boot sector. */
function bzImage(payload: Buffer): Buffer {
  const image = Buffer.alloc(2 * 512 + 64);
  image[0x1f1] = 1;
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt32LE(64, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([image, payload, Buffer.from('what comes after')]);
}

const noFilter = () => {
  throw new Error('no program is needed');
};

it('finds the kernel that gzip has compressed', () => {
  expect(vmlinuxOf(bzImage(gzipSync(KERNEL)), noFilter)).toEqual(KERNEL);
});

it('has others decompressed by their programs, without the length behind them', () => {
  const payload = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.from('xz'), Buffer.alloc(4, 9)]);
  const asked: unknown[] = [];
  const kernel = vmlinuxOf(bzImage(payload), (command, input) => {
    asked.push(command, Buffer.from(input).toString('hex'));
    return KERNEL;
  });
  expect(kernel).toEqual(KERNEL);
  expect(asked).toEqual([['xz', '-dc'], `fd377a585a00${Buffer.from('xz').toString('hex')}`]);
});

it('says what is wrong with an image', () => {
  expect(() => vmlinuxOf(Buffer.from('short'), noFilter)).toThrow('this is no bzImage');
  expect(() => vmlinuxOf(bzImage(Buffer.from('????????')), noFilter)).toThrow('compressed in an unknown way');
  expect(() => vmlinuxOf(bzImage(gzipSync(Buffer.from('no kernel'))), noFilter)).toThrow('no ELF file');
});
