/** The vhost-user device kind: a back-end that is there, or one that is started by a command of the user's. */

import { type BackendUnits, backendProfile } from '../backend-profile.js';
import { type DutAdapter, DutSetupError, type RunningDut } from '../dut.js';
import { type SocketPlace, socketObstacles, startAtSocket } from '../socket-device.js';
import type { VhostUserAttach } from './port.js';

/** How to reach a back-end. */
export interface VhostUserOptions extends BackendUnits, SocketPlace {
  /** Request queues to use where the back-end does not tell how many it has; default 1. */
  readonly requestQueues?: number;
  /** How long a reply of the back-end may take, in milliseconds. */
  readonly replyLimitMs?: number;
}

const REPLY_LIMIT_MS = 8000;

/** The main-thread half; its worker half is `openVhostUserPort`. */
export function vhostUserAdapter(options: VhostUserOptions): DutAdapter {
  return {
    name: 'vhost-user',
    obstacles: () => Promise.resolve(socketObstacles('vhost-user:SOCKET', options)),
    transports: ['vhost-user'],
    start: () => start(options),
  };
}

async function start(options: VhostUserOptions): Promise<RunningDut> {
  const [obstacle] = socketObstacles('vhost-user:SOCKET', options);
  if (obstacle) throw new DutSetupError(obstacle.what, obstacle.remedy);
  const { requestQueues = 1, replyLimitMs = REPLY_LIMIT_MS } = options;
  const profile = backendProfile(options);
  const { settleMs } = profile;
  const attach = (socket: string) =>
    ({ socket, requestQueues, replyLimitMs, settleMs }) satisfies VhostUserAttach;
  return startAtSocket({ kind: 'vhost-user', profile, attach }, options);
}
