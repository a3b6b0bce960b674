/** Whether an implementation speaks the remote-device protocol: message by message, before any case runs on it. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { DutSetupError } from '../duts/dut.js';
import { helloOf } from '../duts/remote/hello.js';
import { LineError, type RemoteLine } from '../duts/remote/line.js';
import { asideKind, type MessageKind, mistakeIn } from '../duts/remote/messages.js';
import { PCI_CONFIG_SIZE } from '../duts/remote/port.js';
import {
  addressText,
  type Hello,
  MOST_DATA_BYTES,
  REMOTE_VERSION,
  type RemoteSpace,
  type RemoteTransport,
} from '../duts/remote/protocol.js';
import type { RegisterWindow, Width } from '../port/registers.js';
import { TransportError } from '../transport/transport.js';
import { firstOfType, walkCapabilities } from '../transport/virtio-pci/capabilities.js';
import { PCI_EXTENDED_CAPABILITIES, PciBar, PciCommand, pciHeader } from '../wire/pci.js';
import { VIRTIO_ID_SCSI } from '../wire/virtio.js';
import { MMIO_MAGIC, MMIO_WINDOW_SIZE, MmioVersion, mmioRegisters } from '../wire/virtio-mmio.js';
import {
  VIRTIO_PCI_DEVICE_SCSI,
  VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL,
  VIRTIO_PCI_VENDOR,
  virtioPciCommonCfg,
} from '../wire/virtio-pci.js';

/** One thing that was looked at. */
export interface RemoteCheck {
  readonly name: string;
  /** What is wrong; undefined where nothing is. */
  readonly mistake?: string;
  /** Nothing more can be asked: the line is closed, or an answer did not come. */
  readonly last?: boolean;
}

/** How long answers may take, in milliseconds. */
export interface RemoteCheckLimits {
  readonly hello: number;
  readonly answer: number;
}

/** What the checks found wrong. */
class Mistake extends Error {}

const EXCERPT = 160;
const excerpt = (text: string): string => (text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text);
const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** An endless talker is no more patient to listen to than a silent one. */
const MOST_ASIDES = 1000;

type Answer = Readonly<Record<string, unknown>>;

/** Asks, looks at every message, and returns answers. */
class Asker {
  readonly #line: RemoteLine;
  readonly #limitMs: number;
  /** What the device said while nothing was asked of it that makes it say anything. */
  aside: string | undefined;

  constructor(line: RemoteLine, limitMs: number) {
    this.#line = line;
    this.#limitMs = limitMs;
  }

  /** Throws Mistake for an answer of neither kind, LineError for none. */
  async ask(request: object | string, ...kinds: readonly MessageKind[]): Promise<Answer> {
    const question = typeof request === 'string' ? request : JSON.stringify(request);
    let text = await this.#line.ask(question, this.#limitMs);
    for (let asides = 0; ; asides++) {
      const message = parsed(text);
      const aside = asideKind(message);
      if (aside === undefined) return judged(question, text, message, kinds);
      if (asides === MOST_ASIDES) throw new LineError(`it says ${MOST_ASIDES} messages instead of answering`);
      const mistake = mistakeIn(aside, message);
      if (mistake !== undefined) throw new Mistake(`${excerpt(text)}: ${mistake}`);
      this.aside ??= text;
      if (message.dma === 'read') await this.#line.tell('{"error":"no memory there"}', this.#limitMs);
      text = await this.#line.hear(this.#limitMs);
    }
  }

  async read(space: RemoteSpace, offset: number, width: Width): Promise<number> {
    const answer = await this.ask({ op: 'read', space, offset, width }, 'value');
    const value = answer.value as number;
    if (value < 2 ** (8 * width)) return value;
    throw new Mistake(`a read of ${width} bytes of ${space} at ${hex(offset, 2)} gives ${value}`);
  }

  async write(space: RemoteSpace, offset: number, width: Width, value: number): Promise<void> {
    await this.ask({ op: 'write', space, offset, width, value }, 'done');
  }
}

