/** The vfio-user device kind: a PCI function in another process, which is there or is started by a command. */

import { PCI_TRANSPORTS, type PciTransportName } from '../../port/transport-name.js';
import { type BackendUnits, backendProfile } from '../backend-profile.js';
import { type DutAdapter, DutSetupError, type RunningDut } from '../dut.js';
import { type SocketPlace, socketObstacles, startAtSocket } from '../socket-device.js';
import type { VfioUserAttach, VfioUserTraits } from './port.js';

/** What stands for the transport by which the function is to be driven in the words of a command. */
const TRANSPORT_PLACE = '{transport}';

/** How to reach a server. */
export interface VfioUserOptions extends BackendUnits, SocketPlace, Partial<VfioUserTraits> {
  /** By which the function can be driven, the usual one first; default `pci`. */
  readonly transports?: readonly PciTransportName[];
  /** What the device is; the protocol does not tell. */
  readonly identity?: { readonly name: string; readonly version: string };
  /** The server maps the memory of the suite; default true. */
  readonly shareMemory?: boolean;
  /** How long a reply of the server may take, in milliseconds. */
  readonly replyLimitMs?: number;
}

const REPLY_LIMIT_MS = 8000;
const NAMED = 'vfio-user:SOCKET';

/** The main-thread half; its worker half is `openVfioUserPort`. */
export function vfioUserAdapter(options: VfioUserOptions): DutAdapter {
  const transports = options.transports ?? transportsOf(options);
  return {
    name: 'vfio-user',
    obstacles: () => Promise.resolve(socketObstacles(NAMED, options)),
    transports,
    start: (transport = transports[0]) => start(options, transport as PciTransportName),
  };
}

/** A command that is told of the transport takes either. */
function transportsOf({ backend }: VfioUserOptions): readonly PciTransportName[] {
  return backend?.some((word) => word.includes(TRANSPORT_PLACE)) ? PCI_TRANSPORTS : ['pci'];
}

async function start(options: VfioUserOptions, transport: PciTransportName): Promise<RunningDut> {
  const [obstacle] = socketObstacles(NAMED, options);
  if (obstacle) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const { backend, msixMasks = false, intxStatus = false, hugePages = false } = options;
  const { shareMemory = true, replyLimitMs = REPLY_LIMIT_MS } = options;
  const profile = backendProfile(options);
  const { settleMs } = profile;
  const attach = (socket: string): VfioUserAttach => ({
    ...{ socket, transport, replyLimitMs, shareMemory, settleMs },
    ...{ msixMasks, intxStatus, hugePages },
  });
  const running = await startAtSocket(
    { kind: 'vfio-user', profile, attach },
    {
      ...options,
      ...(backend && { backend: backend.map((word) => word.replaceAll(TRANSPORT_PLACE, transport)) }),
    },
  );
  const memory = shareMemory ? 'mapped' : 'by DMA messages';
  return {
    ...running,
    identity: { ...running.identity, ...options.identity, details: { ...running.identity.details, memory } },
  };
}
