/** The controls of an installed QEMU: what each does shows in what the units answer and in the events. */
import { expect, it } from 'vitest';
import { openQemuPort } from '../../../../src/duts/qemu/port.js';
import { type RunningQemu, startQemu } from '../../../../src/duts/qemu/start.js';
import type { Driver } from '../../../../src/harness/driver.js';
import type { Control } from '../../../../src/port/controls.js';
import { ask, clearUnitAttentions } from '../../../../src/run/probe.js';
import { openSession, type Session } from '../../../../src/run/session.js';
import { encodeLun } from '../../../../src/wire/lun.js';
import { encodeCdb } from '../../../../src/wire/scsi/command.js';
import { commandByName } from '../../../../src/wire/scsi/commands.js';
import { ScsiStatus } from '../../../../src/wire/scsi/status.js';
import { ResetReason, Response, ScsiEvent } from '../../../../src/wire/virtio-scsi.js';
import { held, heldPort, noLink } from './held.js';

const DISK = { target: 0, unit: 0 };
const OTHER_DISK = { target: 0, unit: 1 };
const CDROM = { target: 1, unit: 0 };
const NEW = { target: 3, unit: 300 };

interface Bench extends Session {
  readonly dut: RunningQemu;
  control(control: Control): Promise<void>;
  /** Status or, for CHECK CONDITION, sense key, ASC and ASCQ in hex. */
  says(at: { target: number; unit: number }, command: string, fields?: Record<string, bigint>): string;
  /** Blocks by READ CAPACITY(10). */
  blocks(at: { target: number; unit: number }): number;
}

async function bench(): Promise<Bench> {
  const dut = held(await startQemu());
  const port = heldPort(openQemuPort(dut.attach, noLink));
  const session = openSession(port, dut.profile, 1, () => {});
  const { driver } = session;
  const send = (
    at: { target: number; unit: number },
    name: string,
    fields: Record<string, bigint>,
    size: number,
  ) => ask(driver, { ...at, kind: 'disk' }, name, fields, size);
  return {
    ...session,
    dut,
    control: (control) => dut.control(control),
    says(at, command, fields = {}) {
      const { response, sense } = send(at, command, fields, command.startsWith('READ(') ? 512 : 0);
      if (response.response !== Response.OK) return `response ${response.response}`;
      if (response.status !== ScsiStatus['CHECK CONDITION']) return `status ${response.status}`;
      return [sense[2], sense[12], sense[13]].map((byte) => (byte ?? 0).toString(16)).join('/');
    },
    blocks: (at) => Buffer.from(send(at, 'READ CAPACITY(10)', {}, 8).dataIn).readUInt32BE(0) + 1,
  };
}

/** The events that have come, as event, lun in hex and reason. */
function eventsOf({ driver }: Session): [number, string, number][] {
  const found: [number, string, number][] = [];
  for (let event = driver.waitForEvent(50); event !== undefined; event = driver.waitForEvent(50))
    found.push([event.event, Buffer.from(event.lun).toString('hex'), event.reason]);
  return found;
}

const READ = { lba: 0n, blocks: 1n };

it('plugs units of either kind, and unplugs them', async () => {
  const session = await bench();
  const { control, says, blocks, driver } = session;
  await control({ name: 'plug', at: NEW, fresh: { kind: 'disk', blocks: 5000, blockSize: 512 } });
  expect(eventsOf(session)).toEqual([
    [ScsiEvent.TRANSPORT_RESET, '0103412c00000000', ResetReason.RESET_RESCAN],
  ]);
  clearUnitAttentions(driver, { ...NEW, kind: 'disk' });
  expect(blocks(NEW)).toBe(5000);
  await control({ name: 'unplug', at: NEW });
  expect(eventsOf(session)).toEqual([
    [ScsiEvent.TRANSPORT_RESET, '0103412c00000000', ResetReason.RESET_REMOVED],
  ]);
  expect(says(NEW, 'TEST UNIT READY')).toBe(`response ${Response.BAD_TARGET}`);

  await control({ name: 'plug', at: NEW, fresh: { kind: 'cdrom', blocks: 700, blockSize: 2048 } });
  clearUnitAttentions(driver, { ...NEW, kind: 'cdrom' });
  expect(blocks(NEW)).toBe(700);
});

it('unplugs a unit of its own, which comes back as it was', async () => {
  const { control, says, blocks, driver } = await bench();
  await control({ name: 'unplug', at: OTHER_DISK });
  // The first answer may be a unit attention of the target.
  says(OTHER_DISK, 'TEST UNIT READY');
  expect(says(OTHER_DISK, 'TEST UNIT READY')).toBe('5/25/0');
  await control({ name: 'plug', at: OTHER_DISK });
  clearUnitAttentions(driver, { ...OTHER_DISK, kind: 'disk' });
  expect(blocks(OTHER_DISK)).toBe(131072);
});

