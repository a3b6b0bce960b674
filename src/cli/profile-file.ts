/** Device profiles: YAML files that describe a device under test. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { ErrorObject } from 'ajv';
import type { Path } from '../cases/compiler.js';
import { formatProblem } from '../cases/problem.js';
import { didYouMean } from '../cases/suggest.js';
import { readYaml } from '../cases/yaml-source.js';
import { type ControlCommands, missingCommand } from '../duts/command-controls.js';
import type { PciOptions } from '../duts/pci/adapter.js';
import type { FunctionOptions } from '../duts/pci-function/named-function.js';
import type { QemuOptions } from '../duts/qemu/start.js';
import type { RemoteOptions } from '../duts/remote/adapter.js';
import type { Scale } from '../duts/scale.js';
import type { VfioOptions } from '../duts/vfio/adapter.js';
import type { VfioUserOptions } from '../duts/vfio-user/adapter.js';
import type { VhostUserOptions } from '../duts/vhost-user/adapter.js';
import type { TransportName } from '../port/transport-name.js';
import { PCI_TRANSPORTS, type PciTransportName } from '../port/transport-name.js';
import { FIXTURES } from '../run/package-info.js';
import { ajv } from '../sys/lazy-packages.js';
import { UsageError } from './errors.js';

/** A device as a profile describes it. */
export interface DeviceProfile {
  /** For names of report files. */
  readonly name: string;
  readonly kind: string;
  readonly qemu: Omit<QemuOptions, 'mmap' | 'scale'>;
  /** Of the kind vhost-user. */
  readonly vhostUser?: VhostUserOptions;
  /** Of the kind vfio-user. */
  readonly vfioUser?: VfioUserOptions;
  /** Of the kind remote. */
  readonly remote?: RemoteOptions;
  /** Of the kind vfio. */
  readonly vfio?: VfioOptions;
  /** Of the kind pci. */
  readonly pci?: PciOptions;
  readonly scale?: Scale;
  /** Controls by commands of the profile. */
  readonly controls?: ControlCommands;
}

/** The checked form of the file. */
interface ProfileFile {
  readonly dut: 'model' | 'qemu' | 'vhost-user' | 'vhost-scsi' | 'remote' | 'vfio-user' | 'vfio' | 'pci';
  readonly name?: string;
  readonly binary?: string;
  readonly accel?: string;
  readonly machine?: string;
  readonly memory?: number;
  readonly device?: Readonly<Record<string, string | number | boolean>>;
  readonly wrap?: readonly string[];
  readonly args?: readonly string[];
  readonly socket?: string;
  readonly control_socket?: string;
  readonly backend?: readonly string[];
  readonly request_queues?: number;
  readonly msix_masks?: boolean;
  readonly intx_status?: boolean;
  readonly huge_pages?: boolean;
  readonly address?: string;
  readonly command?: readonly string[];
  readonly transports?: RemoteOptions['transports'];
  readonly function?: string;
  readonly identity?: FunctionOptions['identity'];
  readonly settle_ms?: number;
  readonly messages?: 'memory' | 'none';
  readonly units?: readonly {
    readonly target: number;
    readonly unit: number;
    readonly kind?: 'disk' | 'cdrom' | 'tape';
    readonly scratch_serial?: string;
  }[];
  readonly free_target?: number;
  readonly free_unit?: { readonly target: number; readonly unit: number };
  readonly controls?: ControlCommands['commands'];
  readonly scale?: Scale;
}

/** Keys of which a kind of device takes no notice but by mistake: all that are here and not of its own. */
const UNIT_KEYS = ['units', 'free_target', 'free_unit', 'controls'] as const;
const FUNCTION_KEYS = ['transports', 'identity', 'settle_ms', ...UNIT_KEYS] as const;
const KEYS_OF_KIND: Readonly<Record<ProfileFile['dut'], readonly string[]>> = {
  model: ['scale'],
  qemu: ['binary', 'accel', 'machine', 'memory', 'device', 'wrap', 'args', 'backend', 'scale', ...UNIT_KEYS],
  'vhost-user': ['socket', 'control_socket', 'backend', 'request_queues', ...UNIT_KEYS],
  'vfio-user': [
    ...['socket', 'control_socket', 'backend', 'msix_masks', 'intx_status', 'huge_pages'],
    ...FUNCTION_KEYS,
  ],
  'vhost-scsi': [],
  remote: ['address', 'command', 'transports'],
  vfio: ['function', ...FUNCTION_KEYS],
  pci: ['function', 'messages', ...FUNCTION_KEYS],
};

