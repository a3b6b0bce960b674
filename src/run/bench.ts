/**
 * What the harness costs: its transactions against a raw loop on the same device in the same run. Absolute times
 * depend on the machine; the ratio of interleaved blocks does not, much.
 */

import { Driver } from '../harness/driver.js';
import { judgeExchange } from '../harness/standing-checks.js';
import type { Port } from '../port/port.js';
import { openTransport } from '../transport/open.js';
import type { Transport } from '../transport/transport.js';
import { encodeLun } from '../wire/lun.js';
import { availRing, DescFlag, usedRing, vringDesc } from '../wire/split-ring.js';
import {
  DEFAULT_CDB_SIZE,
  DEFAULT_SENSE_SIZE,
  QueueIndex,
  Response,
  requestHeaderSize,
  responseHeaderSize,
  virtioScsiRespHead,
} from '../wire/virtio-scsi.js';

/** One measured kind of transaction. */
export interface BenchRow {
  readonly name: string;
  readonly unit: 'us';
  /** Median time of one harness transaction. */
  readonly harness: number;
  /** Median time of one transaction of the raw loop. */
  readonly raw: number;
  /** Median over the blocks of harness time divided by raw time. */
  readonly ratio: number;
  readonly blocks: number;
  readonly transactionsPerBlock: number;
}

export interface BenchOptions {
  /** Interleaved pairs of blocks; at least 5. */
  readonly blocks: number;
  readonly transactionsPerBlock: number;
  readonly seed: number;
  /** Called after each pair. */
  readonly onProgress?: () => void;
}

/** What is measured: the bytes of a command, and the size of its data-in buffer. */
const TRANSACTIONS = [
  { name: 'TEST UNIT READY', cdb: [0x00, 0, 0, 0, 0, 0], dataIn: 0 },
  { name: 'INQUIRY, 36 bytes', cdb: [0x12, 0, 0, 0, 36, 0], dataIn: 36 },
  { name: 'READ(10), 8 blocks', cdb: [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0], dataIn: 4096 },
] as const;

const WAIT_LIMIT_MS = 5000;
const WARM_UP_PAIRS = 3;

/** Measures every kind of transaction on an open port. */
export function bench(port: Port, options: BenchOptions): BenchRow[] {
  const transport = openTransport(port);
  const driver = new Driver(port, transport, options.seed, () => {});
  return TRANSACTIONS.map((transaction) => measure(driver, transport, transaction, options));
}

type Transaction = (typeof TRANSACTIONS)[number];

function measure(
  driver: Driver,
  transport: Transport,
  transaction: Transaction,
  options: BenchOptions,
): BenchRow {
  const { blocks, transactionsPerBlock, onProgress } = options;
  const harness: number[] = [];
  const raw: number[] = [];
  // More pairs than are counted: the first ones compile the code, on both sides.
  for (let block = -WARM_UP_PAIRS; block < blocks; block++) {
    const harnessTime = harnessBlock(driver, transport, transaction, transactionsPerBlock);
    const rawTime = rawBlock(driver, transport, transaction, transactionsPerBlock);
    onProgress?.();
    if (block < 0) continue;
    harness.push(harnessTime);
    raw.push(rawTime);
  }
  return {
    name: transaction.name,
    unit: 'us',
    harness: median(harness),
    raw: median(raw),
    ratio: median(harness.map((time, i) => time / (raw[i] ?? Number.NaN))),
    blocks,
    transactionsPerBlock,
  };
}

/*
 * On both sides a transaction begins with a device at rest and ends when the device has also answered the kick.
 * A device goes to sleep when it has nothing to do, and waking it costs several times what a transaction costs. A loop
 * that came back fast enough would find it still awake, or its request taken without a kick: then who wins that race
 * is all that would be measured.
 */
const REST_MS = 0.06;

/** Lets the device fall asleep; not counted. */
function rest(): void {
  const until = performance.now() + REST_MS;
  while (performance.now() < until);
}

/** Microseconds a transaction as cases make it: laid out, sent, awaited, judged by every standing check. */
function harnessBlock(
  driver: Driver,
  transport: Transport,
  { cdb, dataIn }: Transaction,
  count: number,
): number {
  driver.initialise();
  const lun = encodeLun(0, 0);
  const bytes = Uint8Array.from(cdb);
  let elapsed = 0;
  for (let i = 0; i < count; i++) {
    rest();
    const start = performance.now();
    const exchange = driver.stage({ lun, id: driver.nextId(), cdb: bytes, dataInSize: dataIn });
    driver.publish([exchange]);
    transport.fence();
    if (!driver.wait([exchange], WAIT_LIMIT_MS) || exchange.answer === undefined)
      throw new Error('no answer');
    judgeExchange({ exchange, answer: exchange.answer, cdbLength: BigInt(dataIn) }, () => {});
    elapsed += performance.now() - start;
    driver.recycle();
  }
  return (elapsed * 1000) / count;
}

/** Microseconds a transaction of a loop that lays one request out and then only publishes, kicks and spins on used idx. */
function rawBlock(driver: Driver, transport: Transport, { cdb, dataIn }: Transaction, count: number): number {
  driver.initialise();
  const { areas, size } = driver.ring(QueueIndex.REQUEST);
  const { dma, clock, lifecycle } = driver.port;
  const headerSize = requestHeaderSize(DEFAULT_CDB_SIZE);
  const request = dma.alloc(headerSize, { align: 16 });
  request.view.set(encodeLun(0, 0));
  request.view.set(cdb, headerSize - DEFAULT_CDB_SIZE);
  request.publish();
  const response = dma.alloc(responseHeaderSize(DEFAULT_SENSE_SIZE), { align: 16 });
  const data = dma.alloc(dataIn, { align: 16 });
  const chain = [
    { addr: request.iova, len: request.size, flags: DescFlag.NEXT, next: 1 },
    {
      addr: response.iova,
      len: response.size,
      flags: DescFlag.WRITE | (dataIn > 0 ? DescFlag.NEXT : 0),
      next: 2,
    },
    { addr: data.iova, len: data.size, flags: DescFlag.WRITE, next: 0 },
  ];
  for (const [i, descriptor] of chain.entries())
    vringDesc.write(areas.desc.view, descriptor, i * vringDesc.size);
  areas.desc.publishRange(0, chain.length * vringDesc.size);
  const avail = new DataView(areas.driver.view.buffer, areas.driver.view.byteOffset);
  const usedIdx = new Uint16Array(areas.device.view.buffer, areas.device.view.byteOffset + usedRing.idx, 1);
  let elapsed = 0;
  for (let i = 0; i < count; i++) {
    rest();
    const start = performance.now();
    avail.setUint16(availRing.entry(i % size), 0, true);
    avail.setUint16(availRing.idx, (i + 1) & 0xffff, true);
    areas.driver.publishRange(0, areas.driver.size);
    transport.notify(QueueIndex.REQUEST, QueueIndex.REQUEST);
    transport.fence();
    for (let round = 0; ; round++) {
      areas.device.fetchRange(usedRing.idx, 2);
      if (Atomics.load(usedIdx, 0) === ((i + 1) & 0xffff)) break;
      clock.relax(round);
      if (!lifecycle.alive()) throw new Error('the device is gone');
    }
    elapsed += performance.now() - start;
  }
  response.fetch();
  const last = virtioScsiRespHead.read(response.view);
  if (last.response !== Response.OK)
    throw new Error(`the raw loop's requests end with response ${last.response}`);
  return (elapsed * 1000) / count;
}

/** The middle of some numbers; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