it('plugs a hundred units, and again when they have gone', async () => {
  const { control } = await bench();
  const units = Array.from({ length: 100 }, (_, i) => ({ target: 10 + (i % 10), unit: Math.floor(i / 10) }));
  for (let round = 0; round < 2; round++) {
    for (const at of units)
      await control({ name: 'plug', at, fresh: { kind: 'disk', blocks: 2048, blockSize: 512 } });
    for (const at of units) await control({ name: 'unplug', at });
  }
});

it('resizes a disk', async () => {
  const session = await bench();
  const { control, says, blocks } = session;
  await control({ name: 'resize', at: DISK, blocks: 200_000 });
  expect(eventsOf(session)).toEqual([[ScsiEvent.PARAM_CHANGE, '0100000000000000', 0x092a]]);
  expect(says(DISK, 'TEST UNIT READY')).toBe('6/2a/9');
  expect(blocks(DISK)).toBe(200_000);
});

it('changes the medium of a drive', async () => {
  const session = await bench();
  const { control, says, blocks, driver } = session;
  const usual = blocks(CDROM);
  await control({ name: 'eject', at: CDROM });
  expect(says(CDROM, 'TEST UNIT READY')).toContain('/3a/');
  await control({ name: 'insert', at: CDROM, medium: 'other' });
  clearUnitAttentions(driver, { ...CDROM, kind: 'cdrom' });
  expect(blocks(CDROM)).not.toBe(usual);
  await control({ name: 'insert', at: CDROM, medium: 'usual' });
  clearUnitAttentions(driver, { ...CDROM, kind: 'cdrom' });
  expect(blocks(CDROM)).toBe(usual);
  expect(eventsOf(session)).toEqual([]);
});

it('lets accesses fail until they are to succeed again', async () => {
  const { control, says } = await bench();
  await control({ name: 'fault', at: DISK, on: 'read', error: 'medium' });
  expect(says(DISK, 'READ(10)', READ)).toBe('3/11/0');
  expect(says(OTHER_DISK, 'READ(10)', READ)).toBe('status 0');
  await control({ name: 'fault', at: DISK, on: 'read', error: 'busy' });
  expect(says(DISK, 'READ(10)', READ)).toBe(`status ${ScsiStatus['TASK SET FULL']}`);
  await control({ name: 'clear', at: DISK });
  expect(says(DISK, 'READ(10)', READ)).toBe('status 0');
  await expect(control({ name: 'fault', at: DISK, on: 'read', error: 'nexus' })).rejects.toMatchObject({
    code: 'CONTROL_REFUSED',
  });
});

it('holds commands of a unit until it is released or switched off', async () => {
  const { control, says, driver, port, dut } = await bench();
  const send = (device: Driver) => {
    const command = commandByName('READ(10)');
    if (command === undefined) throw new Error('no READ(10)');
    const cdb = encodeCdb(command, READ);
    const exchange = device.stage({
      lun: encodeLun(DISK.target, DISK.unit),
      id: device.nextId(),
      cdb,
      dataInSize: 512,
    });
    device.publish([exchange]);
    return exchange;
  };
  await control({ name: 'hold', units: [DISK] });
  const exchanges = [send(driver), send(driver)];
  expect(driver.wait(exchanges, 50)).toBe(false);
  expect(exchanges.some(({ answer }) => answer !== undefined)).toBe(false);
  expect(says(OTHER_DISK, 'READ(10)', READ)).toBe('status 0');
  await control({ name: 'release', units: [DISK] });
  expect(driver.wait(exchanges, 1000)).toBe(true);

  await control({ name: 'hold', units: [DISK] });
  await dut.control({ name: 'power-cycle' });
  // The worker's half puts the BARs back; its word to the main thread is left out here.
  expect(() => port.controls.invoke({ name: 'power-cycle' })).toThrow(/second thread/);
});

it('refuses what it cannot do', async () => {
  const { control } = await bench();
  const refused = { code: 'CONTROL_REFUSED' };
  await expect(control({ name: 'config-change' })).rejects.toMatchObject(refused);
  await expect(control({ name: 'unplug', at: NEW })).rejects.toMatchObject(refused);
  await expect(control({ name: 'plug', at: NEW })).rejects.toMatchObject(refused);
  const fresh = { kind: 'disk', blocks: 8, blockSize: 512 } as const;
  await expect(control({ name: 'plug', at: DISK, fresh })).rejects.toMatchObject(refused);
});