/** Reads a profile. Throws UsageError, with every mistake and its place. */
export function loadProfile(file: string): DeviceProfile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(
      `the device profile ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const source = readYaml(file, text);
  if (source.problems.length > 0) throw new UsageError(source.problems.map(formatProblem).join('\n'));
  const root = numbers(source.root);
  const mistakes = check(root);
  if (mistakes.length > 0)
    throw new UsageError(
      mistakes
        .map(({ path, key, message }) =>
          formatProblem(source.problem(source.locate(path, { key }), key ? 'key' : 'value', message)),
        )
        .join('\n'),
    );
  return profileOf(root as ProfileFile, file);
}

interface Mistake {
  readonly path: Path;
  /** The key is at fault rather than its value. */
  readonly key: boolean;
  readonly message: string;
}

function check(root: unknown): Mistake[] {
  const schema = JSON.parse(
    readFileSync(join(FIXTURES, 'profiles', 'dut-profile.schema.json'), 'utf8'),
  ) as object;
  const { Ajv } = ajv();
  const validate = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true }).compile(schema);
  if (!validate(root)) return (validate.errors ?? []).map(mistake);
  const { dut, ...rest } = root as ProfileFile;
  const known = new Set(['name', ...KEYS_OF_KIND[dut]]);
  const idle = Object.keys(rest)
    .filter((key) => !known.has(key))
    .map((key) => ({ path: [key], key: true, message: `"${key}" means nothing to the device kind ${dut}` }));
  return [...idle, ...notPci(dut, rest.transports ?? []), ...incomplete(rest.controls ?? {})];
}

const PCI_FUNCTIONS: ReadonlySet<ProfileFile['dut']> = new Set(['vfio-user', 'vfio', 'pci']);

/** Transports that a PCI function does not have. */
function notPci(dut: ProfileFile['dut'], transports: readonly TransportName[]): Mistake[] {
  if (!PCI_FUNCTIONS.has(dut)) return [];
  return transports.flatMap((transport, index) =>
    isPciTransport(transport)
      ? []
      : [
          {
            path: ['transports', index],
            key: false,
            message: `a PCI function is driven by ${PCI_TRANSPORTS.join(' or ')}, not by ${transport}`,
          },
        ],
  );
}

function isPciTransport(name: TransportName): name is PciTransportName {
  return PCI_TRANSPORTS.some((each) => each === name);
}

/** Controls of which only one half is there. */
function incomplete(controls: object): Mistake[] {
  const found = missingCommand(Object.keys(controls));
  if (found === undefined) return [];
  const message = `"${found.key}" is of no use without "${found.lacks}": what a case does is undone`;
  return [{ path: ['controls', found.key], key: true, message }];
}

function mistake(error: ErrorObject): Mistake {
  const path = error.instancePath.split('/').slice(1);
  const name = path.at(-1) ?? 'the file';
  const got = JSON.stringify(error.data);
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const names = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      const message = `there is no key "${key}" here${didYouMean(key, names)}; there are ${names.join(', ')}`;
      return { path: [...path, key], key: true, message };
    }
    case 'required':
      return { path, key: false, message: `"${String(error.params.missingProperty)}" is missing here` };
    case 'enum': {
      const names = (error.params.allowedValues as unknown[]).map(String);
      const near = didYouMean(String(error.data), names);
      return { path, key: false, message: `${name} is one of ${names.join(', ')}, not ${got}${near}` };
    }
    default:
      return { path, key: false, message: `${name} ${error.message ?? 'is wrong'}, got ${got}` };
  }
}

/** Integers of YAML are BigInt; those of a profile are small. */
function numbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(numbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, numbers(each)]));
}

function profileOf(root: ProfileFile, file: string): DeviceProfile {
  const {
    dut,
    name,
    binary,
    accel,
    machine,
    memory,
    device,
    wrap,
    args,
    units,
    free_target,
    free_unit,
    controls,
    scale,
    socket,
    control_socket,
    backend,
    request_queues,
    msix_masks,
    intx_status,
    huge_pages,
    address,
    command,
    transports,
    function: functionAddress,
    identity,
    settle_ms,
    messages,
  } = root;
  const place = {
    ...(units && {
      units: units.map(({ target, unit, kind = 'disk', scratch_serial }) => ({
        target,
        unit,
        kind,
        ...(scratch_serial !== undefined && { scratchSerial: scratch_serial }),
      })),
    }),
    ...(free_target !== undefined && { freeTarget: free_target }),
    ...(free_unit && { freeUnit: free_unit }),
  };
  const atSocket = {
    ...(socket !== undefined && { socket }),
    ...(control_socket !== undefined && { controlSocket: control_socket }),
    ...(backend && { backend }),
  };
  const pciFunction = {
    ...(transports && { transports: transports.filter(isPciTransport) }),
    ...(identity && { identity }),
    ...(settle_ms !== undefined && { settleMs: settle_ms }),
    ...place,
  };
  const ofHost: FunctionOptions = {
    ...pciFunction,
    ...(functionAddress !== undefined && { address: functionAddress }),
  };
  const property = (value: string | number | boolean) =>
    typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
  return {
    name: name ?? basename(file).replace(/\.ya?ml$/, ''),
    kind: dut,
    ...(scale && { scale }),
    ...(controls && { controls: { commands: controls, folder: dirname(resolve(file)) } }),
    qemu: {
      ...(binary !== undefined && { binary }),
      ...(accel !== undefined && { accel }),
      ...(machine !== undefined && { machine }),
      ...(memory !== undefined && { memoryMiB: memory }),
      ...(device && {
        device: Object.fromEntries(Object.entries(device).map(([key, value]) => [key, property(value)])),
      }),
      ...(wrap && { wrap }),
      ...(args && { args }),
      ...(backend && { backend }),
      ...place,
    },
    ...(dut === 'remote' && {
      remote: {
        ...(address !== undefined && { address }),
        ...(command && { command }),
        ...(transports && { transports }),
      },
    }),
    ...(dut === 'vfio' && { vfio: ofHost }),
    ...(dut === 'pci' && {
      pci: { ...ofHost, ...(messages !== undefined && { messages: messages === 'memory' }) },
    }),
    ...(dut === 'vhost-user' && {
      vhostUser: {
        ...atSocket,
        ...(request_queues !== undefined && { requestQueues: request_queues }),
        ...place,
      },
    }),
    ...(dut === 'vfio-user' && {
      vfioUser: {
        ...atSocket,
        ...pciFunction,
        ...(msix_masks !== undefined && { msixMasks: msix_masks }),
        ...(intx_status !== undefined && { intxStatus: intx_status }),
        ...(huge_pages !== undefined && { hugePages: huge_pages }),
      },
    }),
  };
}