function parsed(text: string): Answer {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new Mistake(`an answer that is no JSON: ${excerpt(text)}`);
  }
  if (typeof message === 'object' && message !== null && !Array.isArray(message)) return message as Answer;
  throw new Mistake(`an answer that is no object: ${excerpt(text)}`);
}

function judged(question: string, text: string, answer: Answer, kinds: readonly MessageKind[]): Answer {
  const kind: MessageKind = 'error' in answer ? 'error' : (kinds.find((each) => each !== 'error') ?? 'error');
  const shown = `the answer to ${excerpt(question)} is ${excerpt(text)}`;
  if (!kinds.includes(kind)) throw new Mistake(shown);
  const mistake = mistakeIn(kind, answer);
  if (mistake !== undefined) throw new Mistake(`${shown}: ${mistake}`);
  return answer;
}

/** What is looked at, by what the device says it is. */
interface Subject {
  readonly asker: Asker;
  readonly hello: Hello;
  readonly transport: RemoteTransport;
  /** A space that there is, and its size in bytes. */
  readonly space: RemoteSpace;
  readonly size: number;
}

interface Look {
  readonly name: string;
  /** Left out: always. */
  readonly applies?: (subject: Subject) => boolean;
  /** Throws Mistake. */
  readonly look: (subject: Subject) => Promise<void> | void;
}

const isPci = ({ transport }: Subject): boolean => transport.startsWith('pci');
const isMmio = (subject: Subject): boolean => !isPci(subject);

function expectEqual(what: string, got: number, expected: number, digits: number): void {
  if (got !== expected)
    throw new Mistake(`${what} is ${hex(got, digits)}, and has to be ${hex(expected, digits)}`);
}

const { vendor_id, device_id, command } = pciHeader.fields;

/** Lets the function answer at its BARs meanwhile, as its driver does. */
async function decoding<T>({ asker, transport }: Subject, deed: () => Promise<T>): Promise<T> {
  const before = await asker.read('config', command.offset, 2);
  const on = transport === 'pci' ? PciCommand.MEMORY : PciCommand.IO;
  await asker.write('config', command.offset, 2, before | on);
  try {
    return await deed();
  } finally {
    await asker.write('config', command.offset, 2, before);
  }
}

/** The first 256 bytes of configuration space, as they are now. */
async function configWindow(asker: Asker): Promise<RegisterWindow> {
  const bytes = Buffer.alloc(PCI_EXTENDED_CAPABILITIES);
  for (let offset = 0; offset < bytes.length; offset += 4)
    bytes.writeUInt32LE(await asker.read('config', offset, 4), offset);
  return {
    size: bytes.length,
    read: (offset, width) => bytes.readUIntLE(offset, width),
    write: () => {},
    flush: () => {},
    fence: () => {},
  };
}

