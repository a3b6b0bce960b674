/** One front-end's connection to the model: the back-end's part of the vhost-user protocol. */

import { ModelConfigError } from '../model/errors.js';
import type { Model } from '../model/model.js';
import { PollSet, signal, takeSignals } from '../sys/events.js';
import { closeAll, libc } from '../sys/libc.js';
import { type FramedMessage, MessageStream } from '../sys/message-stream.js';
import { LibcError } from '../sys/native.js';
import { sendTo } from '../sys/unix-socket.js';
import {
  protocolFeatureSet,
  requestName,
  VHOST_USER_F_PROTOCOL_FEATURES,
  VHOST_USER_MAX_CONFIG,
  VHOST_USER_MAX_REGIONS,
  VhostUserBackendRequest,
  VhostUserFlag,
  type VhostUserProtocolFeatureName,
  VhostUserRequest,
  VringEvent,
  vhostUserConfig,
  vhostUserHeader,
  vhostUserU64,
  vhostVringAddr,
  vhostVringState,
} from '../wire/vhost-user.js';
import { DeviceStatus } from '../wire/virtio.js';
import type { Connection } from './connection.js';
import type { ControlSocket } from './control-socket.js';
import type { GuestMemoryTable } from './guest-memory.js';
import { MalformedMessageError } from './mapped-files.js';

const OFFERED = protocolFeatureSet('MQ', 'REPLY_ACK', 'BACKEND_REQ', 'CONFIG', 'RESET_DEVICE', 'STATUS');
/** No message that is served is longer. */
const MOST_PAYLOAD = 4096;
const DONE = 0n;
const REFUSED = 1n;
/** Bit 0 of the flags of a write to the configuration: it is for migration, not the driver's. */
const FOR_MIGRATION = 1;

/** What the front-end has said of a queue. */
interface Vring {
  size: number;
  base: number;
  /** Addresses of the front-end. */
  addresses: { readonly desc: bigint; readonly used: bigint; readonly avail: bigint } | undefined;
  kick: number | undefined;
  call: number | undefined;
  err: number | undefined;
  enabled: boolean;
  /** Whether the device has the ring. */
  placed: boolean;
  /** The device is to look at it as soon as it has it. */
  kicked: boolean;
  /** Since it began, `call` was replaced. */
  recalled: boolean;
  /** Before that, used buffers were announced. */
  early: boolean;
}

/** What a request comes to: a payload of its own, or whether it was carried out. */
type Outcome = Uint8Array | boolean;

/** Serves one front-end until it goes away. */
export class FrontEnd implements Connection {
  readonly #socket: number;
  readonly #model: Model;
  readonly #memory: GuestMemoryTable;
  readonly #log: (line: string) => void;
  readonly #controls: ControlSocket | undefined;
  readonly #stream: MessageStream;
  readonly #vrings: Vring[];
  #protocol = 0n;
  /** VHOST_USER_F_PROTOCOL_FEATURES was negotiated: rings wait to be enabled. */
  #enabling = false;
  #requests: number | undefined;
  #poll!: PollSet;
  /** Queue numbers at the places of the poll set behind the sockets. */
  #polled: number[] = [];

