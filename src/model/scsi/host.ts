/** The SCSI host device: what is put on its queues, and what is done to it from outside ("SCSI Host Device"). */
import { hasFeature } from '../../wire/virtio.js';
import {
  QueueIndex,
  Response,
  requestHeaderSize,
  responseHeaderSize,
  virtioScsiRespHead,
} from '../../wire/virtio-scsi.js';
import type { Behaviours, ResetPart } from '../behaviours.js';
import type { VirtualClock } from '../clock.js';
import { DriverError } from '../errors.js';
import type { CommandResult } from '../units/command-result.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import { ReportLunsUnit } from '../units/report-luns-unit.js';
import { Sense } from '../units/sense.js';
import type { DeviceType, VirtioDevice } from '../virtio/device.js';
import type { Virtqueue } from '../virtio/queue.js';
import type { Ring } from '../virtio/ring.js';
import { answerOf, encodeAnswer, storeAnswer } from './answer.js';
import { answerControl, type ControlHost, storeControlAnswer } from './control-queue.js';
import { DeviceConfig, type ScsiLimits } from './device-config.js';
import { EventQueue } from './event-queue.js';
import { isOverrun } from './overrun.js';
import { Task, type TaskLayout, type TaskOrigin } from './task.js';
import { type ManagementCall, manageTasks } from './task-management.js';
import { TaskSet, type TaskSetHost } from './task-set.js';
import { type Destination, type Target, Topology } from './topology.js';
import { UnitReports } from './unit-reports.js';

export class ScsiHost implements DeviceType, ControlHost, TaskSetHost {
  readonly queueCount: number;
  readonly features: bigint;
  readonly topology = new Topology((topology) => new ReportLunsUnit(topology));
  readonly config: DeviceConfig;
  readonly tasks: TaskSet;
  readonly reports: UnitReports;
  readonly #behaviours: Behaviours;
  readonly #events: EventQueue;
  #device: VirtioDevice | undefined;

  constructor(limits: ScsiLimits, features: bigint, clock: VirtualClock, behaviours: Behaviours) {
    this.queueCount = QueueIndex.REQUEST + limits.requestQueues;
    this.features = features;
    this.#behaviours = behaviours;
    this.config = new DeviceConfig(limits, behaviours, {
      writable: () => this.device.configurationWritable,
      changed: () => this.device.configChanged('driver'),
      read: () => this.device.configRead(),
    });
    this.tasks = new TaskSet(clock, behaviours, this);
    this.#events = new EventQueue(() => this.device);
    this.reports = new UnitReports(
      this.#events,
      (name) => hasFeature(this.device.negotiated, name),
      behaviours,
    );
  }

  /** Connects host and device, each of which needs the other. */
  attach(device: VirtioDevice): void {
    this.#device = device;
  }

  get device(): VirtioDevice {
    if (this.#device === undefined) throw new Error('the SCSI host is not attached to a device');
    return this.#device;
  }

  guard(action: () => void): void {
    this.device.guard(action);
  }

  // ---- as a type of virtio device

  kicked(queue: Virtqueue, ring: Ring): void {
    if (queue.index === QueueIndex.EVENT) {
      this.#events.kicked();
      return;
    }
    do {
      for (let chain = ring.take(); chain !== undefined; chain = ring.take()) {
        const origin = { queue, ring, chain };
        if (queue.index === QueueIndex.CONTROL) this.#control(origin);
        else this.#request(origin);
      }
    } while (ring.rearm());
  }

  get busy(): boolean {
    return this.tasks.size > 0;
  }

  finishOutstanding(): void {
    this.tasks.cancel(
      this.tasks.filter(() => true),
      Response.FAILURE,
    );
  }

  reset(resets: (part: ResetPart) => boolean): void {
    if (resets('tasks')) this.tasks.drop(this.tasks.filter(() => true));
    this.reports.forgetSubscriptions();
    if (resets('lost_events')) this.#events.forgetLoss();
    if (resets('units')) for (const { unit } of this.topology.all()) unit.reset('hard', Sense.POWER_ON);
    if (this.config.reset(resets)) this.device.configChanged('driver');
  }

  queueReset(queue: Virtqueue): void {
    this.tasks.drop(this.tasks.filter((task) => task.origin.queue === queue));
    if (queue.index === QueueIndex.EVENT) this.#events.forgetLoss();
  }

  // ---- as host of the control queue

  resolve(lun: Uint8Array): Destination {
    const find = (other: Uint8Array) => this.topology.resolve(other);
    return this.#behaviours.destination(find(lun), lun, find);
  }

  manage(call: ManagementCall): number {
    return this.#behaviours.manage(() => manageTasks(this.tasks, this.#behaviours, call), call);
  }

  asyncEvents({ unit }: Destination, requested: number, subscribe: boolean): number {
    if (unit === undefined) return 0;
    const actual = unit.asyncEvents & requested;
    if (subscribe) this.reports.subscribe(unit, actual);
    return actual;
  }

  typeOf: ControlHost['typeOf'] = (type) => this.#behaviours.controlType(type);

  understand: ControlHost['understand'] = (request, chain) => this.#behaviours.controlRequest(request, chain);

  adjust: ControlHost['adjust'] = (answer, context) => this.#behaviours.controlAnswer(answer, context);

  // ---- changes from outside

  /** Adds a unit and tells of it once it can answer. */
  plug(target: Target, number: number, unit: LogicalUnit): void {
    target.units.set(number, unit);
    this.reports.appeared(target, number, unit);
  }

  /** Removes a unit; a target goes with its last one. Outstanding commands are completed with FAILURE first. */
  unplug(target: Target, number: number): void {
    const unit = target.units.get(number);
    if (unit === undefined) return;
    this.tasks.cancel(
      this.tasks.filter((task) => task.unit === unit),
      Response.FAILURE,
    );
    this.tasks.release(unit);
    target.units.delete(number);
    if (target.units.size === 0) this.topology.targets.delete(target.id);
    this.reports.removed(target, number, unit);
  }

  /** Resets a unit as others than the driver can. Outstanding commands are completed with RESET first. */
  resetUnit(target: Target, number: number, unit: LogicalUnit): void {
    this.tasks.cancel(
      this.tasks.filter((task) => task.unit === unit),
      Response.RESET,
    );
    unit.reset('hard', Sense.POWER_ON);
    this.reports.wasReset(target, number, unit);
  }

  // ---- requests

  #control({ queue, ring, chain }: TaskOrigin): void {
    const order = this.device.order('control');
    const answer = answerControl(chain, order, this);
    this.device.complete(queue, ring, chain, () => storeControlAnswer(answer, chain, order));
  }

