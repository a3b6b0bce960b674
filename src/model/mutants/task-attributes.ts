/** Task attributes gone wrong: commands that lose their turn, or that get it in an order nobody may choose. */
import { TaskAttr, Tmf } from '../../wire/virtio-scsi.js';
import type { Task } from '../scsi/task.js';
import type { LogicalUnit } from '../units/logical-unit.js';
import type { Mutant } from './mutant.js';

/** A mutant whose commands of one attribute are never worked on once they have found others of their unit waiting. */
function stuck(id: string, sentence: string, attribute: number): Mutant {
  return {
    id,
    sentence,
    requirement: 'scsi.req.task-attr-values',
    source: 'generic',
    apply: (behaviours) => {
      const stopped = new WeakSet<Task>();
      behaviours.enabled = (enabled, task, tasks) => {
        if (task.attribute === attribute && tasks.length > 1) stopped.add(task);
        return enabled && !stopped.has(task);
      };
    },
  };
}

/** A mutant of a function that ends all commands of a unit but those that are not SIMPLE. */
function sparing(id: string, sentence: string, requirement: string, subtype: number): Mutant {
  return {
    id,
    sentence,
    requirement,
    source: 'generic',
    apply: (behaviours) => {
      behaviours.selected = (selected, task, call) =>
        selected && (call.subtype !== subtype || task.attribute === TaskAttr.SIMPLE);
    },
  };
}

export const TASK_ATTRIBUTE_MUTANTS: readonly Mutant[] = [
  stuck(
    'task-attr.ordered-stuck',
    'An ORDERED command that has to wait never gets its turn.',
    TaskAttr.ORDERED,
  ),
  stuck('task-attr.head-stuck', 'A HEAD OF QUEUE command beside others never gets its turn.', TaskAttr.HEAD),
  {
    id: 'task-attr.youngest-first',
    sentence: 'Of the commands that wait for a unit the youngest is worked on first.',
    source: 'generic',
    apply: (behaviours) => {
      behaviours.enabled = (_enabled, task, tasks) => tasks.at(-1) === task;
    },
  },
  {
    id: 'task-attr.aborted-barrier-stays',
    sentence: 'After ABORT TASK of a command that is not SIMPLE the others of its unit go on waiting for it.',
    requirement: 'scsi.tmf.id-matching',
    source: 'generic',
    apply: (behaviours) => {
      let waiting = new WeakSet<LogicalUnit>();
      behaviours.resets = () => {
        waiting = new WeakSet();
        return true;
      };
      behaviours.selected = (selected, task, call) => {
        if (selected && call.subtype === Tmf.ABORT_TASK && task.attribute !== TaskAttr.SIMPLE)
          waiting.add(task.unit);
        return selected;
      };
      behaviours.enabled = (enabled, { unit }) => enabled && !waiting.has(unit);
    },
  },
  sparing(
    'task-attr.abort-set-spares',
    'ABORT TASK SET ends SIMPLE commands alone.',
    'scsi.tmf.abort-task-set-completes',
    Tmf.ABORT_TASK_SET,
  ),
  sparing(
    'task-attr.reset-spares',
    'LOGICAL UNIT RESET ends SIMPLE commands alone.',
    'scsi.tmf.lun-reset-completes-all',
    Tmf.LOGICAL_UNIT_RESET,
  ),
];
