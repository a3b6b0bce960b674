/**
 * What a driver sees of errors of the medium by QEMU's error policy, the properties rerror and werror of a scsi-hd: what
 * is reported byte for byte, what is passed over, and what waits until the machine goes on.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openQemuPort } from '../../../../src/duts/qemu/port.js';
import { QmpClient } from '../../../../src/duts/qemu/qmp.js';
import { startQemu } from '../../../../src/duts/qemu/start.js';
import type { Exchange } from '../../../../src/harness/exchange.js';
import { scsiAnswer } from '../../../../src/harness/request.js';
import { clearUnitAttentions } from '../../../../src/run/probe.js';
import { openSession } from '../../../../src/run/session.js';
import { encodeLun } from '../../../../src/wire/lun.js';
import { encodeCdb } from '../../../../src/wire/scsi/command.js';
import { commandByName } from '../../../../src/wire/scsi/commands.js';
import { held, heldPort, noLink } from './held.js';

const MIB = 2 ** 20;
const BLOCK = 512;
const LIMIT_MS = 2_000;
/** Long enough for an answer to come, if one did. */
const SILENCE_MS = 100;

/** Where accesses fail, and by which number of Linux. */
const PLACES = {
  read: { EIO: [100, 5], ENODATA: [110, 61], ENOSPC: [120, 28] },
  write: { EIO: [200, 5], ENODATA: [210, 61], ENOSPC: [220, 28] },
} as const;
type Access = keyof typeof PLACES;
type ErrorName = 'EIO' | 'ENODATA' | 'ENOSPC';
const COMMANDS = { read: 'READ(10)', write: 'WRITE(10)' } as const;

let folder: string | undefined;
let monitor: QmpClient | undefined;
afterEach(() => {
  monitor?.close();
  if (folder) rmSync(folder, { recursive: true });
  monitor = folder = undefined;
});

/** A disk that fails in these places, with a policy of its own for reads and writes. */
async function bench(rerror: string, werror: string, { once = false } = {}) {
  folder = mkdtempSync(join(tmpdir(), 'vscsi-policy-'));
  const socket = join(folder, 'monitor');
  const faults = (['read', 'write'] as const).flatMap((access) =>
    Object.values(PLACES[access]).map(([sector, errno]) => ({
      event: 'none',
      iotype: access,
      sector,
      errno,
      once,
    })),
  );
  const medium = {
    driver: 'blkdebug',
    'node-name': 'faulty',
    image: { driver: 'null-co', size: 16 * MIB, 'read-zeroes': true },
    'inject-error': faults,
  };
  const device = { driver: 'scsi-hd', bus: 's0.0', 'scsi-id': 3, lun: 0, drive: 'faulty', rerror, werror };
  const unit = { target: 3, unit: 0, kind: 'disk' } as const;
  const args = [
    ...['-blockdev', JSON.stringify(medium), '-device', JSON.stringify(device)],
    ...[
      '-chardev',
      `socket,id=second,path=${socket},server=on,wait=off`,
      '-mon',
      'chardev=second,mode=control',
    ],
  ];
  const dut = held(await startQemu({ args, units: [unit] }));
  const port = heldPort(openQemuPort(dut.attach, noLink));
  const { driver } = openSession(port, dut.profile, 1, () => {});
  clearUnitAttentions(driver, unit);
  monitor = new QmpClient(connect(socket));
  await monitor.connect(LIMIT_MS);
  const qmp = monitor;

  const send = (access: Access, sector: number): Exchange => {
    const command = commandByName(COMMANDS[access]);
    if (command === undefined) throw new Error('no such command');
    const exchange = driver.stage({
      lun: encodeLun(3, 0),
      id: driver.nextId(),
      cdb: encodeCdb(command, { lba: BigInt(sector), blocks: 1n }),
      dataInSize: access === 'read' ? BLOCK : 0,
      ...(access === 'write' && { dataOut: new Uint8Array(BLOCK).fill(0x5a) }),
    });
    driver.publish([exchange]);
    return exchange;
  };
  /** Response, status, residual and sense data, in hex, of an answer; undefined where none has come. */
  const told = (exchange: Exchange): string | undefined => {
    if (exchange.answer === undefined) return undefined;
    const { response, sense } = scsiAnswer(exchange.answer, driver.state.sizes);
    const { response: code, status, residual, sense_len: length } = response;
    const bytes = Buffer.from(sense.subarray(0, length)).toString('hex');
    return `response ${code} status ${status} residual ${residual} sense ${bytes}`;
  };
  return {
    send,
    told,
    driver,
    state: async () =>
      ((await qmp.execute('query-status', undefined, LIMIT_MS)) as { status: string }).status,
    goOn: async () => {
      await qmp.execute('cont', undefined, LIMIT_MS);
    },
    /** What the driver is told of one command that fails in this place. */
    says: (access: Access, sector: number) => {
      const exchange = send(access, sector);
      return driver.wait([exchange], SILENCE_MS) ? told(exchange) : 'nothing';
    },
  };
}

