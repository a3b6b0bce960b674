/** What `vscsi bench` measures on one device: the harness beside its raw loop, and the cases. */
import type { CaseFile } from '../cases/types.js';
import { type DutAdapter, type DutIdentity, NO_CONTROLS, type OpenPort } from '../duts/dut.js';
import { PORTS } from '../duts/registry.js';
import { type BenchRow, bench } from './bench.js';
import { benchSuite, type SuiteRow } from './bench-suite.js';
import { heldBack, shippedKnownList } from './known.js';

export interface DeviceFigures {
  readonly dut: DutIdentity;
  readonly rows: readonly BenchRow[];
  readonly cases: SuiteRow;
}

/** How much is measured. */
export interface BenchExtent {
  /** Pairs of blocks of transactions, and rounds of cases. */
  readonly blocks: number;
  readonly transactionsPerBlock: number;
  readonly seed: number;
}

/** Measures in this thread: nothing else has to be watched meanwhile. Throws DutSetupError and DutGoneError. */
export async function benchDevice(
  adapter: DutAdapter,
  files: readonly CaseFile[],
  extent: BenchExtent,
): Promise<DeviceFigures> {
  const openPort = PORTS[adapter.name] as OpenPort<unknown> | undefined;
  if (openPort === undefined) throw new Error(`no device kind is called ${adapter.name}`);
  const dut = await adapter.start();
  try {
    const port = openPort(dut.attach, NO_CONTROLS);
    try {
      const { name, version } = dut.identity;
      const rows = bench(port, extent);
      const cases = benchSuite(port, dut.profile, files, {
        rounds: extent.blocks,
        seed: extent.seed,
        heldBack: heldBack(shippedKnownList(name), version),
      });
      return { dut: dut.identity, rows, cases };
    } finally {
      port.close();
    }
  } finally {
    await dut.stop();
  }
}
