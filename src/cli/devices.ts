/** From `--dut` and its companions to devices that can be started. */
import { existsSync } from 'node:fs';
import { withCommands } from '../duts/command-controls.js';
import type { DutAdapter } from '../duts/dut.js';
import type { QemuOptions } from '../duts/qemu/start.js';
import { ADAPTERS, type DutOptions } from '../duts/registry.js';
import { shellWords } from '../sys/shell-words.js';
import { UsageError } from './errors.js';
import { type DeviceProfile, loadProfile } from './profile-file.js';
import type { RunOptions } from './run-options.js';

/** A device of the run. */
export interface Device {
  /** Tells the report files of several devices apart. */
  readonly label: string;
  readonly kind: string;
  readonly adapter: DutAdapter;
  /** What the adapter was made from. */
  readonly options: DutOptions;
  /** The words of a command line that ask for this device. */
  readonly words: readonly string[];
}

/** The options that say how devices are started. */
export type DeviceOptions = Pick<
  RunOptions,
  'qemu' | 'machine' | 'deviceProp' | 'wrap' | 'mmap' | 'unsafeDma' | 'mutant' | 'backend'
>;

/** A device kind that was left out, though nobody said so, and why. */
export interface LeftOut {
  readonly kind: string;
  readonly what: string;
  readonly remedy: string;
}

/** The devices asked for; without a wish the model, and QEMU where it is installed. Throws UsageError. */
export async function chooseDevices(
  options: DeviceOptions & Pick<RunOptions, 'dut'>,
  seed: number,
): Promise<{ readonly devices: readonly Device[]; readonly leftOut: readonly LeftOut[] }> {
  if (options.dut !== undefined && options.dut.length > 0) {
    const devices = options.dut.map((name) => deviceOf(name, options, seed));
    refuseIdleOptions(devices, options);
    return { devices: distinct(devices), leftOut: [] };
  }
  const model = deviceOf('model', options, seed);
  const qemu = deviceOf('qemu', options, seed);
  const obstacles = await qemu.adapter.obstacles();
  if (obstacles.length === 0) return { devices: [model, qemu], leftOut: [] };
  // Somebody who says which QEMU to use wants it.
  if (qemuOptionsGiven(options).length > 0) return { devices: [qemu], leftOut: [] };
  return { devices: [model], leftOut: obstacles.map((obstacle) => ({ kind: 'qemu', ...obstacle })) };
}

const VHOST_USER = 'vhost-user';
const VFIO_USER = 'vfio-user';
const REMOTE = 'remote';
const VFIO = 'vfio';
const PCI = 'pci';
/** The device kinds whose names may be followed by where the device is. */
const PLACED = [VHOST_USER, VFIO_USER, REMOTE, VFIO, PCI];
/** Those that a command can be. */
const STARTED = [VHOST_USER, VFIO_USER, REMOTE, 'qemu'];

/** A name as `--dut` takes it, without the place that it may name. */
function withoutPlace(name: string): { readonly name: string; readonly place?: string } {
  const kind = PLACED.find((each) => name.startsWith(`${each}:`));
  return kind === undefined ? { name } : { name: kind, place: name.slice(kind.length + 1) };
}