/** Response OK and GOOD, as `told` writes it. */
const GOOD = 'response 0 status 0 residual 0 sense ';
/**
 * The same for a command that was tried again. Residual should be 0: QEMU counts the block as moved each time that it
 * tries, and so arrives at minus one block.
 */
const GOOD_AGAIN = `response 0 status 0 residual ${2 ** 32 - BLOCK} sense `;
/** Sense data by which QEMU reports an error of the host: the same for reads and for writes. */
const REPORTED = {
  /** ABORTED COMMAND, I/O PROCESS TERMINATED. */
  EIO: '70000b000000000a00000000000600000000',
  /** MEDIUM ERROR, UNRECOVERED READ ERROR. */
  ENODATA: '700003000000000a00000000110000000000',
  /** DATA PROTECT, SPACE ALLOCATION FAILED WRITE PROTECT. */
  ENOSPC: '700007000000000a00000000270700000000',
} as const;
const EACH = (['read', 'write'] as const).flatMap((access) =>
  (['EIO', 'ENODATA', 'ENOSPC'] as const).map((name): [Access, ErrorName] => [access, name]),
);

describe('report', () => {
  it('tells what has happened by sense data, and serves the next command', async () => {
    const { says, state } = await bench('report', 'report');
    for (const [access, name] of EACH) {
      const [sector] = PLACES[access][name];
      const told = `response 0 status 2 residual 0 sense ${REPORTED[name]}`;
      expect([access, name, says(access, sector)]).toEqual([access, name, told]);
      expect(says(access, sector + 1)).toBe(GOOD);
    }
    expect(await state()).toBe('running');
  });
});

describe('ignore', () => {
  it('ends with GOOD whatever has happened', async () => {
    const { says, state } = await bench('ignore', 'ignore');
    for (const [access, name] of EACH)
      expect([access, name, says(access, PLACES[access][name][0])]).toEqual([access, name, GOOD]);
    expect(await state()).toBe('running');
  });

  it('is a policy of reads or of writes alone', async () => {
    const { says } = await bench('ignore', 'report');
    expect(says('read', PLACES.read.EIO[0])).toBe(GOOD);
    expect(says('write', PLACES.write.EIO[0])).toContain(REPORTED.EIO);
  });
});

describe('stop', () => {
  it.each(EACH)(
    'a %s that ends in %s waits until the machine goes on, and is tried again then',
    async (access, name) => {
      const { send, told, driver, state, goOn } = await bench('stop', 'stop', { once: true });
      const exchange = send(access, PLACES[access][name][0]);
      expect(driver.wait([exchange], SILENCE_MS)).toBe(false);
      expect(await state()).toBe('io-error');
      await goOn();
      expect(driver.wait([exchange], LIMIT_MS)).toBe(true);
      expect(told(exchange)).toBe(GOOD_AGAIN);
      expect(await state()).toBe('running');
    },
  );

  it('stops again for an error that stays', async () => {
    const { send, driver, state, goOn } = await bench('stop', 'stop');
    const exchange = send('write', PLACES.write.EIO[0]);
    expect(driver.wait([exchange], SILENCE_MS)).toBe(false);
    await goOn();
    expect(driver.wait([exchange], SILENCE_MS)).toBe(false);
    expect(await state()).toBe('io-error');
  });
});

describe('enospc', () => {
  it('stops where the medium is full, and reports everything else', async () => {
    const { says, send, told, driver, state, goOn } = await bench('report', 'enospc', { once: true });
    expect(says('write', PLACES.write.EIO[0])).toContain(REPORTED.EIO);
    expect(says('write', PLACES.write.ENODATA[0])).toContain(REPORTED.ENODATA);
    expect(await state()).toBe('running');
    const exchange = send('write', PLACES.write.ENOSPC[0]);
    expect(driver.wait([exchange], SILENCE_MS)).toBe(false);
    expect(await state()).toBe('io-error');
    await goOn();
    expect(driver.wait([exchange], LIMIT_MS)).toBe(true);
    expect(told(exchange)).toBe(GOOD_AGAIN);
  });
});