  /** Takes over a connected socket. Who wants something at `controls` is attended to meanwhile. */
  constructor(
    socket: number,
    model: Model,
    memory: GuestMemoryTable,
    log: (line: string) => void,
    controls?: ControlSocket,
  ) {
    this.#controls = controls;
    this.#socket = socket;
    this.#model = model;
    this.#memory = memory;
    this.#log = log;
    this.#stream = new MessageStream(socket, vhostUserHeader.size, payloadSize, VHOST_USER_MAX_REGIONS);
    this.#vrings = Array.from({ length: model.vhost.queueCount }, freshVring);
    model.vhost.listener = {
      used: (queue) => this.#used(queue),
      configChanged: () => this.#tellConfigChange(),
      failed: () => {
        for (const { placed, err } of this.#vrings) if (placed) signalIf(err);
      },
    };
    this.#watch();
  }

  serve(limitMs: number, awake: () => void = () => {}): 'busy' | 'idle' | 'gone' {
    if (!this.#poll.wait(limitMs)) return 'idle';
    awake();
    try {
      const sockets = this.#controls ? 2 : 1;
      const kicked = this.#polled.filter((_, i) => this.#poll.readable(i + sockets));
      const controlled = this.#controls !== undefined && this.#poll.readable(1);
      // A front-end that does not wait for answers has said before the kick where the used buffers are to be announced.
      if (this.#poll.readable(0) && !this.#messages()) return 'gone';
      // What came on several queues has lost its order. The control queue is the last: a function is for commands that
      // were sent before it, of which poll tells as well, having looked at their descriptors later.
      for (const queue of kicked.reverse()) this.#kicked(queue);
      for (const [queue, vring] of this.#vrings.entries())
        if (vring.kicked && vring.placed) this.#look(queue, vring);
      // Whoever waits for a control has said everything else before.
      if (controlled) this.#controls?.attend();
      return 'busy';
    } catch (error) {
      if (!(error instanceof MalformedMessageError) && !(error instanceof LibcError)) throw error;
      this.#log(error.message);
      return 'gone';
    }
  }

  /** The device is as after a reset. */
  close(): void {
    this.#model.vhost.listener = { used: () => {}, configChanged: () => {}, failed: () => {} };
    this.#model.vhost.resetDevice();
    this.#stream.discard();
    for (const vring of this.#vrings) for (const fd of [vring.kick, vring.call, vring.err]) closeIf(fd);
    closeIf(this.#requests);
    libc().close(this.#socket);
  }

  #watch(): void {
    this.#polled = [];
    const fds = [this.#socket, ...(this.#controls ? [this.#controls.fd] : [])];
    for (const [queue, { kick }] of this.#vrings.entries())
      if (kick !== undefined) {
        this.#polled.push(queue);
        fds.push(kick);
      }
    this.#poll = new PollSet(fds);
  }

  #kicked(queue: number): void {
    const vring = this.#vrings[queue];
    if (vring?.kick === undefined) return;
    takeSignals(vring.kick);
    if (vring.placed) this.#look(queue, vring);
    else vring.kicked = true;
  }

  #look(queue: number, vring: Vring): void {
    vring.kicked = false;
    this.#model.vhost.kick(queue);
  }

  #used(queue: number): void {
    const vring = this.#vrings[queue];
    if (vring === undefined) return;
    vring.early ||= vring.placed && !vring.recalled;
    signalIf(vring.call);
  }

  /** Whether the connection goes on. */
  #messages(): boolean {
    for (;;) {
      const message = this.#stream.next();
      if (message === undefined) return true;
      if (message === 'closed') return false;
      if (message === 'flooded')
        throw new MalformedMessageError(`more than ${VHOST_USER_MAX_REGIONS} descriptors with a message`);
      this.#answer(message);
    }
  }

  #answer(message: FramedMessage): void {
    const { request, flags } = vhostUserHeader.read(message.header);
    const { VERSION, VERSION_MASK, NEED_REPLY } = VhostUserFlag;
    if ((flags & VERSION_MASK) !== VERSION) {
      closeAll(message.fds);
      throw new MalformedMessageError(`a message of version ${flags & VERSION_MASK}`);
    }
    const outcome = this.#carryOut(request, message);
    if (outcome instanceof Uint8Array) this.#reply(request, outcome);
    else if (flags & NEED_REPLY && this.#has('REPLY_ACK'))
      this.#reply(request, vhostUserU64.encode({ value: outcome ? DONE : REFUSED }));
    else if (!outcome) this.#log(`${requestName(request)} cannot be carried out`);
  }

  #reply(request: number, payload: Uint8Array): void {
    const flags = VhostUserFlag.VERSION | VhostUserFlag.REPLY;
    const header = vhostUserHeader.encode({ request, flags, size: payload.length });
    sendTo(this.#socket, Buffer.concat([header, payload]));
  }

  #carryOut(request: number, { payload, fds }: FramedMessage): Outcome {
    const R = VhostUserRequest;
    switch (request) {
      case R.SET_MEM_TABLE:
        return this.#setMemory(payload, fds);
      case R.SET_VRING_KICK:
      case R.SET_VRING_CALL:
      case R.SET_VRING_ERR:
        return this.#setEvent(request, payload, fds);
      case R.SET_BACKEND_REQ_FD: {
        const [fd, ...others] = fds;
        closeAll(others);
        closeIf(this.#requests);
        this.#requests = fd;
        return fd !== undefined;
      }
    }
    if (fds.length > 0) {
      closeAll(fds);
      throw new MalformedMessageError(`${fds.length} descriptors with ${requestName(request)}`);
    }
    const device = this.#model.vhost;
    switch (request) {
      case R.GET_FEATURES:
        return number(device.features | VHOST_USER_F_PROTOCOL_FEATURES);
      case R.SET_FEATURES:
        return this.#setFeatures(numberOf(payload));
      case R.GET_PROTOCOL_FEATURES:
        return number(OFFERED);
      case R.SET_PROTOCOL_FEATURES:
        this.#protocol = numberOf(payload) & OFFERED;
        return true;
      case R.SET_OWNER:
        return true;
      case R.RESET_OWNER:
        for (const vring of this.#vrings.keys()) this.#disable(vring);
        return true;
      case R.GET_QUEUE_NUM:
        return number(BigInt(device.queueCount));
      case R.SET_VRING_NUM:
        return this.#change(payload, (vring, num) => {
          vring.size = num;
        });
      case R.SET_VRING_BASE:
        return this.#change(payload, (vring, num) => {
          vring.base = num;
        });
      case R.SET_VRING_ADDR:
        return this.#setAddresses(payload);
      case R.GET_VRING_BASE:
        return this.#stop(payload);
      case R.SET_VRING_ENABLE:
        return this.#setEnable(payload);
      case R.GET_CONFIG:
        return this.#readConfig(payload);
      case R.SET_CONFIG:
        return this.#writeConfig(payload);
      case R.RESET_DEVICE:
        this.#reset();
        return true;
      case R.SET_STATUS:
        this.#setStatus(Number(numberOf(payload) & 0xffn));
        return true;
      case R.GET_STATUS:
        return number(BigInt(device.status));
      default:
        return false;
    }
  }

  #has(name: VhostUserProtocolFeatureName): boolean {
    return (this.#protocol & protocolFeatureSet(name)) !== 0n;
  }

  /** Without a status of its own to follow, what the driver agreed to is what was set; other features need a new start. */
  #setFeatures(features: bigint): boolean {
    const device = this.#model.vhost;
    this.#enabling = (features & VHOST_USER_F_PROTOCOL_FEATURES) !== 0n;
    const chosen = features & ~VHOST_USER_F_PROTOCOL_FEATURES;
    const { ACKNOWLEDGE, DRIVER, FEATURES_OK } = DeviceStatus;
    if (this.#has('STATUS')) {
      device.chooseFeatures(chosen);
      return true;
    }
    if ((device.status & FEATURES_OK) !== 0) {
      if (device.negotiated === chosen) return true;
      device.resetDevice();
    }
    device.status = ACKNOWLEDGE | DRIVER;
    device.chooseFeatures(chosen);
    device.status = ACKNOWLEDGE | DRIVER | FEATURES_OK;
    return (device.status & FEATURES_OK) !== 0;
  }

