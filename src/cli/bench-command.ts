/** `vscsi bench`: what the harness costs on a device. */

import type { OpenPort } from '../duts/dut.js';
import type { DutOptions } from '../duts/registry.js';
import { ADAPTERS, PORTS } from '../duts/registry.js';
import type { TextSink } from '../report/terminal.js';
import { bench } from '../run/bench.js';
import { ExitCode } from '../run/exit-code.js';
import { SUITE_VERSION } from '../run/package-info.js';
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
  const dutOptions: DutOptions = {
    mmap: options.mmap,
    seed: 1,
    ...(options.qemu !== undefined && { qemuBinary: options.qemu }),
  };
  const adapter = ADAPTERS[options.dut]?.(dutOptions);
  const openPort = PORTS[options.dut] as OpenPort<unknown> | undefined;
  if (adapter === undefined || openPort === undefined)
    throw new UsageError(
      `no device kind is called ${options.dut}; there are ${Object.keys(ADAPTERS).join(', ')}`,
    );
  const dut = await adapter.start();
  try {
    const port = openPort(dut.attach, { call: () => {} });
    try {
      const rows = bench(port, {
        blocks: options.blocks,
        transactionsPerBlock: options.transactions,
        seed: 1,
      });
      if (options.json)
        out.write(
          `${JSON.stringify({ schemaVersion: 1, suite: { version: SUITE_VERSION }, dut: dut.identity, rows }, undefined, 2)}\n`,
        );
      else {
        out.write(
          `${dut.identity.name} ${dut.identity.version}: microseconds a transaction, medians of ${options.blocks} blocks of ${options.transactions}\n`,
        );
        out.write(
          `${'transaction'.padEnd(22)}${'harness'.padStart(10)}${'raw loop'.padStart(10)}${'ratio'.padStart(8)}\n`,
        );
        for (const { name, harness, raw, ratio } of rows)
          out.write(
            `${name.padEnd(22)}${harness.toFixed(1).padStart(10)}${raw.toFixed(1).padStart(10)}${ratio.toFixed(2).padStart(8)}\n`,
          );
      }
    } finally {
      port.close();
    }
  } finally {
    await dut.stop();
  }
  return ExitCode.CONFORMANT;
}