const REGISTERS: readonly Look[] = [
  {
    name: 'hello tells the registers of the transport',
    look: ({ hello: { bars = {} }, transport }) => {
      if (transport.startsWith('pci') && Object.keys(bars).length === 0)
        throw new Mistake('a PCI function without "bars"');
    },
  },
  {
    name: 'vendor and device id are those of virtio-scsi',
    applies: isPci,
    async look({ asker, transport }) {
      expectEqual('the vendor id', await asker.read('config', vendor_id.offset, 2), VIRTIO_PCI_VENDOR, 4);
      const id = await asker.read('config', device_id.offset, 2);
      const modern = transport === 'pci' && id !== VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL;
      const expected = modern ? VIRTIO_PCI_DEVICE_SCSI : VIRTIO_PCI_DEVICE_SCSI_TRANSITIONAL;
      expectEqual('the device id', id, expected, 4);
    },
  },
  {
    name: 'bytes, words and double words of configuration space agree',
    applies: isPci,
    async look({ asker }) {
      const whole = await asker.read('config', vendor_id.offset, 4);
      for (let offset = 0; offset < 4; offset++) {
        const byte = await asker.read('config', offset, 1);
        expectEqual(`byte ${offset}`, byte, (whole >>> (8 * offset)) & 0xff, 2);
      }
      for (const offset of [0, 2]) {
        const word = await asker.read('config', offset, 2);
        expectEqual(`the word at ${offset}`, word, (whole >>> (8 * offset)) & 0xffff, 4);
      }
    },
  },
  {
    name: 'configuration space answers up to 4096 bytes',
    applies: isPci,
    async look({ asker }) {
      await asker.read('config', PCI_EXTENDED_CAPABILITIES, 4);
      await asker.read('config', 4092, 4);
    },
  },
  {
    name: 'what is written to the command register is read back',
    applies: isPci,
    look: (subject) =>
      decoding(subject, async () => {
        const on = subject.transport === 'pci' ? PciCommand.MEMORY : PciCommand.IO;
        const value = await subject.asker.read('config', command.offset, 2);
        expectEqual('the decoding bit', value & on, on, 4);
      }),
  },
  {
    name: 'the capabilities of virtio are there, and within the BARs',
    applies: ({ transport }) => transport === 'pci',
    async look({ asker, hello: { bars = {} } }) {
      const list = walkCapabilities(await configWindow(asker));
      if (list.fault !== undefined) throw new Mistake(`the capability list ends in a ${list.fault}`);
      for (const type of ['COMMON_CFG', 'NOTIFY_CFG', 'ISR_CFG', 'DEVICE_CFG', 'PCI_CFG'] as const) {
        const { bar, offset, length } = firstOfType(list, type);
        // The access capability leads nowhere until the driver says where.
        if (type === 'PCI_CFG') continue;
        const size = bars[String(bar)];
        if (size === undefined) throw new Mistake(`${type} is in BAR ${bar}, of which hello does not tell`);
        if (offset + length > size)
          throw new Mistake(`${type} is at ${offset}+${length} of BAR ${bar}, which has ${size} bytes`);
      }
    },
  },
  {
    name: 'the common configuration has queues, and a reset is over when the status is 0',
    applies: ({ transport }) => transport === 'pci',
    async look(subject) {
      const { asker } = subject;
      const { bar, offset } = firstOfType(walkCapabilities(await configWindow(asker)), 'COMMON_CFG');
      const space = `bar${bar}` as RemoteSpace;
      const { num_queues, device_status } = virtioPciCommonCfg.fields;
      await decoding(subject, async () => {
        const queues = await asker.read(space, offset + num_queues.offset, 2);
        if (queues < 3 || queues === 0xffff)
          throw new Mistake(`num_queues is ${queues}; control, events and requests are 3 at least`);
        await asker.write(space, offset + device_status.offset, 1, 0);
        expectEqual('the status', await asker.read(space, offset + device_status.offset, 1), 0, 2);
      });
    },
  },
  {
    name: 'BAR 0 is an I/O region',
    applies: ({ transport }) => transport === 'pci-legacy',
    async look({ asker, hello: { bars = {} } }) {
      const bar = await asker.read('config', pciHeader.fields.bar0.offset, 4);
      if ((bar & PciBar.IO) === 0) throw new Mistake(`it reads ${hex(bar, 8)}`);
      if (bars['0'] === undefined) throw new Mistake('hello does not tell of it');
    },
  },
  {
    name: 'the window has the magic value, version and device id of virtio-scsi',
    applies: isMmio,
    async look({ asker, transport }) {
      const version = transport === 'mmio' ? MmioVersion.MODERN : MmioVersion.LEGACY;
      const { MagicValue, Version, DeviceID } = mmioRegisters;
      expectEqual('MagicValue', await asker.read('window', MagicValue.offset, 4), MMIO_MAGIC, 8);
      expectEqual('Version', await asker.read('window', Version.offset, 4), version, 8);
      expectEqual('DeviceID', await asker.read('window', DeviceID.offset, 4), VIRTIO_ID_SCSI, 8);
    },
  },
];

type Region = NonNullable<Hello['memory']>['regions'][number];
const endOf = ({ base, size }: Region): number => Number(base) + size;
const held = ({ hello: { memory } }: Subject): boolean => memory !== undefined && memory.file === undefined;

