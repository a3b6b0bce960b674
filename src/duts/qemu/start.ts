/** Starting, watching and stopping a QEMU process. */
import { closeSync } from 'node:fs';
import { basename } from 'node:path';
import { Duplex } from 'node:stream';
import type { ControlCapability, UnitAddress } from '../../port/controls.js';
import type { TransportName } from '../../port/transport-name.js';
import { anonymousFile } from '../../sys/anonymous-file.js';
import { findExecutable } from '../../sys/executable.js';
import { hasLibc } from '../../sys/libc.js';
import { makePipes } from '../../sys/pipes.js';
import { shellWords } from '../../sys/shell-words.js';
import { SUPERVISOR_PROGRAM, type SupervisedProcess, spawnSupervised } from '../../sys/supervised.js';
import { backendProfile } from '../backend-profile.js';
import { type DutProfile, DutSetupError, type Obstacle, type RunningDut, type UnitProfile } from '../dut.js';
import type { GuestRegion } from '../guest-memory.js';
import { FILLING_BYTES, fillUp, type Scale } from '../scale.js';
import { detectAccelerator } from './accelerator.js';
import { BackendBehind } from './backend-behind.js';
import { qemuArguments } from './command-line.js';
import { type Behind, controllerFor, RESERVED_PROPERTIES } from './controller.js';
import { OWN_UNIT_CONTROLS, QEMU_CONTROLS, QemuControls } from './controls.js';
import { knownProperties, offerEverything } from './facilities.js';
import { type Machine, machineFor } from './machine.js';
import { BLOCK_SIZES, FREE_TARGET, FREE_UNIT, OWN_UNITS, onFile, profiled } from './own-units.js';
import type { QemuAttach } from './port.js';
import { QmpClient } from './qmp.js';
import type { QemuUnit } from './units.js';

/** How to start QEMU. */
export interface QemuOptions {
  /** Default `qemu-system-x86_64`. */
  readonly binary?: string;
  /** Value of -accel; default: what the binary offers. */
  readonly accel?: string;
  /** Map guest memory, instead of copying it through qtest. Default: if koffi is there. */
  readonly mmap?: boolean;
  /** Properties of the virtio-scsi-pci device, besides or instead of the adapter's own. */
  readonly device?: Readonly<Record<string, string>>;
  /** Value of -machine, options included; it must have PCI. Left out: `q35`, or `microvm` for transports over MMIO. */
  readonly machine?: string;
  /** Command and arguments to run QEMU under. */
  readonly wrap?: readonly string[];
  /** Guest memory, half of it above 4 GiB; default 64. */
  readonly memoryMiB?: number;
  /** Further arguments of QEMU. */
  readonly args?: readonly string[];
  /**
   * The units that `args` attach to the controller, whose bus is `s0.0`. Present: the adapter attaches none of its own,
   * which are a scratch disk, a disk that is not lent, and on targets of their own a CD-ROM drive and a read-only disk.
   */
  readonly units?: readonly UnitProfile[];
  /** How many units there are to be. */
  readonly scale?: Scale;
  /**
   * Program and arguments that start a vhost-user back-end at the socket `{socket}`, which takes the place of QEMU's own
   * SCSI emulation. `units` are then its units; left out, they are looked for.
   */
  readonly backend?: readonly string[];
  /** Address on which no target answers; default 255. */
  readonly freeTarget?: number;
  /** A unit number that is missing on an existing target; default: one on target 0, with the adapter's own units. */
  readonly freeUnit?: { readonly target: number; readonly unit: number };
  /** How long QEMU may take to start; default 10 s, and a minute under a wrapper. */
  readonly startLimitMs?: number;
}

/** A running QEMU. */
export interface RunningQemu extends RunningDut {
  readonly attach: QemuAttach;
  readonly pid: number;
  /**
   * Ends QEMU and closes the descriptors in `attach`. The port must be closed by then, or its thread have ended: a
   * thread that still used the descriptors could hit whatever file gets their numbers next.
   */
  stop(): Promise<void>;
}

