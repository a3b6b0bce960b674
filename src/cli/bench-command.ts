/** `vscsi bench`: what the harness costs on a device, and how fast the cases of the suite run. */
import type { OpenPort } from '../duts/dut.js';
import { PORTS } from '../duts/registry.js';
import type { TextSink } from '../report/style.js';
import { type BenchRow, bench } from '../run/bench.js';
import { benchSuite, type SuiteRow } from '../run/bench-suite.js';
import { ExitCode } from '../run/exit-code.js';
import { checkCaseFiles } from '../run/load-cases.js';
import { SPEC_CASES, SUITE_VERSION } from '../run/package-info.js';
import { deviceOf } from './devices.js';
import { UsageError } from './errors.js';

export interface BenchOptions {
  readonly dut: string;
  readonly qemu?: string;
  readonly mmap: boolean;
  readonly blocks: number;
  readonly transactions: number;
  readonly json?: boolean;
}

/** Measures on the main thread: nothing else has to be watched meanwhile. Throws DutSetupError and DutGoneError. */
export async function benchCommand(options: BenchOptions, out: TextSink): Promise<number> {
  const { files } = checkCaseFiles([SPEC_CASES]);
  const { adapter, kind } = deviceOf(
    options.dut,
    { mmap: options.mmap, ...(options.qemu !== undefined && { qemu: options.qemu }) },
    1,
  );
  const openPort = PORTS[kind] as OpenPort<unknown> | undefined;
  if (openPort === undefined) throw new UsageError(`no device kind is called ${kind}`);
  const dut = await adapter.start();
  try {
    const port = openPort(dut.attach, { call: () => {} });
    try {
      const { blocks, transactions: transactionsPerBlock } = options;
      const rows = bench(port, { blocks, transactionsPerBlock, seed: 1 });
      const suite = benchSuite(port, dut.profile, files, { rounds: blocks, seed: 1 });
      if (options.json) {
        const document = { schemaVersion: 1, suite: { version: SUITE_VERSION }, dut: dut.identity, rows };
        out.write(`${JSON.stringify({ ...document, cases: suite }, undefined, 2)}\n`);
      } else {
        const { name, version } = dut.identity;
        out.write(`${name} ${version}: medians of ${blocks} blocks of ${transactionsPerBlock}\n`);
        table(rows, suite, out);
      }
    } finally {
      port.close();
    }
  } finally {
    await dut.stop();
  }
  return ExitCode.CONFORMANT;
}

function table(rows: readonly BenchRow[], suite: SuiteRow, out: TextSink): void {
  const line = (name: string, ...cells: readonly string[]) =>
    out.write(`${name.padEnd(22)}${cells.map((cell) => cell.padStart(12)).join('')}\n`);
  line('transaction', 'harness us', 'raw loop us', 'ratio');
  for (const { name, harness, raw, ratio } of rows)
    line(name, harness.toFixed(1), raw.toFixed(1), ratio.toFixed(2));
  const [bare] = rows;
  line('suite', 'us a case', 'raw loop us', 'cases/s');
  line(
    `${suite.cases} cases`,
    (1000 * suite.medianCaseMs).toFixed(0),
    bare === undefined ? '' : bare.raw.toFixed(1),
    suite.casesPerSecond.toFixed(0),
  );
}
