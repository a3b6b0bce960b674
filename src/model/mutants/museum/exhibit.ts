/**
 * Bugs of real devices, one mutant for each entry of `fixtures/museum.yaml` that a driver can observe.
 *
 * Where the real device did wrong so often that hardly any case would still pass, its mutant does it for some commands
 * only, which the sentence names: a mutant that breaks everything proves nothing. A crash of the device is a command
 * that is never answered, or a device that one reset does not bring back, since the model has to outlive it.
 */
import { QueueIndex } from '../../../wire/virtio-scsi.js';
import type { Behaviours } from '../../behaviours.js';
import type { Answer } from '../../scsi/answer.js';
import type { ControlAnswer, ControlContext } from '../../scsi/control-answer.js';
import type { Task } from '../../scsi/task.js';
import type { Mutant } from '../mutant.js';

/** The behaviours that a device of the past had, made anew for each device, since some remember something. */
export type Past = () => Partial<Behaviours>;

const described = (entry: string, requirement: string | undefined, sentence: string) => ({
  id: `museum.${entry.toLowerCase()}`,
  sentence,
  ...(requirement !== undefined && { requirement }),
  source: `museum ${entry}` as const,
});

/** The mutant of an entry. `acts`: see `Mutant`. */
export const exhibit = (
  entry: string,
  requirement: string | undefined,
  sentence: string,
  past: Past,
  acts?: 'acts',
): Mutant => ({
  ...described(entry, requirement, sentence),
  ...(acts && { acts: true }),
  apply: (behaviours) => {
    Object.assign(behaviours, past());
  },
});

/** The mutant of an entry that does just what one made for another reason does. */
export const alike = (
  entry: string,
  requirement: string | undefined,
  sentence: string,
  mutants: readonly Mutant[],
  id: string,
): Mutant => {
  const twin = mutants.find((mutant) => mutant.id === id);
  if (twin === undefined) throw new Error(`no mutant ${id} for ${entry}`);
  const { apply, acts } = twin;
  return { ...described(entry, requirement, sentence), ...(acts && { acts }), apply };
};

/** Whether a queue is one of those for commands. */
export const isRequestQueue = (queue: number): boolean => queue >= QueueIndex.REQUEST;

/** Commands with some answers are never returned, though they are done. */
export const unanswered =
  (which: (answer: Answer, task: Task) => boolean): Past =>
  () => {
    let lost = false;
    return {
      answer: (answer, task) => {
        lost = which(answer, task);
        return answer;
      },
      usedElements: (elements, { queue }) => (lost && isRequestQueue(queue) ? [] : elements),
    };
  };

/** Control requests of a kind are never returned. */
export const controlUnanswered =
  (which: (answer: ControlAnswer, context: ControlContext) => boolean): Past =>
  () => {
    let lost = false;
    return {
      controlAnswer: (answer, context) => {
        lost = which(answer, context);
        return answer;
      },
      usedElements: (elements, { queue }) => (lost && queue === QueueIndex.CONTROL ? [] : elements),
    };
  };

/** Buffers of commands with some answers are returned twice. */
export const returnedTwice =
  (which: (answer: Answer) => boolean): Past =>
  () => {
    let twice = false;
    return {
      answer: (answer) => {
        twice = which(answer);
        return answer;
      },
      usedElements: (elements, { queue }) =>
        twice && isRequestQueue(queue) ? [...elements, ...elements] : elements,
    };
  };
