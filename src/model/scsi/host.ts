/** The SCSI host device: request queues, task set, controls ("SCSI Host Device"). */

import { encodeLun } from '../../wire/lun.js';
import { dataLength } from '../../wire/scsi/command.js';
import { DeviceType as ScsiDeviceType } from '../../wire/scsi/inquiry.js';
import { ScsiStatus } from '../../wire/scsi/status.js';
import { hasFeature } from '../../wire/virtio.js';
import {
  ControlResponse,
  QueueIndex,
  ResetReason,
  Response,
  requestHeaderSize,
  responseHeaderSize,
  ScsiEvent,
  Tmf,
  virtioScsiRespHead,
} from '../../wire/virtio-scsi.js';
import type { Behaviours, ResetPart } from '../behaviours.js';
import type { VirtualClock } from '../clock.js';
import { DriverError } from '../errors.js';
import type { CommandResult } from '../units/command-result.js';
import { checkedFields } from '../units/command-table.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import { MissingUnit } from '../units/missing-unit.js';
import { ReportLunsUnit } from '../units/report-luns-unit.js';
import { CheckCondition, encodeSense, Sense, type SenseInfo } from '../units/sense.js';
import type { DeviceType, VirtioDevice } from '../virtio/device.js';
import type { Virtqueue } from '../virtio/queue.js';
import type { SplitRing } from '../virtio/split-ring.js';
import { type Answer, encodeAnswer, storeAnswer } from './answer.js';
import { type ControlHost, controlAnswer } from './control-queue.js';
import { DeviceConfig, type ScsiLimits } from './device-config.js';
import { EventQueue } from './event-queue.js';
import { Task, type TaskOrigin } from './task.js';
import { type Destination, type Target, Topology } from './topology.js';

/** Data direction of a command that finds its buffers too short. */
function isShort(task: Task, unit: LogicalUnit): boolean {
  const row = unit.rowOf(task.cdb);
  if (row === undefined) return false;
  const { command } = row;
  let fields: Record<string, bigint>;
  try {
    fields = checkedFields(row, task.cdb);
  } catch (error) {
    // A CDB that is refused asks for no data.
    if (error instanceof CheckCondition) return false;
    throw error;
  }
  const length = dataLength(command, fields, unit.blockSize) ?? 0n;
  const room = command.direction === 'in' ? task.dataInLength : task.dataOutLength;
  return length > BigInt(room);
}

export class ScsiHost implements DeviceType, ControlHost {
  readonly queueCount: number;
  readonly features: bigint;
  readonly topology = new Topology((topology) => new ReportLunsUnit(topology));
  readonly config: DeviceConfig;
  readonly #behaviours: Behaviours;
  readonly #clock: VirtualClock;
  readonly #events: EventQueue;
  /** Commands that have not been worked on yet, in order of arrival. */
  readonly #waiting = new Set<Task>();
  readonly #held = new Set<LogicalUnit>();
  readonly #subscriptions = new Map<LogicalUnit, number>();
  #device: VirtioDevice | undefined;

  constructor(limits: ScsiLimits, features: bigint, clock: VirtualClock, behaviours: Behaviours) {
    this.queueCount = QueueIndex.REQUEST + limits.requestQueues;
    this.features = features;
    this.#clock = clock;
    this.#behaviours = behaviours;
    this.config = new DeviceConfig(limits, behaviours, () => this.device.configChanged('driver'));
    this.#events = new EventQueue(() => this.device);
  }

  attach(device: VirtioDevice): void {
    this.#device = device;
  }