const MEMORY: readonly Look[] = [
  {
    name: 'the regions of memory lie below 2^53, and apart',
    applies: ({ hello: { memory } }) => memory !== undefined,
    look({ hello: { memory } }) {
      const regions = [...(memory?.regions ?? [])].sort((a, b) => Number(a.base) - Number(b.base));
      for (const [index, region] of regions.entries()) {
        if (endOf(region) > Number.MAX_SAFE_INTEGER)
          throw new Mistake(`the region at ${region.base} does not`);
        const next = regions[index + 1];
        if (next !== undefined && Number(next.base) < endOf(region))
          throw new Mistake(`those at ${region.base} and ${next.base} meet`);
      }
    },
  },
  {
    name: 'the memory file is there, and the regions are in it',
    applies: ({ hello: { memory } }) => memory?.file !== undefined,
    look({ hello: { memory } }) {
      const size = sizeOf(memory?.file ?? '');
      for (const { base, size: wanted, offset = 0 } of memory?.regions ?? [])
        if (offset + wanted > size)
          throw new Mistake(`the region at ${base} ends at ${offset + wanted}, the file at ${size}`);
    },
  },
  {
    name: 'what is written to memory is read back, with the longest messages that there are',
    applies: held,
    async look({ asker, hello: { memory } }) {
      for (const { base, size } of memory?.regions ?? []) {
        const bytes = Buffer.from(
          Uint8Array.from({ length: Math.min(size, MOST_DATA_BYTES) }, (_, i) => i % 251),
        );
        await asker.ask({ op: 'memory-write', address: base, data: bytes.toString('hex') }, 'done');
        const request = { op: 'memory-read', address: base, length: bytes.length };
        const { data } = await asker.ask(request, 'data');
        if ((data as string).toLowerCase() !== bytes.toString('hex'))
          throw new Mistake(`other bytes come back from ${base}`);
      }
    },
  },
  {
    name: 'memory that there is not is refused',
    applies: held,
    async look({ asker, hello: { memory } }) {
      const end = Math.max(...(memory?.regions ?? []).map(endOf));
      const address = addressText(end);
      await asker.ask({ op: 'memory-read', address, length: 4 }, 'error');
      await asker.ask({ op: 'memory-write', address, data: '00000000' }, 'error');
    },
  },
];

