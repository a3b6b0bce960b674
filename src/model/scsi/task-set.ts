/** The commands that the device has taken and not completed yet, in order of arrival. */
import { Response } from '../../wire/virtio-scsi.js';
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

/** All task attributes are treated as SIMPLE, and a unit works on its commands one after the other. */
export class TaskSet {
  readonly #tasks = new Set<Task>();
  readonly #held = new Set<LogicalUnit>();
  readonly #clock: VirtualClock;
  readonly #behaviours: Behaviours;
  readonly #host: TaskSetHost;

  constructor(clock: VirtualClock, behaviours: Behaviours, host: TaskSetHost) {
    this.#clock = clock;
    this.#behaviours = behaviours;
    this.#host = host;
  }

  /** Takes a command, which is worked on at once, after the delay of its unit, or when its unit is released. */
  add(task: Task): void {
    this.#tasks.add(task);
    this.#schedule(task);
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
    for (const task of tasks) {
      const end = () => {
        if (this.#tasks.delete(task)) this.#host.answer(task, response);
      };
      const delay = call === undefined ? 0 : this.#behaviours.cancellationDelay(0, task, call);
      if (delay > 0) this.#clock.schedule(delay, () => this.#host.guard(end));
      else end();
    }
  }

  /** Forgets commands without returning them. */
  drop(tasks: readonly Task[]): void {
    for (const task of tasks) this.#tasks.delete(task);
  }

  /** Keeps commands of a unit from being worked on. */
  hold(unit: LogicalUnit): void {
    this.#held.add(unit);
  }

  /** Works on what has been kept waiting. */
  release(unit: LogicalUnit): void {
    if (!this.#held.delete(unit)) return;
    for (const task of this.filter((each) => each.unit === unit)) this.#schedule(task);
  }

  #schedule(task: Task): void {
    const delay = this.#behaviours.delay(task.unit.delay, task);
    if (delay > 0) this.#clock.schedule(delay, () => this.#host.guard(() => this.#run(task)));
    else this.#run(task);
  }

  #run(task: Task): void {
    // Cancelled meanwhile, done already, or held.
    if (!this.#tasks.has(task) || this.#held.has(task.unit)) return;
    let result: CommandResult | undefined;
    try {
      result = task.unit.execute(task, this.#behaviours);
    } catch (error) {
      if (!(error instanceof DeliveryFailure)) throw error;
      this.cancel([task], error.response);
      return;
    }
    if (result === undefined) return;
    this.#tasks.delete(task);
    this.#host.answer(task, Response.OK, result);
  }
}