  #request(origin: TaskOrigin): void {
    const { chain } = origin;
    const announced: TaskLayout = {
      cdbSize: this.config.cdbSize,
      senseSize: this.config.senseSize,
      order: this.device.order('request'),
      ...(hasFeature(this.device.negotiated, 'VIRTIO_SCSI_F_T10_PI') && { piHeader: 'literal' }),
    };
    const layout = this.#behaviours.requestLayout(announced, chain.readableLength);
    if (chain.writableLength < virtioScsiRespHead.size)
      throw new DriverError(`a request with ${chain.writableLength} bytes for the response`);
    if (
      chain.readableLength < requestHeaderSize(layout.cdbSize, layout.piHeader) ||
      chain.writableLength < responseHeaderSize(layout.senseSize)
    ) {
      this.#refuse(origin);
      return;
    }
    const task = new Task(
      origin,
      layout,
      (lun) => this.resolve(lun),
      (sizes) => this.#behaviours.protectionSizes(sizes),
    );
    if (task.dataOutLength < 0 || task.dataInLength < 0) {
      this.#refuse(origin);
      return;
    }
    const refusal = this.#transportRefusal(task);
    if (refusal === undefined) this.tasks.add(task);
    else this.answer(task, refusal);
  }

  /** The response to a command that is not given to any unit. */
  #transportRefusal(task: Task): number | undefined {
    const { unit, target } = task.destination;
    const bothWays = task.dataOutLength > 0 && task.dataInLength > 0;
    const allowed = hasFeature(this.device.negotiated, 'VIRTIO_SCSI_F_INOUT');
    if (bothWays && !this.#behaviours.bothWays(allowed)) return Response.FAILURE;
    if (unit === undefined && target === undefined) return Response.BAD_TARGET;
    return this.#behaviours.overrun(isOverrun(task), task) ? Response.OVERRUN : undefined;
  }

  /** A request whose headers do not fit gets as much of a response as there is room for. */
  #refuse({ queue, ring, chain }: TaskOrigin): void {
    const bytes = new Uint8Array(Math.min(chain.writableLength, responseHeaderSize(this.config.senseSize)));
    virtioScsiRespHead.write(bytes, { response: Response.FAILURE }, 0, this.device.order('request'));
    this.device.complete(queue, ring, chain, () => chain.write(0, bytes));
  }

  answer(task: Task, response: number, result?: CommandResult): void {
    const { queue, ring, chain } = task.origin;
    const answer = this.#behaviours.answer(answerOf(task, response, result), task);
    this.device.complete(queue, ring, chain, () => {
      const bytes = encodeAnswer(answer);
      storeAnswer(bytes, answer.unwritten, (offset, part) => chain.write(offset, part));
      return Math.min(bytes.length, chain.writableLength);
    });
  }
}
