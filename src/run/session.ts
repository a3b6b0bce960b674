/** A device under test as the worker holds it: open port, transport, driver, and what probing found. */
import type { DutProfile } from '../duts/dut.js';
import { type DeviceState, Driver, DriverError, type StandingListener } from '../harness/driver.js';
import type { Port } from '../port/port.js';
import { openTransport } from '../transport/open.js';
import type { Transport } from '../transport/transport.js';
import { QueueIndex, virtioScsiConfig } from '../wire/virtio-scsi.js';
import { type ProbedUnit, probeUnits } from './probe.js';
import { bindRoles } from './roles.js';
import { scanned } from './scan-units.js';

export interface Session {
  readonly port: Port;
  readonly profile: DutProfile;
  readonly transport: Transport;
  readonly driver: Driver;
  readonly units: readonly ProbedUnit[];
  /** Feature bits that the device offers. */
  readonly offered: bigint;
  readonly seed: number;
  /** Largest size of the first request queue. */
  readonly maxQueueSize: number;
  /** Limits from the device configuration. */
  readonly config: Readonly<
    Record<'seg_max' | 'max_sectors' | 'cmd_per_lun' | 'event_info_size' | 'max_target' | 'max_lun', number>
  >;
  /** The unit that plays a role, by its name in case files. */
  unit(role: string): ProbedUnit | undefined;
}

/** A device may have one ring format alone, and refuse by FEATURES_OK a set with the other ("Feature Bits"). */
function bringUp(driver: Driver): DeviceState {
  try {
    return driver.initialise();
  } catch (error) {
    if (!(error instanceof DriverError) || error.requirement !== 'virtio.features.accept-valid-subset')
      throw error;
    driver.mode = { ...driver.mode, ring: 'packed' };
    return driver.initialise();
  }
}

/** Brings the device up and asks what it is, and which units it has where nobody has said so. Throws TransportError, DriverError, ProbeError or DutGoneError. */
export function openSession(
  port: Port,
  declared: DutProfile,
  seed: number,
  onStanding: StandingListener,
): Session {
  const transport = openTransport(port);
  const driver = new Driver(port, transport, seed, onStanding);
  const { offered } = bringUp(driver);
  const maxQueueSize = driver.maxQueueSize(QueueIndex.REQUEST);
  const { seg_max, max_sectors, cmd_per_lun, event_info_size, max_target, max_lun } = virtioScsiConfig.read(
    transport.readConfig(0, virtioScsiConfig.size),
  );
  const config = { seg_max, max_sectors, cmd_per_lun, event_info_size, max_target, max_lun };
  const profile = declared.scan ? scanned(declared, driver, max_target) : declared;
  const units = probeUnits(driver, profile);
  const bindings = bindRoles(units);
  const unit = (role: string) =>
    bindings.find((binding) => binding.role.replaceAll('-', '_') === role.replaceAll('-', '_'))?.unit;
  return { port, profile, transport, driver, units, offered, seed, maxQueueSize, config, unit };
}
