/** The remote device kind: whatever speaks the remote protocol, at the ends of a command or at a socket. */
import { findExecutable } from '../../sys/executable.js';
import { hasLibc } from '../../sys/libc.js';
import { SUPERVISOR_PROGRAM } from '../../sys/supervised.js';
import {
  type DutAdapter,
  type DutExit,
  type DutProfile,
  DutSetupError,
  type Obstacle,
  type RunningDut,
} from '../dut.js';
import { askHello } from './hello.js';
import { openPeer, type RemotePeer, type RemotePlace } from './peer.js';
import type { RemoteAttach } from './port.js';
import type { Hello, RemoteTransport } from './protocol.js';

/** How to reach a remote device. */
export interface RemoteOptions extends RemotePlace {
  /** By which it can be driven, the usual one first; default `pci`. */
  readonly transports?: readonly RemoteTransport[];
}

/** The main-thread half; its worker half is `openRemotePort`. */
export function remoteAdapter(options: RemoteOptions): DutAdapter {
  const { transports = ['pci'] } = options;
  return {
    name: 'remote',
    obstacles: () => Promise.resolve(obstacles(options)),
    transports,
    start: (transport = transports[0]) => start(options, transport as RemoteTransport),
  };
}

function obstacles({ command, address }: RemoteOptions): Obstacle[] {
  if (command === undefined && address === undefined)
    return [
      {
        what: 'no remote device is named',
        remedy:
          "--dut remote --backend 'COMMAND', or --dut remote:unix:SOCKET, or --dut remote:tcp:HOST:PORT",
        choice: true,
      },
    ];
  if (command !== undefined && address !== undefined)
    return [{ what: 'both a command and an address are named', remedy: 'leave one of them out' }];
  if (command !== undefined && findExecutable(SUPERVISOR_PROGRAM) === undefined)
    return [{ what: `${SUPERVISOR_PROGRAM} is not installed`, remedy: 'install util-linux' }];
  return [];
}

async function start(options: RemoteOptions, transport: RemoteTransport): Promise<RunningDut> {
  const [obstacle] = obstacles(options);
  if (obstacle) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const peer = await openPeer(options);
  try {
    const { toDevice, fromDevice } = peer;
    const hello = await Promise.race([
      askHello(toDevice, fromDevice, transport),
      peer.exited.then((exit) => {
        throw new DutSetupError(`the remote device ended before it said hello, with ${ending(exit)}`);
      }),
    ]);
    if (hello.memory?.file !== undefined && !hasLibc())
      throw new DutSetupError(
        'koffi is missing, and mapping the memory of the device needs it',
        'npm install koffi',
      );
    return running(hello, peer, { transport, toDevice, fromDevice, hello });
  } catch (error) {
    await peer.close();
    throw error;
  }
}

function running(hello: Hello, peer: RemotePeer, attach: RemoteAttach): RunningDut {
  const { exited, pid, log } = peer;
  return {
    identity: {
      name: hello.name,
      version: hello.device_version,
      details: { ...peer.details, memory: memoryWord(hello) },
    },
    profile: profileOf(hello),
    attach,
    exited,
    ...(pid !== undefined && { pid }),
    ...(log !== undefined && { log }),
    // The worker asks the device itself.
    controls: [],
    control: () => Promise.resolve(),
    kill: () => peer.kill(),
    stop: () => peer.close(),
  };
}

const memoryWord = ({ memory }: Hello): string =>
  memory === undefined ? 'by DMA messages' : memory.file === undefined ? 'copied' : 'mapped';

function profileOf({
  units,
  free_target,
  free_unit,
  dma_contained = false,
  settle_ms = 0,
}: Hello): DutProfile {
  return {
    units: (units ?? []).map(({ target, unit, kind, scratch_serial }) => ({
      target,
      unit,
      kind,
      ...(scratch_serial !== undefined && { scratchSerial: scratch_serial }),
    })),
    ...(units === undefined && { scan: true }),
    ...(free_target !== undefined && { freeTarget: free_target }),
    ...(free_unit && { freeUnit: free_unit }),
    dmaContained: dma_contained,
    settleMs: settle_ms,
  };
}

const ending = ({ code, signal, stderr }: DutExit): string =>
  `${signal ?? `exit code ${code}`}${stderr.trim() && `: ${stderr.trim()}`}`;