const DEFAULT_BINARY = 'qemu-system-x86_64';
const MIB = 1024 * 1024;
/** Real-mode vectors, firmware and video memory: not for DMA. */
const LEGACY_AREA = MIB;
const FOUR_GIB = 2 ** 32;
const DEFAULT_MEMORY_MIB = 64;
/** Half of it is low memory, of which the first MiB is not lent out; and low memory ends below the PCI window. */
const LEAST_MEMORY_MIB = 4;
const MOST_MEMORY_MIB = 4096;
/** Room for everything that may be plugged or inserted during a run; only what is written takes memory. */
const SPARE_SIZE = 2 ** 38;
const QMP_FD = 3;
const START_LIMIT_MS = 10_000;
const WRAPPED_START_LIMIT_MS = 60_000;
const QUIT_LIMIT_MS = 2_000;
const SETTLE_MS = 2;

/** The units that the adapter attaches: its own, and those that fill up. */
function attachedUnits({ units, scale, backend }: QemuOptions) {
  if (backend !== undefined) return { own: [], added: [] };
  if (units !== undefined) return { own: [], added: scale ? fillUp(units, scale).added : [] };
  return scale ? fillUp(OWN_UNITS, scale) : { own: OWN_UNITS, added: [] };
}

function profileOf(options: QemuOptions): DutProfile {
  const { units, freeTarget, freeUnit } = options;
  if (options.backend !== undefined) return { ...backendProfile(options), settleMs: SETTLE_MS };
  const { own, added } = attachedUnits(options);
  const all = [
    ...own.map(profiled),
    ...(units ?? []),
    ...added.map((at): UnitProfile => ({ ...at, kind: 'disk' })),
  ];
  const unit = Math.max(FREE_UNIT, ...all.filter(({ target }) => target === 0).map(({ unit }) => unit + 1));
  const missing = freeUnit ?? (units === undefined ? { target: 0, unit } : undefined);
  return {
    units: all,
    freeTarget: freeTarget ?? FREE_TARGET,
    ...(missing && { freeUnit: missing }),
    dmaContained: true,
    settleMs: SETTLE_MS,
  };
}

/** What keeps `startQemu` from working here. */
export function qemuObstacles(options: QemuOptions = {}): Obstacle[] {
  const { binary = DEFAULT_BINARY, mmap, backend } = options;
  const obstacles: Obstacle[] = [];
  if (process.platform !== 'linux') {
    obstacles.push({
      what: `QEMU is supervised by means of Linux; this is ${process.platform}`,
      remedy: 'use Linux',
    });
  }
  if (findExecutable(binary) === undefined) {
    obstacles.push({
      what: `QEMU is missing: there is no program ${binary}`,
      remedy: 'apt-get install qemu-system-x86, or name it with --qemu PATH',
    });
  }
  if (findExecutable(SUPERVISOR_PROGRAM) === undefined) {
    obstacles.push({
      what: `${SUPERVISOR_PROGRAM} is missing: a QEMU could outlive the suite`,
      remedy: 'apt-get install util-linux',
    });
  }
  if (backend !== undefined && !(mmap ?? hasLibc())) {
    obstacles.push({
      what: 'A back-end behind QEMU needs memory that is mapped, and the optional module koffi for that',
      remedy: 'npm install koffi, and leave --no-mmap out',
    });
  }
  if (mmap === true && !hasLibc()) {
    obstacles.push({
      what: 'The optional module koffi is missing: guest memory cannot be mapped',
      remedy: 'npm install koffi, or leave the mapping to the default',
    });
  }
  return obstacles;
}

