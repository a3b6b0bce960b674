/** What `vscsi bench` measures on one device: the harness beside its raw loop, and the cases. */
import type { CaseFile } from '../cases/types.js';
import { type DutAdapter, type DutIdentity, NO_CONTROLS } from '../duts/dut.js';
import { type LoadPort, PORTS } from '../duts/ports.js';
import { type BenchRow, bench } from './bench.js';
import { benchSuite, type SuiteRow } from './bench-suite.js';
import { heldBack, shippedKnownList } from './known.js';

export interface DeviceFigures {
  readonly dut: DutIdentity;
  readonly rows: readonly BenchRow[];
  /** Left out where only transactions were asked for. */
  readonly cases?: SuiteRow;
}

/** How much is measured. */
export interface BenchExtent {
  /** Pairs of blocks of transactions, and rounds of cases. */
  readonly blocks: number;
  readonly transactionsPerBlock: number;
  readonly seed: number;
  /** The cases as well: minutes where instructions are translated. */
  readonly cases: boolean;
}

/**
 * Measures in this thread: nothing else has to be watched meanwhile. `onProgress` is called as it gets on. Throws DutSetupError
 * and DutGoneError.
 */
export async function benchDevice(
  adapter: DutAdapter,
  files: readonly CaseFile[],
  extent: BenchExtent,
  onProgress: () => void = () => {},
): Promise<DeviceFigures> {
  const openPort = PORTS[adapter.name] as LoadPort<unknown> | undefined;
  if (openPort === undefined) throw new Error(`no device kind is called ${adapter.name}`);
  const dut = await adapter.start();
  try {
    const port = await openPort(dut.attach, NO_CONTROLS);
    try {
      const { identity, profile } = dut;
      const rows = bench(port, { ...extent, onProgress });
      if (!extent.cases) return { dut: identity, rows };
      const cases = benchSuite(port, profile, files, {
        rounds: extent.blocks,
        seed: extent.seed,
        heldBack: heldBack(shippedKnownList(identity.name), identity.version),
        onProgress,
      });
      return { dut: identity, rows, cases };
    } finally {
      port.close();
    }
  } finally {
    await dut.stop();
  }
}