  /** What was kicked before a message that ends the service of rings is taken before it. */
  #lookAtKicked(): void {
    for (const [queue, { placed, kick }] of [...this.#vrings.entries()].reverse())
      if (placed && kick !== undefined && takeSignals(kick) > 0) this.#model.vhost.kick(queue);
  }

  #setStatus(status: number): void {
    this.#lookAtKicked();
    if (status === 0) this.#reset();
    else this.#model.vhost.status = status;
  }

  #reset(): void {
    this.#model.vhost.resetDevice();
    for (const vring of this.#vrings)
      Object.assign(vring, { placed: false, enabled: false, kicked: false, early: false });
  }

  #setMemory(payload: Uint8Array, fds: readonly number[]): boolean {
    try {
      this.#model.replaceMemory(this.#memory.replace(payload, fds));
    } catch (error) {
      if (error instanceof ModelConfigError) return false;
      throw error;
    }
    return true;
  }

  #vring(index: number): Vring {
    const vring = this.#vrings[index];
    if (vring === undefined)
      throw new MalformedMessageError(`queue ${index}, where ${this.#vrings.length} are`);
    return vring;
  }

  #change(payload: Uint8Array, change: (vring: Vring, num: number) => void): boolean {
    const { index, num } = read(vhostVringState, payload);
    const vring = this.#vring(index);
    if (vring.placed) return false;
    change(vring, num);
    return true;
  }

  #setAddresses(payload: Uint8Array): boolean {
    const { index, desc, used, avail } = read(vhostVringAddr, payload);
    const vring = this.#vring(index);
    vring.addresses = { desc, used, avail };
    return true;
  }

  #setEvent(request: number, payload: Uint8Array, fds: readonly number[]): boolean {
    const [fd, ...others] = fds;
    closeAll(others);
    const value = numberOf(payload);
    const index = Number(value & VringEvent.QUEUE_MASK);
    if (this.#vrings[index] === undefined) closeIf(fd);
    const vring = this.#vring(index);
    const which =
      request === VhostUserRequest.SET_VRING_KICK
        ? 'kick'
        : request === VhostUserRequest.SET_VRING_CALL
          ? 'call'
          : 'err';
    closeIf(vring[which]);
    vring[which] = (value & VringEvent.NO_FD) === 0n ? fd : undefined;
    if (which === 'call') this.#recall(vring);
    if (which !== 'kick') return true;
    // A ring without protocol features is enabled from the start.
    if (!this.#enabling) vring.enabled = true;
    this.#watch();
    if (vring.enabled) this.#begin(index, vring);
    return true;
  }

  /**
   * A front-end may start a ring with one descriptor and put the right one in its place afterwards. What was announced
   * by the first in the meantime, nobody has heard.
   */
  #recall(vring: Vring): void {
    if (vring.early && !vring.recalled) signalIf(vring.call);
    vring.recalled = vring.placed;
    vring.early = false;
  }

  /**
   * What is wrong with a ring is an error of the ring, told by its descriptor for errors, and not of the message: there
   * are front-ends that leave a back-end for good when it refuses one.
   */
  #setEnable(payload: Uint8Array): boolean {
    const { index, num } = read(vhostVringState, payload);
    const vring = this.#vring(index);
    if (num === 0) {
      this.#disable(index);
      return true;
    }
    vring.enabled = true;
    if (!vring.placed) this.#begin(index, vring);
    else this.#model.vhost.enable(index, true);
    return true;
  }

  #disable(index: number): void {
    const vring = this.#vring(index);
    vring.enabled = false;
    this.#model.vhost.enable(index, false);
  }

  /**
   * Gives the device a ring that is described, enabled and has its kick. It is to look at it where a kick has gone by,
   * or where the ring was served before: what came meanwhile is not announced again.
   */
  #begin(index: number, vring: Vring): void {
    const { addresses, enabled, kick, size, base } = vring;
    if (addresses === undefined || !enabled || kick === undefined) return;
    const device = this.#model.vhost;
    // What is in no region is not memory, and stays so: the device finds out when it looks.
    const guest = (user: bigint) => this.#memory.guestAddress(user) ?? NOWHERE;
    const placed = device.place(index, {
      size,
      base,
      descriptors: guest(addresses.desc),
      driver: guest(addresses.avail),
      device: guest(addresses.used),
    });
    if (!placed) {
      signalIf(vring.err);
      return;
    }
    vring.placed = true;
    device.enable(index, true);
    // There are front-ends that pass FEATURES_OK on and no more; a ring that is enabled says as much.
    device.status = device.status | DeviceStatus.DRIVER_OK;
    vring.recalled = false;
    vring.early = false;
    vring.kicked ||= !FRESH_BASES.has(base);
  }

  /** What is being worked on is finished first: it cannot be returned afterwards. */
  #stop(payload: Uint8Array): Uint8Array {
    const { index } = read(vhostVringState, payload);
    const vring = this.#vring(index);
    this.#lookAtKicked();
    this.#model.clock.drain();
    if (vring.placed) vring.base = this.#model.vhost.stop(index);
    vring.placed = false;
    vring.enabled = false;
    vring.kicked = false;
    vring.early = false;
    closeIf(vring.kick);
    vring.kick = undefined;
    this.#watch();
    return vhostVringState.encode({ index, num: vring.base });
  }

  #readConfig(payload: Uint8Array): Uint8Array {
    const { offset, size } = read(vhostUserConfig, payload);
    const device = this.#model.vhost;
    if (size > VHOST_USER_MAX_CONFIG || payload.length !== vhostUserConfig.size + size)
      return new Uint8Array(0);
    if (offset + size > VHOST_USER_MAX_CONFIG) return new Uint8Array(0);
    const reply = new Uint8Array(payload);
    const there = Math.max(0, Math.min(size, device.configSize - offset));
    reply.fill(0, vhostUserConfig.size);
    reply.set(device.readConfig(offset, there), vhostUserConfig.size);
    return reply;
  }

  #writeConfig(payload: Uint8Array): boolean {
    const { offset, size, flags } = read(vhostUserConfig, payload);
    const device = this.#model.vhost;
    const data = payload.subarray(vhostUserConfig.size);
    if (data.length !== size || offset + size > device.configSize) return false;
    if ((flags & FOR_MIGRATION) === 0) device.writeConfig(offset, data);
    return true;
  }

  #tellConfigChange(): void {
    if (this.#requests === undefined || !this.#has('CONFIG')) return;
    const request = VhostUserBackendRequest.CONFIG_CHANGE_MSG;
    const header = vhostUserHeader.encode({ request, flags: VhostUserFlag.VERSION, size: 0 });
    try {
      sendTo(this.#requests, Buffer.from(header));
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      this.#log(`the front-end does not listen to requests: ${error.message}`);
    }
  }
}