/** Starts QEMU with a virtio-scsi controller, units and a halted CPU. Throws `DutSetupError`. */
export async function startQemu(
  options: QemuOptions = {},
  transport: TransportName = 'pci',
): Promise<RunningQemu> {
  const [obstacle] = qemuObstacles(options);
  if (obstacle !== undefined) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const reserved = Object.keys(options.device ?? {}).find((name) => RESERVED_PROPERTIES.includes(name));
  if (reserved !== undefined) {
    throw new DutSetupError(`The device property ${reserved} is set by the suite itself`, 'leave it out');
  }
  const { memoryMiB = DEFAULT_MEMORY_MIB } = options;
  if (!Number.isInteger(memoryMiB) || memoryMiB < LEAST_MEMORY_MIB || memoryMiB > MOST_MEMORY_MIB) {
    throw new DutSetupError(
      `Guest memory must be ${LEAST_MEMORY_MIB} to ${MOST_MEMORY_MIB} MiB; got ${memoryMiB}`,
      `the default is ${DEFAULT_MEMORY_MIB}`,
    );
  }
  const resources = new Descriptors();
  let qemu: SupervisedProcess | undefined;
  let behind: BackendBehind | undefined;
  try {
    if (options.backend !== undefined) behind = await BackendBehind.start(options.backend);
    const launched = await launch(options, transport, resources, behind?.socket);
    qemu = launched.process;
    const running = await greet(launched, resources, options);
    return behind?.guard(running) ?? running;
  } catch (error) {
    if (qemu !== undefined) {
      qemu.kill();
      await qemu.exited;
    }
    await behind?.stop();
    resources.closeAll();
    if (error instanceof DutSetupError) throw error;
    throw new DutSetupError(`QEMU could not be started: ${messageOf(error)}`, undefined, { cause: error });
  }
}

/** Descriptors that this process holds for one QEMU. */
class Descriptors {
  readonly #open = new Set<number>();

  add(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }

