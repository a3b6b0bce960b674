/** Whole blocks of a unit's medium, read and written through the unit itself. */
import { DriverError } from '../harness/driver.js';
import { scsiAnswer } from '../harness/request.js';
import { encodeLun } from '../wire/lun.js';
import { encodeCdb } from '../wire/scsi/command.js';
import { commandByName } from '../wire/scsi/commands.js';
import { ScsiStatus } from '../wire/scsi/status.js';
import { Response } from '../wire/virtio-scsi.js';
import type { ProbedUnit } from './probe.js';
import type { Session } from './session.js';

const LIMIT_MS = 5000;

/** Carries a READ or WRITE out; blocks beyond 2^32 take the 16-byte commands. Throws DriverError unless it is GOOD. */
function transfer(
  session: Session,
  unit: ProbedUnit,
  kind: 'READ' | 'WRITE',
  lba: bigint,
  data: { readonly out: Uint8Array } | { readonly size: number },
): Uint8Array {
  const { driver } = session;
  const length = 'out' in data ? data.out.length : data.size;
  const blocks = BigInt(length / unit.blockSize);
  const wide = lba > 0xffffffffn || blocks > 0xffffn;
  const command = commandByName(`${kind}(${wide ? 16 : 10})`);
  if (command === undefined) throw new Error(`no ${kind} in the command table`);
  const exchange = driver.stage({
    lun: encodeLun(unit.profile.target, unit.profile.unit),
    id: driver.nextId(),
    cdb: encodeCdb(command, { lba, blocks }),
    ...('out' in data ? { dataOut: data.out } : { dataInSize: data.size }),
  });
  driver.publish([exchange]);
  driver.wait([exchange], LIMIT_MS);
  const { answer } = exchange;
  if (answer === undefined)
    throw new DriverError(`${command.name} at block ${lba} was not answered within ${LIMIT_MS} ms`);
  const { response, dataIn } = scsiAnswer(answer, driver.state.sizes);
  if (response.response !== Response.OK || response.status !== ScsiStatus.GOOD)
    throw new DriverError(
      `${command.name} of ${blocks} blocks at ${lba} ended with response ${response.response}, status ${response.status}`,
    );
  return dataIn;
}

/** Reads `size` bytes, whole blocks, from `lba` on. */
export function readMedium(session: Session, unit: ProbedUnit, lba: bigint, size: number): Uint8Array {
  return transfer(session, unit, 'READ', lba, { size });
}

/** Writes whole blocks from `lba` on. */
export function writeMedium(session: Session, unit: ProbedUnit, lba: bigint, bytes: Uint8Array): void {
  transfer(session, unit, 'WRITE', lba, { out: bytes });
}
