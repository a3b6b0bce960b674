/** A vhost-user back-end as an attachment: the front-end's part of the protocol. */

import {
  type VhostAttachment,
  type VhostConfig,
  VhostRefusedError,
  type VhostRing,
  type VhostStatus,
} from '../../port/vhost.js';
import { libc } from '../../sys/libc.js';
import { connectUnix } from '../../sys/unix-socket.js';
import {
  protocolFeatureSet,
  VHOST_F_LOG_ALL,
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_MAX_CONFIG,
  VHOST_USER_MAX_QUEUES,
  type VhostUserProtocolFeatureName,
  vhostUserConfig,
  vhostUserInflight,
  vhostUserMemory,
  vhostUserMemoryRegion,
  vhostUserU64,
  vhostVringAddr,
  vhostVringState,
} from '../../wire/vhost-user.js';
import { virtioScsiConfig } from '../../wire/virtio-scsi.js';
import type { SharedMemory } from '../shared-memory.js';
import type { RingEvents } from '../vhost/ring-events.js';
import { standInConfig } from '../vhost/stand-in-config.js';
import { BackendRequests } from './backend-requests.js';
import { VhostUserConnection } from './connection.js';

/** What is negotiated where it is offered. */
const WANTED = protocolFeatureSet(
  'MQ',
  'REPLY_ACK',
  'BACKEND_REQ',
  'CONFIG',
  'INFLIGHT_SHMFD',
  'RESET_DEVICE',
  'STATUS',
);

/** Entries of the largest ring: the protocol leaves that to the front-end, and back-ends serve so many. */
const MAX_RING_SIZE = 256;
/** A vector beyond those of the queues that the protocol can name. */
export const CONFIG_VECTOR = VHOST_USER_MAX_QUEUES;
const NOTHING = new Uint8Array(0);

/** What a back-end is reached by. */
export interface VhostUserTarget {
  /** Name of its socket. */
  readonly socket: string;
  /** How long a reply may take, in milliseconds. */
  readonly replyLimitMs: number;
  /** Request queues to use where the back-end does not tell. */
  readonly requestQueues: number;
}

/** The protocol over one connection after another. */
export class VhostUserBackend implements VhostAttachment {
  readonly kind = 'vhost';
  readonly maxRingSize = MAX_RING_SIZE;
  readonly #target: VhostUserTarget;
  readonly #memory: SharedMemory;
  readonly #events: RingEvents;
  #connection!: VhostUserConnection;
  #requests: BackendRequests | undefined;
  #offersProtocol = false;
  #protocol = 0n;
  #queues: number | undefined;
  #memoryShared = false;
  /** Buffers in which the back-end keeps account of what is in flight. */
  #inflight: { readonly fd: number; readonly description: Uint8Array } | undefined;
  readonly #rings = new Set<number>();

  /** Connects; throws `LibcError` when nobody listens, and what `VhostAttachment` says. */
  constructor(target: VhostUserTarget, memory: SharedMemory, events: RingEvents) {
    this.#target = target;
    this.#memory = memory;
    this.#events = events;
    this.#connect();
  }

  /** Begins anew with a back-end that has taken the place of the one before, at the same socket. */
  reconnect(): void {
    this.#disconnect();
    this.#forgetInflight();
    this.#rings.clear();
    this.#memoryShared = false;
    this.#connect();
  }

  get alive(): boolean {
    return this.#connection.alive;
  }

  /** Deals with what the back-end wants, and throws when it is gone. */
  attend(): void {
    this.#requests?.attend();
    this.#connection.check();
  }

