/** `vscsi serve`: the model as a device in a process of its own, for virtual machine monitors and for the suite itself. */
import { resolve } from 'node:path';
import { modelProfile, scaledConfig } from '../duts/model/adapter.js';
import { busOf } from '../duts/model/attachment.js';
import { modelControls } from '../duts/model/controls.js';
import { Model } from '../model/model.js';
import { DEFAULT_MODEL_CONFIG, type ModelConfig } from '../model/model-config.js';
import { type Mutant, mutantById } from '../model/mutants/index.js';
import type { Controls } from '../port/controls.js';
import type { PciTransportName } from '../port/transport-name.js';
import type { TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { SUITE_VERSION } from '../run/package-info.js';
import type { Connection } from '../serve/connection.js';
import { ControlSocket } from '../serve/control-socket.js';
import { FrontEnd } from '../serve/front-end.js';
import { GuestMemoryTable } from '../serve/guest-memory.js';
import { serveRemote } from '../serve/remote.js';
import { serve } from '../serve/server.js';
import { type ServedBus, ServedFunction, VfioUserClient } from '../serve/vfio-user.js';
import { hasLibc } from '../sys/libc.js';
import { LibcError } from '../sys/native.js';
import { UsageError } from './errors.js';
import { loadProfile } from './profile-file.js';

export interface ServeCommandOptions {
  readonly socket?: string;
  readonly socketPath?: string;
  /** Socket at which vfio-user clients connect instead. */
  readonly vfioUser?: string;
  /** By which a PCI function behind it can be driven. */
  readonly transport?: PciTransportName;
  /** Socket at which controls are asked for. */
  readonly control?: string;
  readonly printCapabilities?: boolean;
  readonly profile?: string;
  readonly mutant?: string;
  /** Speak the remote-device protocol on standard input and output. */
  readonly remote?: boolean;
  /** For the memory of a remote device. */
  readonly memoryFile?: string;
  /** A remote device reads and writes memory of the suite's. */
  readonly dmaMessages?: boolean;
  /** A remote device tells its interrupts. */
  readonly interruptEvents?: boolean;
  readonly seed?: number;
}

/** Serves until `stop`. Throws UsageError. */
export async function serveCommand(
  options: ServeCommandOptions,
  out: TextSink,
  errors: TextSink,
  stop: AbortSignal,
): Promise<number> {
  const { socket, socketPath, vfioUser, transport, control, printCapabilities, profile, mutant } = options;
  if (printCapabilities) {
    out.write(`${JSON.stringify({ type: 'scsi', features: [] })}\n`);
    return ExitCode.CONFORMANT;
  }
  if (options.remote) {
    serveOnStdio(profile, mutant, options);
    return ExitCode.CONFORMANT;
  }
  const path = vfioUser ?? socket ?? socketPath;
  if (path === undefined)
    throw new UsageError('--socket says where front-ends connect, --vfio-user where clients do');
  if (vfioUser !== undefined && (socket ?? socketPath) !== undefined)
    throw new UsageError('either --socket or --vfio-user');
  if (transport !== undefined && vfioUser === undefined)
    throw new UsageError('--transport is for a PCI function, behind --vfio-user');
  if (!hasLibc())
    throw new UsageError('koffi is missing, and sockets that carry descriptors need it: npm install koffi');
  const served =
    vfioUser === undefined ? vhostUserModel(profile, mutant) : vfioUserModel(transport, profile, mutant);
  const log = (line: string) => errors.write(`vscsi serve: ${line}\n`);
  let controls: ControlSocket | undefined;
  try {
    if (control !== undefined) controls = new ControlSocket(control, controlsOf(served.model));
    await serve({
      socket: path,
      model: served.model,
      ...(controls && { controls }),
      stop,
      connect: (connected) => served.connect(connected, log, controls),
      onListening: () => out.write(`serving at ${path}\n`),
    });
  } catch (error) {
    if (error instanceof LibcError) throw new UsageError(withRemedy(error));
    throw error;
  } finally {
    controls?.close();
  }
  return ExitCode.CONFORMANT;
}

/** A model, and what serves whoever has connected. */
interface Served {
  readonly model: Model;
  connect(socket: number, log: (line: string) => void, controls?: ControlSocket): Connection;
}

function vhostUserModel(profile: string | undefined, mutant: string | undefined): Served {
  const model = modelOf(profile, mutant);
  const memory = new GuestMemoryTable();
  return {
    model,
    connect: (socket, log, controls) =>
      new FrontEnd(socket, model, memory, (line) => log(`a front-end was left: ${line}`), controls),
  };
}

function vfioUserModel(
  transport: PciTransportName = 'pci',
  profile: string | undefined,
  mutant: string | undefined,
): Served {
  const found = mutantOf(mutant);
  const served = new ServedFunction(configOf(profile), busOf(transport) as ServedBus, (behaviours) =>
    found?.apply(behaviours),
  );
  return {
    model: served.model,
    connect: (socket, log, controls) => new VfioUserClient(socket, served, log, controls),
  };
}

/** What to do about the usual reasons why nobody can listen at a name. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'make the folder first',
  ENOTDIR: 'what comes before the last / has to be a folder',
  EACCES: 'choose a folder that you may write to',
  EROFS: 'choose a folder that can be written to',
  EADDRINUSE: 'if no other server listens there, remove the file; otherwise choose another name',
  ENAMETOOLONG: 'choose a shorter one, in /tmp, say',
};

function withRemedy({ code, message }: LibcError): string {
  const remedy = REMEDIES[code];
  return remedy === undefined ? message : `${message}: ${remedy}`;
}

/** Power is a process's own: whoever wants a new device starts a new one. */
function controlsOf(model: Model): Controls {
  const { offered, invoke } = modelControls(model, () => {});
  return { offered: new Set([...offered].filter((each) => each !== 'power-cycle')), invoke };
}

/** Serves whoever is at standard input and output, until that ends. Throws UsageError. */
function serveOnStdio(
  profile: string | undefined,
  mutant: string | undefined,
  options: Pick<ServeCommandOptions, 'memoryFile' | 'dmaMessages' | 'interruptEvents' | 'seed'>,
): void {
  const { memoryFile, dmaMessages = false, interruptEvents = false, seed = 1 } = options;
  if (dmaMessages && memoryFile !== undefined) throw new UsageError('either --memory-file or --dma-messages');
  const config = configOf(profile);
  const found = mutantOf(mutant);
  serveRemote({
    config,
    profile: modelProfile(config),
    version: SUITE_VERSION,
    seed,
    change: (behaviours) => found?.apply(behaviours),
    ...(memoryFile !== undefined && { memoryFile: resolve(memoryFile) }),
    dmaMessages,
    interruptEvents,
    input: 0,
    output: 1,
  });
}

function configOf(profile: string | undefined): ModelConfig {
  const described = profile === undefined ? undefined : loadProfile(profile);
  if (described !== undefined && described.kind !== 'model')
    throw new UsageError(
      `${profile} describes the device kind ${described.kind}, and only the model can be served`,
    );
  return described?.scale ? scaledConfig(described.scale) : DEFAULT_MODEL_CONFIG;
}

function mutantOf(mutant: string | undefined): Mutant | undefined {
  const found = mutant === undefined ? undefined : mutantById(mutant);
  if (mutant !== undefined && found === undefined) throw new UsageError(`the model has no mutant ${mutant}`);
  return found;
}

function modelOf(profile: string | undefined, mutant: string | undefined): Model {
  const config = configOf(profile);
  const found = mutantOf(mutant);
  // The memory is the front-end's: none of the model's own is needed, and so no seed for where it lies.
  return new Model({ ...config, bus: 'vhost', regions: [] }, 1, (behaviours) => found?.apply(behaviours));
}
