/** The commands that the device has taken and not completed yet, in order of arrival. */
import { Response, TaskAttr } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { VirtualClock } from '../clock.js';
import type { CommandResult } from '../units/command-result.js';
import { DeliveryFailure, type LogicalUnit } from '../units/logical-unit.js';
import type { Task } from './task.js';
import type { ManagementCall } from './task-management.js';

/** What the task set needs around it. */
export interface TaskSetHost {
  /** Stores the answer of a command and returns its buffer. */
  answer(task: Task, response: number, result?: CommandResult): void;
  /** Runs an action whose failures are the driver's fault. */
  guard(action: () => void): void;
}

/**
 * Commands of a unit are worked on as their task attributes have it (SAM-6, "Task attributes"): one with HEAD OF QUEUE
 * at once, and before all that wait; one with ORDERED once everything before it has ended; others once every HEAD OF
 * QUEUE and each ORDERED before them has. Undefined attributes are treated as SIMPLE.
 */
export class TaskSet {
  readonly #tasks = new Set<Task>();
  /** Those that are worked on, or are going to be after the delay of their unit. */
  readonly #started = new Set<Task>();
  readonly #held = new Set<LogicalUnit>();
  readonly #advancing = new Set<LogicalUnit>();
  readonly #clock: VirtualClock;
  readonly #behaviours: Behaviours;
  readonly #host: TaskSetHost;

  constructor(clock: VirtualClock, behaviours: Behaviours, host: TaskSetHost) {
    this.#clock = clock;
    this.#behaviours = behaviours;
    this.#host = host;
  }

  /** Takes a command, which is worked on when its turn comes, after the delay of its unit. */
  add(task: Task): void {
    this.#tasks.add(task);
    this.#advance(task.unit);
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** The commands for which `holds` is true. */
  filter(holds: (task: Task) => boolean): Task[] {
    return [...this.#tasks].filter(holds);
  }

  /** Ends commands with a response of the transport, without their having run. `call`: the function that asks for it. */
  cancel(tasks: readonly Task[], response: number, call?: ManagementCall): void {
    const units = new Set<LogicalUnit>();
    for (const task of tasks) {
      const delay = call === undefined ? 0 : this.#behaviours.cancellationDelay(0, task, call);
      if (delay > 0) {
        this.#clock.schedule(delay, () =>
          this.#host.guard(() => {
            if (this.#tasks.has(task)) this.#end(task, response);
          }),
        );
        continue;
      }
      units.add(task.unit);
      this.#forget(task);
      this.#host.answer(task, response);
    }
    for (const unit of units) this.#advance(unit);
  }

  /** Forgets commands without returning them. */
  drop(tasks: readonly Task[]): void {
    for (const task of tasks) this.#forget(task);
    for (const unit of new Set(tasks.map((task) => task.unit))) this.#advance(unit);
  }

  /** Keeps commands of a unit from being worked on. */
  hold(unit: LogicalUnit): void {
    this.#held.add(unit);
  }

  /** Works on what has been kept waiting. */
  release(unit: LogicalUnit): void {
    if (this.#held.delete(unit)) this.#advance(unit);
  }

  /** Starts commands of a unit as long as there is one whose turn it is. */
  #advance(unit: LogicalUnit): void {
    if (this.#advancing.has(unit)) return;
    this.#advancing.add(unit);
    try {
      for (let task = this.#next(unit); task !== undefined; task = this.#next(unit)) this.#start(task);
    } finally {
      this.#advancing.delete(unit);
    }
  }

  /** The first command that waits and need not do so any longer. */
  #next(unit: LogicalUnit): Task | undefined {
    if (this.#held.has(unit)) return undefined;
    const tasks = this.filter((task) => task.unit === unit);
    return tasks.find(
      (task, at) =>
        !this.#started.has(task) && this.#behaviours.enabled(isEnabled(task, at, tasks), task, tasks),
    );
  }

  #start(task: Task): void {
    this.#started.add(task);
    const delay = this.#behaviours.delay(task.unit.delay, task);
    if (delay > 0) this.#clock.schedule(delay, () => this.#host.guard(() => this.#run(task)));
    else this.#run(task);
  }

  #run(task: Task): void {
    // Cancelled meanwhile.
    if (!this.#tasks.has(task)) return;
    if (this.#held.has(task.unit)) {
      this.#started.delete(task);
      return;
    }
    let result: CommandResult | undefined;
    try {
      result = task.unit.execute(task, this.#behaviours);
    } catch (error) {
      if (!(error instanceof DeliveryFailure)) throw error;
      this.#end(task, error.response);
      return;
    }
    if (result !== undefined) this.#end(task, Response.OK, result);
  }

  /** Returns a command; what has waited for it goes on. */
  #end(task: Task, response: number, result?: CommandResult): void {
    this.#forget(task);
    this.#host.answer(task, response, result);
    this.#advance(task.unit);
  }

  #forget(task: Task): void {
    this.#tasks.delete(task);
    this.#started.delete(task);
  }
}

/** Whether a command may be worked on beside the others of its unit, which are in order of arrival. */
function isEnabled(task: Task, at: number, tasks: readonly Task[]): boolean {
  if (task.attribute === TaskAttr.HEAD) return true;
  if (tasks.some(({ attribute }) => attribute === TaskAttr.HEAD)) return false;
  if (task.attribute === TaskAttr.ORDERED) return at === 0;
  return !tasks.slice(0, at).some(({ attribute }) => attribute === TaskAttr.ORDERED);
}