  /** The descriptors on which something of the back-end may come. */
  get descriptors(): readonly number[] {
    return [this.#connection.socket, ...(this.#requests ? [this.#requests.fd] : [])];
  }

  close(): void {
    this.#disconnect();
    this.#forgetInflight();
  }

  get queues(): number | undefined {
    return this.#queues;
  }

  get configVector(): number | undefined {
    return this.#has('CONFIG') && this.#requests ? CONFIG_VECTOR : undefined;
  }

  features(): bigint {
    return this.#connection.askU64('GET_FEATURES') & ~(VHOST_USER_F_PROTOCOL_FEATURES | VHOST_F_LOG_ALL);
  }

  setFeatures(features: bigint): void {
    const own = this.#offersProtocol ? VHOST_USER_F_PROTOCOL_FEATURES : 0n;
    this.#tellU64('SET_FEATURES', features | own);
  }

  get config(): VhostConfig {
    if (!this.#has('CONFIG'))
      return standInConfig(this.#queues === undefined ? this.#target.requestQueues : this.#queues - 2);
    return {
      served: true,
      size: virtioScsiConfig.size,
      read: (offset, length) => this.#readConfig(offset, length),
      write: (offset, data) => {
        const head = vhostUserConfig.encode({ offset, size: data.length, flags: 0 });
        this.#connection.tell('SET_CONFIG', Buffer.concat([head, data]));
      },
    };
  }

  #readConfig(offset: number, length: number): Uint8Array {
    if (length > VHOST_USER_MAX_CONFIG) throw new RangeError(`${length} bytes of configuration at once`);
    const request = new Uint8Array(vhostUserConfig.size + length);
    vhostUserConfig.write(request, { offset, size: length, flags: 0 });
    const { payload } = this.#connection.ask('GET_CONFIG', request, request.length);
    if (payload.length === 0)
      throw new VhostRefusedError(
        `GET_CONFIG of ${length} bytes at ${offset}: the back-end reports an error`,
      );
    return payload.subarray(vhostUserConfig.size);
  }

  get status(): VhostStatus | undefined {
    if (!this.#has('STATUS')) return undefined;
    return {
      read: () => Number(this.#connection.askU64('GET_STATUS') & 0xffn),
      write: (status) => this.#tellU64('SET_STATUS', BigInt(status)),
    };
  }

  setRing(queue: number, { size, base, desc, driver, device }: VhostRing): void {
    this.#shareMemory();
    this.#events.begin(queue);
    const { kick, call, err } = this.#events.of(queue);
    const line = this.#connection;
    const state = (num: number) => vhostVringState.encode({ index: queue, num });
    line.tell('SET_VRING_NUM', state(size));
    line.tell('SET_VRING_BASE', state(base));
    // What is no memory is no address of this process either, and the back-end has to find out.
    const user = (iova: bigint) => this.#memory.userAddress(iova) ?? iova;
    line.tell(
      'SET_VRING_ADDR',
      vhostVringAddr.encode({
        index: queue,
        flags: 0,
        desc: user(desc),
        used: user(device),
        avail: user(driver),
        log: 0n,
      }),
    );
    const index = vhostUserU64.encode({ value: BigInt(queue) });
    line.tell('SET_VRING_CALL', index, [call]);
    line.tell('SET_VRING_ERR', index, [err]);
    // A back-end may begin as soon as it has this one.
    line.tell('SET_VRING_KICK', index, [kick]);
    this.#rings.add(queue);
  }

  start(): void {
    this.#shareInflight();
    if (!this.#offersProtocol) return;
    let refused: VhostRefusedError | undefined;
    for (const queue of this.#rings)
      try {
        this.#connection.tell('SET_VRING_ENABLE', vhostVringState.encode({ index: queue, num: 1 }));
      } catch (error) {
        // The other rings are served all the same.
        if (!(error instanceof VhostRefusedError)) throw error;
        refused = error;
      }
    if (refused) throw refused;
  }

  kick(queue: number): void {
    this.#events.kick(queue);
  }

  stopRing(queue: number): number {
    const request = vhostVringState.encode({ index: queue, num: 0 });
    const { payload } = this.#connection.ask('GET_VRING_BASE', request, vhostVringState.size);
    this.#rings.delete(queue);
    return vhostVringState.read(payload).num;
  }

  reset(): void {
    for (const queue of this.#rings) this.stopRing(queue);
    if (this.#has('RESET_DEVICE') && !this.#has('STATUS')) this.#connection.tell('RESET_DEVICE', NOTHING);
    this.#forgetInflight();
    this.#events.reset();
  }

  faults(): readonly number[] {
    return this.#events.faults();
  }

  #has(name: VhostUserProtocolFeatureName): boolean {
    return (this.#protocol & protocolFeatureSet(name)) !== 0n;
  }

  #tellU64(name: 'SET_FEATURES' | 'SET_PROTOCOL_FEATURES' | 'SET_STATUS', value: bigint): void {
    this.#connection.tell(name, vhostUserU64.encode({ value }));
  }

  #connect(): void {
    const { socket, replyLimitMs } = this.#target;
    this.#connection = new VhostUserConnection(connectUnix(socket), replyLimitMs);
    try {
      this.#negotiate();
    } catch (error) {
      this.#disconnect();
      throw error;
    }
  }

  #negotiate(): void {
    const line = this.#connection;
    const features = line.askU64('GET_FEATURES');
    this.#offersProtocol = (features & VHOST_USER_F_PROTOCOL_FEATURES) !== 0n;
    this.#protocol = this.#offersProtocol ? line.askU64('GET_PROTOCOL_FEATURES') & WANTED : 0n;
    if (this.#offersProtocol) this.#tellU64('SET_PROTOCOL_FEATURES', this.#protocol);
    line.acknowledged = this.#has('REPLY_ACK');
    line.tell('SET_OWNER', NOTHING);
    this.#queues = this.#has('MQ') ? Number(line.askU64('GET_QUEUE_NUM')) : undefined;
    if (this.#has('BACKEND_REQ')) this.#openRequests();
  }

  #openRequests(): void {
    const { channel, theirs } = BackendRequests.open(() => this.#events.raise(CONFIG_VECTOR));
    this.#requests = channel;
    try {
      this.#connection.watch(channel.fd);
      this.#connection.attend = () => channel.attend();
      this.#connection.tell('SET_BACKEND_REQ_FD', NOTHING, [theirs]);
    } finally {
      libc().close(theirs);
    }
  }

  #disconnect(): void {
    this.#requests?.close();
    this.#requests = undefined;
    this.#connection.close();
  }

  /** Tells of all memory, once for each connection. */
  #shareMemory(): void {
    if (this.#memoryShared) return;
    const { regions, fd } = this.#memory;
    const table = Buffer.concat([
      vhostUserMemory.encode({ count: regions.length }),
      ...regions.map(({ iova, size, userAddress, fileOffset }) =>
        vhostUserMemoryRegion.encode({ guest: iova, size, user: userAddress, offset: fileOffset }),
      ),
    ]);
    this.#connection.tell(
      'SET_MEM_TABLE',
      table,
      regions.map(() => fd),
    );
    this.#memoryShared = true;
  }

  /** What was in flight is not any more: the device begins anew, with rings that hold nothing of it. */
  #forgetInflight(): void {
    if (this.#inflight) libc().close(this.#inflight.fd);
    this.#inflight = undefined;
  }

  /** Gives the back-end the buffer for what is in flight, made by itself at the first start after a reset. */
  #shareInflight(): void {
    if (!this.#has('INFLIGHT_SHMFD')) return;
    if (this.#inflight === undefined) {
      const wanted = { queues: Math.max(...this.#rings, 0) + 1, queueSize: MAX_RING_SIZE };
      const request = vhostUserInflight.encode(wanted);
      const { payload, fds } = this.#connection.ask('GET_INFLIGHT_FD', request, vhostUserInflight.size, 1);
      const [fd] = fds;
      if (fd === undefined) return;
      this.#inflight = { fd, description: payload };
    }
    this.#connection.tell('SET_INFLIGHT_FD', this.#inflight.description, [this.#inflight.fd]);
  }
}
