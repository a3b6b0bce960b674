/** What finding the units of a device costs, by how many there are: REPORT LUNS to every target, INQUIRY to every unit. */
import {
  type DutAdapter,
  type DutIdentity,
  type DutProfile,
  NO_CONTROLS,
  type RunningDut,
  type UnitProfile,
} from '../duts/dut.js';
import type { LoadPort } from '../duts/ports.js';
import type { Scale } from '../duts/scale.js';
import { Driver } from '../harness/driver.js';
import type { Port } from '../port/port.js';
import { openTransport } from '../transport/open.js';
import { Response } from '../wire/virtio-scsi.js';
import { median } from './bench.js';
import { ask } from './probe.js';
import { listedUnits } from './scan-units.js';

/** One measured size. */
export interface ScaleRow {
  readonly units: number;
  readonly targets: number;
  /** Median time of a discovery, divided by the units. */
  readonly usPerUnit: number;
  /** From starting the device to an open port, in milliseconds; for the model nearly nothing. */
  readonly startMs: number;
}

export interface ScaleFigures {
  readonly dut: DutIdentity;
  readonly rows: readonly ScaleRow[];
  /** What a unit costs in the largest size, as a multiple of what it costs in the first with full targets. */
  readonly growth: number;
}

export interface BenchScaleOptions {
  /** Makes a device kind with so many units. */
  readonly adapter: (scale: Scale) => DutAdapter;
  readonly openPort: LoadPort<unknown>;
  /** Discoveries of each size. */
  readonly rounds: number;
  readonly seed: number;
}

/** Units on a target: the same in every size but the first, so that the share of REPORT LUNS is the same. */
const PER_TARGET = 8;
const LARGEST = 512;
const SIZES = [1, 16, 128, LARGEST] as const;
/** With one unit a target has one; what a unit costs is compared from here on. */
const FIRST_FULL = 16;

const INQUIRY_BYTES = 36;

/** A device of one size, ready to be measured. */
interface Opened {
  readonly dut: RunningDut;
  readonly port: Port;
  readonly driver: Driver;
  readonly row: Omit<ScaleRow, 'usPerUnit'>;
  /** Milliseconds of each discovery. */
  readonly times: number[];
}

/**
 * Measures every size on a device of its own, the sizes by turns: whatever else the machine does meanwhile slows all
 * of them. Throws DutSetupError and ProbeError.
 */
export async function benchScale(options: BenchScaleOptions): Promise<ScaleFigures> {
  const opened: Opened[] = [];
  try {
    for (const units of SIZES) opened.push(await open(units, options));
    // One round more than is counted: the first compiles the code.
    for (let round = 0; round <= options.rounds; round++)
      for (const each of opened) {
        const time = timed(each);
        if (round > 0) each.times.push(time);
      }
    const [first] = opened;
    if (first === undefined) throw new Error('no size was measured');
    const rows = opened.map(({ row, times }) => ({ ...row, usPerUnit: (1000 * median(times)) / row.units }));
    const cost = (size: number) => rows.find(({ units }) => units === size)?.usPerUnit ?? Number.NaN;
    return { dut: first.dut.identity, rows, growth: cost(LARGEST) / cost(FIRST_FULL) };
  } finally {
    for (const { dut, port } of opened) {
      port.close();
      await dut.stop();
    }
  }
}

async function open(units: number, { adapter, openPort, seed }: BenchScaleOptions): Promise<Opened> {
  const targets = Math.ceil(units / PER_TARGET);
  const start = performance.now();
  const dut = await adapter({ targets, units }).start();
  try {
    const port = await openPort(dut.attach, NO_CONTROLS);
    const startMs = performance.now() - start;
    const driver = new Driver(port, openTransport(port), seed, () => {});
    driver.initialise();
    return { dut, port, driver, row: { units, targets, startMs }, times: [] };
  } catch (error) {
    await dut.stop();
    throw error;
  }
}

/** Milliseconds of one discovery, as the mean of as many as make up the same number of commands in every size. */
function timed({ dut, driver, row }: Opened): number {
  const again = Math.ceil(LARGEST / row.units);
  const began = performance.now();
  for (let i = 0; i < again; i++) discover(driver, dut.profile);
  return (performance.now() - began) / again;
}

/** Finds every unit of the profile, as a driver does that knows only the targets. Throws Error if one is missing. */
function discover(driver: Driver, { units }: DutProfile): void {
  const targets = new Map<number, UnitProfile[]>();
  for (const unit of units) targets.set(unit.target, [...(targets.get(unit.target) ?? []), unit]);
  for (const [target, expected] of targets) {
    const found = listedUnits(driver, target, PER_TARGET * 2) ?? [];
    if (found.length < expected.length)
      throw new Error(`target ${target} lists ${found.length} units, and has ${expected.length}`);
    for (const unit of found) {
      const fields = { allocation_length: BigInt(INQUIRY_BYTES) };
      const { response } = ask(driver, { target, unit, kind: 'disk' }, 'INQUIRY', fields, INQUIRY_BYTES);
      if (response.response !== Response.OK) throw new Error(`target ${target} unit ${unit} does not answer`);
      driver.recycle();
    }
  }
}
