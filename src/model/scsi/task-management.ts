/** Task management functions ("Device Operation: controlq"; SAM-6). */
import { ControlResponse, Response, Tmf } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import { Sense } from '../units/sense.js';
import type { Task } from './task.js';
import type { TaskSet } from './task-set.js';
import type { Destination } from './topology.js';

/** A function, and what it is directed at. */
export interface ManagementCall {
  readonly subtype: number;
  readonly destination: Destination;
  /** Matters to functions for a single command. */
  readonly tag: bigint;
}

/** Carries a function out on an existing unit or nexus and returns its response. Its effects are done on return. */
export function manageTasks(tasks: TaskSet, behaviours: Behaviours, call: ManagementCall): number {
  const { subtype, tag } = call;
  const { target, unit } = call.destination;
  const ofUnit = (task: Task) => task.unit === unit;
  const tagged = (task: Task) => ofUnit(task) && behaviours.tagMatches(task.tag === tag, tag, task.tag);
  const select = (which: (task: Task) => boolean) =>
    tasks.filter((task) => behaviours.selected(which(task), task, call));
  const cancel = (which: (task: Task) => boolean, response: number) => {
    tasks.cancel(select(which), response, call);
    return ControlResponse.FUNCTION_COMPLETE;
  };
  const find = (which: (task: Task) => boolean) =>
    select(which).length > 0 ? ControlResponse.FUNCTION_SUCCEEDED : ControlResponse.FUNCTION_COMPLETE;
  switch (subtype) {
    case Tmf.ABORT_TASK:
      return cancel(tagged, Response.ABORTED);
    case Tmf.ABORT_TASK_SET:
    case Tmf.CLEAR_TASK_SET:
      return cancel(ofUnit, Response.ABORTED);
    case Tmf.QUERY_TASK:
      return find(tagged);
    case Tmf.QUERY_TASK_SET:
      return find(ofUnit);
    case Tmf.LOGICAL_UNIT_RESET:
      cancel(ofUnit, Response.RESET);
      unit?.reset('logical-unit', Sense.BUS_DEVICE_RESET);
      return ControlResponse.FUNCTION_COMPLETE;
    case Tmf.I_T_NEXUS_RESET:
      // A well-known unit belongs to no target.
      if (target === undefined) return ControlResponse.FUNCTION_REJECTED;
      cancel((task) => task.destination.target === target, Response.RESET);
      for (const each of target.units.values()) each.reset('nexus-loss', Sense.I_T_NEXUS_LOSS);
      return ControlResponse.FUNCTION_COMPLETE;
    // No unit establishes ACA conditions (NORMACA is 0), so CLEAR ACA is not supported either.
    default:
      return ControlResponse.FUNCTION_REJECTED;
  }
}