/** One device. Throws UsageError for a name that is neither a kind nor a profile. */
export function deviceOf(asked: string, options: DeviceOptions, seed: number): Device {
  const { name, place } = withoutPlace(asked);
  const isKind = Object.hasOwn(ADAPTERS, name);
  if (!isKind && !/\.ya?ml$/.test(name) && !existsSync(name))
    throw new UsageError(
      `no device kind is called ${name}; there are ${Object.keys(ADAPTERS).join(', ')}, and profile files (*.yaml)`,
    );
  const profile: DeviceProfile = isKind ? { name, kind: name, qemu: {} } : loadProfile(name);
  const { mmap, unsafeDma, mutant, backend } = options;
  const dutOptions: DutOptions = {
    mmap,
    seed,
    ...(mutant !== undefined && { mutant }),
    ...(profile.scale && { scale: profile.scale }),
    qemu: qemuOptions(profile.qemu, options),
    vhostUser: {
      ...profile.vhostUser,
      ...(place !== undefined && { socket: place }),
      ...(backend && { backend }),
    },
    vfioUser: {
      ...profile.vfioUser,
      ...(place !== undefined && { socket: place.replace(/^unix:/, '') }),
      ...(backend && { backend }),
    },
    remote: {
      ...profile.remote,
      ...(place !== undefined && { address: place }),
      ...(backend && { command: backend }),
    },
    vfio: { ...profile.vfio, ...(place !== undefined && { address: place }) },
    pci: {
      ...profile.pci,
      ...(place !== undefined && { address: place }),
      ...(unsafeDma !== undefined && { unsafeDma }),
    },
  };
  const plain = ADAPTERS[profile.kind]?.(dutOptions);
  if (plain === undefined) throw new UsageError(`no device kind is called ${profile.kind}`);
  const adapter = profile.controls ? withCommands(plain, profile.controls) : plain;
  const words = ['--dut', asked, ...(profile.kind === 'qemu' ? qemuOptionsGiven(options) : [])];
  if (profile.kind === 'model' && mutant !== undefined) words.push('--mutant', mutant);
  if (profile.kind !== 'model' && backend !== undefined) words.push('--backend', shellWords(backend));
  if (!mmap) words.push('--no-mmap');
  if (profile.kind === PCI && unsafeDma === true) words.push('--unsafe-dma');
  return { label: profile.name, kind: profile.kind, adapter, options: dutOptions, words };
}

/** What the command line says wins over the profile. */
function qemuOptions(
  profile: Omit<QemuOptions, 'mmap'>,
  { qemu, machine, deviceProp, wrap, backend }: DeviceOptions,
): Omit<QemuOptions, 'mmap'> {
  const properties = Object.fromEntries((deviceProp ?? []).map(({ name, value }) => [name, value]));
  return {
    ...profile,
    ...(qemu !== undefined && { binary: qemu }),
    ...(machine !== undefined && { machine }),
    ...(wrap && { wrap }),
    ...(backend && { backend }),
    device: { ...profile.device, ...properties },
  };
}

/** The options that concern QEMU alone, as words of a command line. */
function qemuOptionsGiven({ qemu, machine, deviceProp, wrap }: DeviceOptions): string[] {
  return [
    ...(qemu === undefined ? [] : ['--qemu', qemu]),
    ...(machine === undefined ? [] : ['--machine', machine]),
    ...(deviceProp ?? []).flatMap(({ name, value }) => ['--device-prop', `${name}=${value}`]),
    ...(wrap === undefined ? [] : ['--wrap', shellWords(wrap)]),
  ];
}

/** An option without effect is a mistake: the run would not be what was asked for. */
function refuseIdleOptions(devices: readonly Device[], options: DeviceOptions): void {
  const kinds = new Set(devices.map(({ kind }) => kind));
  const refuse = (option: string, kind: string) => {
    throw new UsageError(`${option} concerns the device kind ${kind}, and there is none in this run`);
  };
  const [qemuOption] = qemuOptionsGiven(options);
  if (qemuOption !== undefined && !kinds.has('qemu')) refuse(qemuOption, 'qemu');
  if (options.unsafeDma === true && !kinds.has(PCI)) refuse('--unsafe-dma', PCI);
  if (options.mutant !== undefined && !kinds.has('model')) refuse('--mutant', 'model');
  if (options.backend !== undefined && !STARTED.some((kind) => kinds.has(kind)))
    refuse('--backend', `${STARTED.slice(0, -1).join(', ')} or ${STARTED.at(-1)}`);
}

/** Labels that are all different: `qemu`, `qemu-2`. */
function distinct(devices: readonly Device[]): Device[] {
  const seen = new Map<string, number>();
  return devices.map((device) => {
    const count = (seen.get(device.label) ?? 0) + 1;
    seen.set(device.label, count);
    return count === 1 ? device : { ...device, label: `${device.label}-${count}` };
  });
}