  get device(): VirtioDevice {
    if (this.#device === undefined) throw new Error('the SCSI host is not attached to a device');
    return this.#device;
  }

  kicked(queue: Virtqueue, ring: SplitRing): void {
    if (queue.index === QueueIndex.EVENT) {
      this.#events.kicked();
      return;
    }
    do {
      for (;;) {
        const chain = ring.take();
        if (chain === undefined) break;
        const origin = { queue, ring, chain };
        if (queue.index === QueueIndex.CONTROL) this.#control(origin);
        else this.#request(origin);
      }
    } while (ring.rearm());
  }

  finishOutstanding(): void {
    for (const task of [...this.#waiting]) this.#cancel(task, Response.FAILURE);
  }

  reset(resets: (part: ResetPart) => boolean): void {
    if (resets('tasks')) this.#waiting.clear();
    this.#subscriptions.clear();
    if (resets('lost_events')) this.#events.forgetLoss();
    if (resets('units')) for (const { unit } of this.topology.all()) unit.reset('hard', Sense.POWER_ON);
    if (this.config.reset(resets)) this.device.configChanged('driver');
  }

  queueReset(queue: Virtqueue): void {
    for (const task of [...this.#waiting]) if (task.origin.queue === queue) this.#waiting.delete(task);
    if (queue.index === QueueIndex.EVENT) this.#events.forgetLoss();
  }

  resolve(lun: Uint8Array): Destination {
    return this.#behaviours.destination(this.topology.resolve(lun), lun, (other) =>
      this.topology.resolve(other),
    );
  }

  adjust: ControlHost['adjust'] = (answer) => this.#behaviours.controlAnswer(answer);

  // ---- task management

  manage(subtype: number, destination: Destination, tag: bigint): number {
    return this.#behaviours.manage(() => this.#manage(subtype, destination, tag), subtype);
  }

  #manage(subtype: number, { target, unit }: Destination, tag: bigint): number {
    const mine = [...this.#waiting].filter((task) => task.destination.unit === unit);
    const selected = mine.filter((task) => this.#behaviours.tagMatches(task.tag === tag, tag, task.tag));
    const cancel = (tasks: readonly Task[], response: number) => {
      for (const task of tasks) this.#cancel(task, response);
      return ControlResponse.FUNCTION_COMPLETE;
    };
    const found = (tasks: readonly Task[]) =>
      tasks.length > 0 ? ControlResponse.FUNCTION_SUCCEEDED : ControlResponse.FUNCTION_COMPLETE;
    switch (subtype) {
      case Tmf.ABORT_TASK:
        return cancel(selected, Response.ABORTED);
      case Tmf.ABORT_TASK_SET:
      case Tmf.CLEAR_TASK_SET:
        return cancel(mine, Response.ABORTED);
      case Tmf.QUERY_TASK:
        return found(selected);
      case Tmf.QUERY_TASK_SET:
        return found(mine);
      case Tmf.LOGICAL_UNIT_RESET:
        cancel(mine, Response.RESET);
        unit?.reset('logical-unit', Sense.BUS_DEVICE_RESET);
        return ControlResponse.FUNCTION_COMPLETE;
      case Tmf.I_T_NEXUS_RESET: {
        if (target === undefined) return ControlResponse.FUNCTION_REJECTED;
        const all = [...this.#waiting].filter((task) => task.destination.target === target);
        cancel(all, Response.RESET);
        for (const each of target.units.values()) each.reset('nexus-loss', Sense.I_T_NEXUS_LOSS);
        return ControlResponse.FUNCTION_COMPLETE;
      }
      // No unit establishes ACA conditions (NORMACA is 0), so CLEAR ACA is not supported either.
      default:
        return ControlResponse.FUNCTION_REJECTED;
    }
  }

  asyncEvents({ unit }: Destination, requested: number, subscribe: boolean): number {
    if (unit === undefined) return 0;
    const actual = unit.asyncEvents & requested;
    if (subscribe) this.#subscriptions.set(unit, actual);
    return actual;
  }

  // ---- controls

  /** Keeps commands of a unit from being worked on. */
  hold(unit: LogicalUnit): void {
    this.#held.add(unit);
  }

  /** Works on the commands of a held unit, in order of arrival. */
  release(unit: LogicalUnit): void {
    this.#held.delete(unit);
    for (const task of [...this.#waiting]) if (task.destination.unit === unit) this.#schedule(task);
  }

  /** Adds a unit and tells of it, once it can answer ("TRANSPORT_RESET", RESCAN). */
  plug(target: Target, number: number, unit: LogicalUnit): void {
    target.units.set(number, unit);
    this.#raiseOnOthers(target, unit);
    this.#transportEvent(target.id, number, ResetReason.RESET_RESCAN);
  }

  /** Removes a unit; a target goes with its last one. Outstanding commands are completed with FAILURE first. */
  unplug(target: Target, number: number): void {
    const unit = target.units.get(number);
    if (unit === undefined) return;
    for (const task of [...this.#waiting])
      if (task.destination.unit === unit) this.#cancel(task, Response.FAILURE);
    this.#held.delete(unit);
    this.#subscriptions.delete(unit);
    target.units.delete(number);
    if (target.units.size === 0) this.topology.targets.delete(target.id);
    this.#raiseOnOthers(target, unit);
    this.#transportEvent(target.id, number, ResetReason.RESET_REMOVED);
  }

  /** A parameter of a unit has changed: unit attention, and PARAM_CHANGE where it is wanted. */
  parametersChanged(target: Target, number: number, attention: SenseInfo): void {
    const unit = target.units.get(number);
    if (unit === undefined) return;
    unit.raiseAttention(attention);
    if (!hasFeature(this.device.negotiated, 'VIRTIO_SCSI_F_CHANGE')) return;
    // MMC units tell of such things by other means.
    if ((unit.peripheral & 0x1f) === ScsiDeviceType.CDROM) return;
    this.#events.report({
      event: ScsiEvent.PARAM_CHANGE,
      lun: eventLun(target.id, number),
      reason: attention.asc | (attention.ascq << 8),
    });
  }

  /** An asynchronous event of a unit, told to the driver if it subscribed to it. */
  asyncEvent(target: Target, number: number, bit: number): void {
    const unit = target.units.get(number);
    if (unit === undefined || ((this.#subscriptions.get(unit) ?? 0) & bit) === 0) return;
    this.#events.report({ event: ScsiEvent.ASYNC_NOTIFY, lun: eventLun(target.id, number), reason: bit });
  }

  #raiseOnOthers(target: Target, changed: LogicalUnit): void {
    for (const unit of target.units.values())
      if (unit !== changed) unit.raiseAttention(Sense.REPORTED_LUNS_CHANGED);
  }

  #transportEvent(target: number, number: number, reason: number): void {
    if (!hasFeature(this.device.negotiated, 'VIRTIO_SCSI_F_HOTPLUG')) return;
    this.#events.report({ event: ScsiEvent.TRANSPORT_RESET, lun: eventLun(target, number), reason });
  }

  // ---- requests

  #control({ queue, ring, chain }: TaskOrigin): void {
    const bytes = controlAnswer(chain, this);
    this.device.complete(queue, ring, chain, () => chain.write(0, bytes));
  }

  #request(origin: TaskOrigin): void {
    const { chain } = origin;
    const { cdbSize, senseSize } = this.config;
    if (chain.writableLength < virtioScsiRespHead.size)
      throw new DriverError(`a request with ${chain.writableLength} bytes for the response`);
    if (
      chain.readableLength < requestHeaderSize(cdbSize) ||
      chain.writableLength < responseHeaderSize(senseSize)
    ) {
      this.#refuse(origin);
      return;
    }
    const task = new Task(origin, cdbSize, senseSize, (lun) => this.resolve(lun));
    const { unit, target } = task.destination;
    const inout = hasFeature(this.device.negotiated, 'VIRTIO_SCSI_F_INOUT');
    if (!inout && task.dataOutLength > 0 && task.dataInLength > 0) {
      this.#answer(task, Response.FAILURE);
      return;
    }
    if (unit === undefined && target === undefined) {
      this.#answer(task, Response.BAD_TARGET);
      return;
    }
    if (unit && this.#behaviours.overrun(isShort(task, unit), task)) {
      this.#answer(task, Response.OVERRUN);
      return;
    }
    this.#waiting.add(task);
    if (unit === undefined || !this.#held.has(unit)) this.#schedule(task);
  }

  /** A request whose headers do not fit gets as much of a response as there is room for. */
  #refuse({ queue, ring, chain }: TaskOrigin): void {
    const bytes = new Uint8Array(Math.min(chain.writableLength, responseHeaderSize(this.config.senseSize)));
    virtioScsiRespHead.write(bytes, { response: Response.FAILURE });
    this.device.complete(queue, ring, chain, () => chain.write(0, bytes));
  }

  #schedule(task: Task): void {
    const delay = this.#behaviours.delay(task.destination.unit?.delay ?? 0, task);
    if (delay > 0) this.#clock.schedule(delay, () => this.device.guard(() => this.#run(task)));
    else this.#run(task);
  }

  #run(task: Task): void {
    // Cancelled meanwhile, or held again.
    const { unit, target, number } = task.destination;
    if (!this.#waiting.has(task) || (unit && this.#held.has(unit))) return;
    const server = unit ?? (target && new MissingUnit(target, number));
    const result = server?.execute(task, this.#behaviours);
    if (result === undefined) return;
    this.#waiting.delete(task);
    this.#answer(task, Response.OK, result);
  }

  #cancel(task: Task, response: number): void {
    this.#waiting.delete(task);
    this.#answer(task, response);
  }

  #answer(task: Task, response: number, result?: CommandResult): void {
    const { queue, ring, chain } = task.origin;
    const answer = this.#behaviours.answer(shape(task, response, result), task);
    this.device.complete(queue, ring, chain, () => {
      const bytes = encodeAnswer(answer);
      storeAnswer(bytes, answer.unwritten, (offset, part) => chain.write(offset, part));
      return Math.min(bytes.length, chain.writableLength);
    });
  }
}

/** An event's lun: peripheral addressing as far as it reaches. */
function eventLun(target: number, number: number): Uint8Array {
  return encodeLun(target, number, number < 256 ? 'peripheral' : 'flat');
}

/** The answer of a conformant device. Residual counts from the size of the buffers. */
function shape(task: Task, response: number, result?: CommandResult): Answer {
  const data = result?.data?.subarray(0, task.dataInLength) ?? new Uint8Array(0);
  const moved = data.length + Math.min(result?.taken ?? 0, task.dataOutLength);
  const sense = result?.sense
    ? encodeSense(result.sense, result.descriptorSense ?? false).subarray(0, task.senseSize)
    : new Uint8Array(0);
  return {
    fields: {
      sense_len: sense.length,
      residual: task.dataInLength + task.dataOutLength - moved,
      status_qualifier: 0,
      status: result?.status ?? ScsiStatus.GOOD,
      response,
    },
    sense,
    senseSize: task.senseSize,
    dataIn: data,
    unwritten: [],
  };
}
