/** The numbers and structures of vhost, compared with the kernel's own headers. */
import { expect, it } from 'vitest';
import * as vhost from '../../../src/duts/vhost-scsi/ioctls.js';
import { valuesFromHeaders } from '../../c-values.js';

const NUMBERS = Object.entries(vhost).filter(([name]) => name.startsWith('VHOST_'));

const fromHeaders = (expressions: readonly string[]) => valuesFromHeaders('linux/vhost.h', expressions);

it('asks by the numbers of the kernel', () => {
  expect(NUMBERS.length).toBeGreaterThan(10);
  const values = fromHeaders(NUMBERS.map(([name]) => `(unsigned)${name}`));
  expect(Object.fromEntries(NUMBERS)).toEqual(
    Object.fromEntries(NUMBERS.map(([name], i) => [name, values[i]])),
  );
});

it('lays structures out as the kernel does', () => {
  const field = (structure: string, name: string) => `offsetof(struct ${structure}, ${name})`;
  const [
    desc,
    used,
    avail,
    log,
    address,
    index,
    number,
    count,
    regions,
    guest,
    size,
    user,
    region,
    name,
    target,
  ] = fromHeaders([
    field('vhost_vring_addr', 'desc_user_addr'),
    field('vhost_vring_addr', 'used_user_addr'),
    field('vhost_vring_addr', 'avail_user_addr'),
    field('vhost_vring_addr', 'log_guest_addr'),
    'sizeof(struct vhost_vring_addr)',
    field('vhost_vring_state', 'index'),
    field('vhost_vring_file', 'fd'),
    field('vhost_memory', 'nregions'),
    field('vhost_memory', 'regions'),
    field('vhost_memory_region', 'guest_phys_addr'),
    field('vhost_memory_region', 'memory_size'),
    field('vhost_memory_region', 'userspace_addr'),
    'sizeof(struct vhost_memory_region)',
    field('vhost_scsi_target', 'vhost_wwpn'),
    'sizeof(struct vhost_scsi_target)',
  ]);
  const at = (offset: number | undefined) => offset ?? -1;

  const ring = vhost.vringAddress(7, { desc: 0x1111n, used: 0x2222n, avail: 0x3333n });
  expect(ring.length).toBe(address);
  expect(ring.readUInt32LE(0)).toBe(7);
  const words = [desc, used, avail, log].map((offset) => ring.readBigUInt64LE(at(offset)));
  expect(words).toEqual([0x1111n, 0x2222n, 0x3333n, 0n]);

  const state = vhost.vringState(3, vhost.NO_FILE);
  expect([state.readUInt32LE(at(index)), state.readInt32LE(at(number))]).toEqual([3, -1]);

  const second = { iova: 0x1000n, size: 0x2000n, userAddress: 0x7f00n, fileOffset: 0n };
  const table = vhost.memoryTable([{ ...second, iova: 0n }, second]);
  expect(table.length).toBe(at(regions) + 2 * at(region));
  expect(table.readUInt32LE(at(count))).toBe(2);
  const row = at(regions) + at(region);
  const cells = [guest, size, user].map((offset) => table.readBigUInt64LE(row + at(offset)));
  expect(cells).toEqual([0x1000n, 0x2000n, 0x7f00n]);

  const endpoint = vhost.scsiTarget('naa.6001405000000001');
  expect(endpoint.length).toBe(target);
  expect(endpoint.toString('latin1', at(name), at(name) + 21)).toBe('naa.6001405000000001\0');
});