/** Where rings begin that were never served: split, and packed with both wrap counters 1. */
const FRESH_BASES: ReadonlySet<number> = new Set([0, 0x8000_8000]);
/** An address at which no front-end has memory. */
const NOWHERE = 2n ** 64n - 2n ** 12n;

function freshVring(): Vring {
  return {
    size: 0,
    base: 0,
    addresses: undefined,
    kick: undefined,
    call: undefined,
    err: undefined,
    enabled: false,
    placed: false,
    kicked: false,
    recalled: false,
    early: false,
  };
}

function payloadSize(header: Buffer): number {
  const { request, size } = vhostUserHeader.read(header);
  if (size > MOST_PAYLOAD)
    throw new MalformedMessageError(`${requestName(request)} with a payload of ${size} bytes`);
  return size;
}

function read<T>(layout: { readonly size: number; read(bytes: Uint8Array): T }, payload: Uint8Array): T {
  if (payload.length < layout.size) throw new MalformedMessageError(`a payload of ${payload.length} bytes`);
  return layout.read(payload);
}

function numberOf(payload: Uint8Array): bigint {
  return read(vhostUserU64, payload).value;
}

function number(value: bigint): Uint8Array {
  return vhostUserU64.encode({ value });
}

function signalIf(fd: number | undefined): void {
  if (fd !== undefined) signal(fd);
}

function closeIf(fd: number | undefined): void {
  if (fd !== undefined) libc().close(fd);
}