  closeAll(): void {
    for (const fd of this.#open) this.close(fd);
  }
}

interface Launched {
  readonly process: SupervisedProcess;
  readonly attach: QemuAttach;
  readonly log: number;
  readonly units: readonly QemuUnit[];
  /** Descriptor of the spare file, in the QEMU process. */
  readonly spareFd: number;
  readonly details: Record<string, string>;
}

async function launch(
  options: QemuOptions,
  transport: TransportName,
  resources: Descriptors,
  socket: string | undefined,
): Promise<Launched> {
  const { memoryMiB = DEFAULT_MEMORY_MIB, mmap = hasLibc() } = options;
  const machine = machineFor(transport, options.machine);
  const behind: Behind = socket === undefined ? 'qemu' : { socket };
  const wrap = effectiveWrap(options.wrap ?? []);
  const binary = findExecutable(options.binary ?? DEFAULT_BINARY) ?? DEFAULT_BINARY;
  const accelFound = options.accel === undefined ? detectAccelerator(binary) : Promise.resolve(options.accel);
  const propertiesFound = knownProperties(binary, controllerFor(transport, behind).driver);
  // Their failure is looked at below; until then it must not count as unhandled.
  accelFound.catch(() => {});
  propertiesFound.catch(() => {});
  const [commands, replies] = await makePipes(2);
  if (commands === undefined || replies === undefined) throw new Error('no pipes');
  for (const { readEnd, writeEnd } of [commands, replies]) {
    resources.add(readEnd);
    resources.add(writeEnd);
  }
  const accel = await accelFound;
  const known = await propertiesFound;

  const layout = memoryLayout(memoryMiB, machine);
  const memory = mmap
    ? resources.add(anonymousFile({ name: 'vscsi-memory', size: layout.totalMiB * MIB, place: 'memory' }))
    : undefined;
  // What QEMU inherits beyond the standard streams, in the order of descriptor numbers after QMP's.
  const inherited: number[] = [];
  const inherit = (fd: number) => QMP_FD + inherited.push(resources.add(fd));
  const firmware = haltingFirmware();
  const { own, added } = attachedUnits(options);
  const units = [
    ...own.map((unit) => onFile(unit, (size) => inherit(anonymousFile({ name: 'vscsi-disk', size })))),
    ...added.map(fillingDisk),
  ];
  const spareFd = inherit(anonymousFile({ name: 'vscsi-spare', size: SPARE_SIZE }));
  const args = qemuArguments({
    accel,
    transport,
    machine: machine.name,
    memoryMiB: layout.totalMiB,
    lowMiB: layout.lowMiB,
    qmpFd: QMP_FD,
    firmwareFd: inherit(anonymousFile({ name: 'vscsi-firmware', size: firmware.length, content: firmware })),
    memoryFd: memory === undefined ? undefined : inherit(memory),
    behind,
    units,
    device: { ...offerEverything(known), ...ownProperties(options.device ?? {}, machine, known) },
    args: options.args ?? [],
  });
  const log = resources.add(anonymousFile({ name: 'vscsi-log', size: 0 }));
  const process = await spawnSupervised({
    command: binary,
    args,
    wrap,
    stdin: commands.readEnd,
    stdout: replies.writeEnd,
    stderr: log,
    extra: ['pipe', ...inherited],
  });
  // Only QEMU may hold its ends of the pipes: its death must be seen on the others.
  for (const fd of [commands.readEnd, replies.writeEnd, ...inherited]) {
    if (fd !== memory) resources.close(fd);
  }
  return {
    process,
    log,
    units,
    spareFd,
    attach: {
      transport,
      toQemu: commands.writeEnd,
      fromQemu: replies.readEnd,
      memoryFd: memory,
      regions: layout.regions,
      settleMs: SETTLE_MS,
      mmio: machine.attachment === 'mmio',
      interrupt: machine.interrupt,
    },
    details: {
      binary,
      accelerator: accel,
      machine: machine.name,
      memory: describeMemory(mmap, options.mmap),
      command: shellWords([...wrap, binary, ...args]),
    },
  };
}

/** What supervises QEMU stands between it and its wrapper, and valgrind follows programs only if it is told to. */
function effectiveWrap(wrap: readonly string[]): readonly string[] {
  const [program, ...rest] = wrap;
  if (program === undefined || basename(program) !== 'valgrind') return wrap;
  if (rest.some((word) => word.startsWith('--trace-children='))) return wrap;
  return [program, '--trace-children=yes', ...rest];
}

/** Makes sure that QEMU is up, and asks for its version. */
async function greet(launched: Launched, resources: Descriptors, options: QemuOptions): Promise<RunningQemu> {
  const { process, attach, details, log, units, spareFd } = launched;
  const wrapped = (options.wrap ?? []).length > 0;
  const limitMs = options.startLimitMs ?? (wrapped ? WRAPPED_START_LIMIT_MS : START_LIMIT_MS);
  const stream = process.stdio[QMP_FD];
  if (!(stream instanceof Duplex)) throw new Error('the QMP socket is missing');
  const qmp = new QmpClient(stream);
  let version: string;
  try {
    await qmp.connect(limitMs);
    const answer = await qmp.execute('query-version', undefined, limitMs);
    version = versionOf(answer);
    const vendor = packageOf(answer);
    if (vendor !== '') details.package = vendor;
  } catch (error) {
    qmp.close();
    process.kill();
    const { code, signal, stderr } = await process.exited;
    throw new DutSetupError(
      `QEMU could not be started: ${messageOf(error)}\n${howEnded(code, signal)}${lastLines(stderr)}`,
      `try the command by hand: ${details.command ?? ''}`,
      { cause: error },
    );
  }

  const controls = new QemuControls(qmp, { units, spareFd });
  let stopped: Promise<void> | undefined;
  return {
    identity: { name: 'qemu', version, details },
    profile: profileOf(options),
    attach,
    log,
    pid: process.pid,
    exited: process.exited,
    controls: controlsOf(options),
    control: (control) => controls.invoke(control),
    kill: () => process.kill(),
    stop() {
      stopped ??= stop(process, qmp).finally(() => resources.closeAll());
      return stopped;
    },
  };
}

/** Units that a profile brings have back-ends of any kind. */
function controlsOf({ units, backend }: QemuOptions): readonly ControlCapability[] {
  if (backend !== undefined) return [];
  return units === undefined ? [...QEMU_CONTROLS, ...OWN_UNIT_CONTROLS] : QEMU_CONTROLS;
}

async function stop(process: SupervisedProcess, qmp: QmpClient): Promise<void> {
  try {
    await qmp.execute('quit', undefined, QUIT_LIMIT_MS);
    await Promise.race([
      process.exited,
      new Promise((resolve) => setTimeout(resolve, QUIT_LIMIT_MS).unref()),
    ]);
  } catch {
    // Gone already, or deaf: either way the kill below is right.
  }
  process.kill();
  await process.exited;
  qmp.close();
}

/** A disk that is there to be one of many. */
function fillingDisk(at: UnitAddress): QemuUnit {
  return {
    ...at,
    kind: 'disk',
    serial: `VSCSI-DISK-${at.target}-${at.unit}`,
    blockSize: BLOCK_SIZES.disk,
    medium: { node: `disk-${at.target}-${at.unit}`, zeros: FILLING_BYTES },
  };
}

/** 64 KiB below 4 GiB whose reset vector holds: cli; hlt; jmp to the hlt. The CPU does nothing, but it is running. */
function haltingFirmware(): Uint8Array {
  const image = new Uint8Array(64 * 1024).fill(0xff);
  image.set([0xfa, 0xf4, 0xeb, 0xfd], image.length - 16);
  return image;
}

/** How much memory a machine is given, and which of it is lent out. */
interface MemoryLayout {
  readonly totalMiB: number;
  /** What the command line says of it; undefined where the machine decides. */
  readonly lowMiB: number | undefined;
  readonly regions: readonly GuestRegion[];
}

/**
 * Half of the memory is below 4 GiB and half above it. A machine that divides its memory itself gets so much that the
 * half reaches there; what lies between is never touched, and costs nothing.
 */
function memoryLayout(memoryMiB: number, { lowEnd }: Machine): MemoryLayout {
  const lowMiB = Math.floor(memoryMiB / 2);
  const highMiB = memoryMiB - lowMiB;
  const highOffset = lowEnd ?? lowMiB * MIB;
  return {
    totalMiB: highOffset / MIB + highMiB,
    lowMiB: lowEnd === undefined ? lowMiB : undefined,
    // The high memory first, so that addresses of more than 32 bits are what is used unless someone asks otherwise.
    regions: [
      { base: FOUR_GIB, size: highMiB * MIB, fileOffset: highOffset },
      { base: LEGACY_AREA, size: lowMiB * MIB - LEGACY_AREA, fileOffset: LEGACY_AREA },
    ],
  };
}

/** The user's properties; those of a PCI function have no place on a device that is none. */
function ownProperties(
  chosen: Readonly<Record<string, string>>,
  { attachment }: Machine,
  known: ReadonlySet<string>,
): Readonly<Record<string, string>> {
  if (attachment === 'pci') return chosen;
  return Object.fromEntries(Object.entries(chosen).filter(([name]) => known.has(name)));
}

function describeMemory(mapped: boolean, wanted: boolean | undefined): string {
  if (mapped) return 'mapped';
  return wanted === undefined ? 'copied through qtest, because koffi is missing' : 'copied through qtest';
}

function versionOf(answer: unknown): string {
  const { qemu } = (answer ?? {}) as { qemu?: { major?: unknown; minor?: unknown; micro?: unknown } };
  return [qemu?.major, qemu?.minor, qemu?.micro].join('.');
}

function packageOf(answer: unknown): string {
  const { package: name } = (answer ?? {}) as { package?: unknown };
  return typeof name === 'string' ? name : '';
}

function howEnded(code: number | null, signal: string | null): string {
  return signal === null ? `It ended with status ${code}. ` : `It was ended by ${signal}. `;
}

function lastLines(stderr: string): string {
  const lines = stderr.trim().split('\n').slice(-10).join('\n');
  return lines === '' ? 'It wrote nothing to standard error.' : `The end of its standard error:\n${lines}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
