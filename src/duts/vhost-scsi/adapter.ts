/** The kernel's own virtio-scsi device: /dev/vhost-scsi in front of targets that are made for the purpose. */
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasLibc } from '../../sys/libc.js';
import { type DutAdapter, type DutIdentity, DutSetupError, type Obstacle, type RunningDut } from '../dut.js';
import { LioControls } from './controls.js';
import { LIO, type LioUnit, removeLeftovers } from './lio.js';
import type { VhostScsiAttach } from './port.js';
import { type StoreKind, Units } from './units.js';

/** The device through which the kernel is asked to serve rings. */
export const VHOST_SCSI_DEVICE = '/dev/vhost-scsi';

const MIB = 2 ** 20;
/** Milliseconds: the kernel's threads may have to wait for a processor. */
const SETTLE_MS = 20;
const LAST_TARGET = 255;
/** A unit number that the units leave free. */
const FREE_UNIT = 5;

/** The units of a device, and which of them are lent. */
const UNITS: readonly (Omit<LioUnit, 'backstore'> & {
  readonly lent: boolean;
  readonly kind: StoreKind;
  readonly bytes: number;
})[] = [
  { target: 0, unit: 0, serial: 'VSCSI-SCRATCH-0', lent: true, kind: 'block', bytes: 64 * MIB },
  { target: 0, unit: 1, serial: 'VSCSI-DISK-1', lent: false, kind: 'file', bytes: 16 * MIB },
  {
    target: 1,
    unit: 0,
    serial: 'VSCSI-SCRATCH-4K',
    lent: true,
    kind: 'block',
    bytes: 16 * MIB,
    blockSize: 4096,
  },
  {
    target: 2,
    unit: 0,
    serial: 'VSCSI-SCRATCH-PI',
    lent: true,
    kind: 'memory',
    bytes: 16 * MIB,
    protection: true,
  },
];

/** The device, the backstores of its units, and what block devices are made by. */
const LAB = {
  modules: ['vhost_scsi', 'target_core_file', 'target_core_iblock', 'loop', 'dm_mod', 'dm_delay'],
};

/** What keeps this process from driving the kernel's device itself. */
export function vhostScsiObstacles(): readonly Obstacle[] {
  const obstacles: Obstacle[] = [];
  const missing = (what: string, remedy: string) => obstacles.push({ what, remedy });
  if (!existsSync(VHOST_SCSI_DEVICE))
    missing(`there is no ${VHOST_SCSI_DEVICE}`, 'modprobe vhost_scsi, or use the lab: vscsi lab fetch');
  else if (!allowed(VHOST_SCSI_DEVICE))
    missing(`${VHOST_SCSI_DEVICE} may not be opened`, 'become root, or use the lab: vscsi lab fetch');
  else if (!allowed(join(LIO, 'core')))
    missing(
      `targets cannot be made in ${LIO}`,
      'mount configfs, load target_core_mod, and become root; or use the lab: vscsi lab fetch',
    );
  if (!hasLibc()) missing('The optional module koffi is missing: there are no ioctls', 'npm install koffi');
  return obstacles;
}

function allowed(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The main-thread half; its worker half is `openVhostScsiPort`. */
export function vhostScsiAdapter(): DutAdapter {
  return {
    name: 'vhost-scsi',
    obstacles: () => Promise.resolve(vhostScsiObstacles()),
    transports: ['vhost-kernel'],
    lab: LAB,
    start: async () => start(),
  };
}

function start(): RunningDut {
  const [obstacle] = vhostScsiObstacles();
  if (obstacle !== undefined) throw new DutSetupError(obstacle.what, obstacle.remedy);
  let units: Units | undefined;
  let fd: number | undefined;
  try {
    removeLeftovers();
    units = new Units(tmpdir());
    for (const { lent: _, protection = false, ...unit } of UNITS) {
      if (!units.hasTarget(unit.target)) units.addTarget(unit.target, protection);
      units.plug({ ...unit, protection });
    }
    fd = openSync(VHOST_SCSI_DEVICE, 'r+');
    return running(units, fd);
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    units?.remove();
    const reason = error instanceof Error ? error.message : String(error);
    throw new DutSetupError(`the target for vhost-scsi cannot be made: ${reason}`, undefined, {
      cause: error,
    });
  }
}

function running(lio: Units, fd: number): RunningDut {
  const attach: VhostScsiAttach = { fd, wwpn: lio.wwpn, settleMs: SETTLE_MS };
  const controls = new LioControls(lio);
  let stopped = false;
  return {
    identity: identity(),
    profile: {
      units: UNITS.map(({ target, unit, serial, lent }) => ({
        target,
        unit,
        kind: 'disk',
        ...(lent && { scratchSerial: serial }),
      })),
      freeTarget: LAST_TARGET,
      freeUnit: { target: 0, unit: FREE_UNIT },
      dmaContained: true,
      settleMs: SETTLE_MS,
    },
    attach,
    exited: new Promise(() => {}),
    controls: controls.offered,
    control: async (control) => controls.invoke(control),
    // The kernel goes on; ending the worker is all that can be done.
    kill: () => {},
    stop: async () => {
      if (stopped) return;
      stopped = true;
      // The kernel waits for all that is in flight.
      lio.releaseAll();
      closeSync(fd);
      lio.remove();
    },
  };
}

/** The version is the kernel's: Debian's names say less of it than what it says of itself. */
function identity(): DutIdentity {
  const version = readFileSync('/proc/version', 'utf8').trim();
  const [, debian] = /\bDebian (\d+\.\d+\.\d+)\S* \(\d{4}-/.exec(version) ?? [];
  const [, plain] = /^(\d+(?:\.\d+)*)/.exec(release()) ?? [];
  return {
    name: 'vhost-scsi',
    version: debian ?? plain ?? release(),
    details: { kernel: release(), build: version },
  };
}