function sizeOf(file: string): number {
  let fd: number;
  try {
    fd = openSync(file, 'r+');
  } catch (error) {
    throw new Mistake(error instanceof Error ? error.message : String(error));
  }
  try {
    return fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
}

async function barRegisters(asker: Asker): Promise<number[]> {
  const values: number[] = [];
  for (let index = 0; index < 6; index++)
    values.push(await asker.read('config', pciHeader.fields.bar0.offset + 4 * index, 4));
  return values;
}

const REST: readonly Look[] = [
  {
    name: 'the interrupt line can be asked about',
    applies: ({ hello }) => hello.line === true,
    look: async ({ asker }) => void (await asker.ask({ op: 'line' }, 'asserted')),
  },
  {
    name: 'with interrupts by messages there are vectors',
    applies: ({ hello }) => hello.interrupts === 'event',
    look({ hello: { vectors = 0 } }) {
      if (vectors === 0) throw new Mistake('"vectors" is 0 or left out');
    },
  },
  { name: 'poll is answered', look: async ({ asker }) => void (await asker.ask({ op: 'poll' }, 'done')) },
  {
    name: 'settle is answered',
    look: async ({ asker }) => void (await asker.ask({ op: 'settle' }, 'done')),
  },
  {
    name: 'power-cycle is carried out, and what firmware did is done again',
    applies: ({ hello }) => hello.controls?.includes('power-cycle') === true,
    async look(subject) {
      const { asker } = subject;
      const before = isPci(subject) ? await barRegisters(asker) : [];
      await asker.ask({ op: 'control', control: { name: 'power-cycle' } }, 'done');
      const after = isPci(subject) ? await barRegisters(asker) : [];
      for (const [index, value] of after.entries()) expectEqual(`BAR ${index}`, value, before[index] ?? 0, 8);
    },
  },
];

/** What an access where nothing is may give instead of an error. */
async function refusedOrOnes({ asker }: Subject, request: object, width: number): Promise<void> {
  const { value } = await asker.ask(request, 'value', 'error');
  if (value !== undefined && value !== 2 ** Math.min(32, 8 * width) - 1)
    throw new Mistake(`the answer to ${JSON.stringify(request)} is ${value}`);
}

const REFUSALS: readonly Look[] = [
  ...(
    [
      ['an op that there is not', '{"op":"frobnicate"}'],
      ['an object without op', '{}'],
      ['JSON that is no object', '[1,2]'],
      ['a line that is no JSON', '}{ this is "no JSON'],
      ['an empty line', ''],
      ['an op that is no string', '{"op":{"op":["read"]}}'],
      ['a control that there is not', '{"op":"control","control":{"name":"frobnicate"}}'],
    ] as const
  ).map(([what, line]) => ({
    name: `${what} is refused`,
    look: async ({ asker }: Subject) => void (await asker.ask(line, 'error')),
  })),
  {
    name: 'a space that there is not is refused, or reads as all ones',
    look: (subject) => refusedOrOnes(subject, { op: 'read', space: 'frobnicate', offset: 0, width: 4 }, 4),
  },
  {
    name: 'an access of 8 bytes is refused, or reads as all ones',
    look: (subject) => refusedOrOnes(subject, { op: 'read', space: subject.space, offset: 0, width: 8 }, 8),
  },
  {
    name: 'a read beyond the end is refused, or gives all ones',
    look: (subject) =>
      refusedOrOnes(subject, { op: 'read', space: subject.space, offset: subject.size, width: 4 }, 4),
  },
  {
    name: 'a write beyond the end is refused, or without effect',
    look: async ({ asker, space, size }) =>
      void (await asker.ask(
        { op: 'write', space, offset: size, width: 4, value: 0xffff_ffff },
        'done',
        'error',
      )),
  },
  {
    name: 'after all that the line is in step',
    look: async ({ asker, space }) => void (await asker.read(space, 0, 4)),
  },
  {
    name: 'nothing was said of its own accord',
    look: ({ asker }) => {
      if (asker.aside !== undefined)
        throw new Mistake(
          `nobody has lent it memory or allowed interrupts, and it says ${excerpt(asker.aside)}`,
        );
    },
  },
];

/** Looks at the device at the other end of a line, which nobody has spoken to. */
export async function* checkRemote(
  line: RemoteLine,
  transport: RemoteTransport,
  limits: RemoteCheckLimits,
): AsyncGenerator<RemoteCheck, Hello | undefined> {
  const patient = new Asker(line, limits.hello);
  const another = { op: 'hello', version: REMOTE_VERSION + 1, transport };
  const refusal = await made('a version that there is not yet is refused', async () => {
    await patient.ask(another, 'error');
  });
  yield refusal;
  if (refusal.last) return undefined;
  let hello: Hello | undefined;
  const greeting = await made('hello is answered as the schema has it', async () => {
    const text = await line.ask(
      JSON.stringify({ op: 'hello', version: REMOTE_VERSION, transport }),
      limits.hello,
    );
    hello = helloOf(text);
  });
  if (hello === undefined) {
    yield { ...greeting, last: true };
    return undefined;
  }
  yield greeting;
  const [space, size]: [RemoteSpace, number] = transport.startsWith('pci')
    ? ['config', PCI_CONFIG_SIZE]
    : ['window', hello.window ?? MMIO_WINDOW_SIZE];
  const subject: Subject = { asker: new Asker(line, limits.answer), hello, transport, space, size };
  for (const { name, applies, look } of [...REGISTERS, ...MEMORY, ...REST, ...REFUSALS]) {
    if (applies !== undefined && !applies(subject)) continue;
    const check = await made(name, () => look(subject));
    yield check;
    if (check.last) break;
  }
  return hello;
}

async function made(name: string, look: () => Promise<void> | void): Promise<RemoteCheck> {
  try {
    await look();
    return { name };
  } catch (error) {
    if (error instanceof LineError) return { name, mistake: error.message, last: true };
    if (error instanceof Mistake || error instanceof TransportError || error instanceof DutSetupError)
      return { name, mistake: error.message };
    throw error;
  }
}
