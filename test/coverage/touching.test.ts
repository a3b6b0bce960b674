/** Which cases mutants are taken to touch. */
import { expect, test } from 'vitest';
import { TouchRecorder } from '../../src/coverage/touching.js';
import { type Behaviours, conformantBehaviours } from '../../src/model/behaviours.js';
import type { Mutant } from '../../src/model/mutants/index.js';

function mutant(id: string, change: (behaviours: Behaviours) => void): Mutant {
  return { id, sentence: `${id}.`, source: 'test', apply: change };
}

/** What touches a case in which `act` happens. */
function touching(mutants: readonly Mutant[], act: (behaviours: Behaviours) => void): readonly string[] {
  const recorder = new TouchRecorder(mutants);
  const behaviours = conformantBehaviours();
  recorder.watch(behaviours);
  recorder.enter('before');
  recorder.enter('here');
  act(behaviours);
  recorder.enter('after');
  for (const [id, cases] of recorder.touched)
    for (const name of cases) expect([id, name]).toEqual([id, 'here']);
  return [...recorder.touched].flatMap(([id, cases]) => (cases.has('here') ? [id] : []));
}

const STATUS_5 = mutant('status-5', (its) => {
  its.shownStatus = (status) => (status === 5 ? 0 : status);
});
const THROWS = mutant('throws', (its) => {
  its.shownStatus = () => {
    throw new Error('hidden');
  };
});

test('a mutant touches a case where it would return something else', () => {
  expect(touching([STATUS_5], (its) => its.shownStatus(5))).toEqual(['status-5']);
  expect(touching([STATUS_5], (its) => its.shownStatus(4))).toEqual([]);
  expect(touching([STATUS_5], (its) => its.configNotification(true))).toEqual([]);
});

test('the model goes on as it is, whatever they would do', () => {
  touching([STATUS_5, THROWS], (its) => expect(its.shownStatus(5)).toBe(5));
  expect(touching([THROWS], (its) => its.shownStatus(4))).toEqual(['throws']);
});

test('an equal object is no difference', () => {
  const copies = mutant('copies', (its) => {
    its.driverArea = (area) => ({ ...area });
  });
  const other = mutant('other', (its) => {
    its.driverArea = (area) => ({ ...area, flags: area.flags ^ 1 });
  });
  expect(touching([copies, other], (its) => its.driverArea({ flags: 0, event: 0 }, 0))).toEqual(['other']);
});

test('a function is carried out once, however many look on', () => {
  const twice = mutant('twice', (its) => {
    its.manage = (run) => {
      run();
      return run();
    };
  });
  const never = mutant('never', (its) => {
    its.manage = () => 0;
  });
  const same = mutant('same', (its) => {
    its.manage = (run) => run();
  });
  let runs = 0;
  const manage = (its: Behaviours) =>
    its.manage(
      () => {
        runs += 1;
        return 0;
      },
      {} as Parameters<Behaviours['manage']>[1],
    );
  expect(touching([twice, never, same], manage)).toEqual(['twice', 'never']);
  expect(runs).toBe(1);
});

test('what acts instead of returning something touches every case in which it is called, and is not called', () => {
  let called = false;
  const acts = mutant('acts', (its) => {
    its.returning = () => {
      called = true;
    };
  });
  const reach = {} as Parameters<Behaviours['returning']>[0];
  expect(touching([acts], (its) => its.returning(reach))).toEqual(['acts']);
  expect(called).toBe(false);
});

test('a mutant that acts besides is not asked, either', () => {
  const acting: Mutant = { ...THROWS, id: 'acting', acts: true };
  expect(touching([acting], (its) => its.shownStatus(4))).toEqual(['acting']);
});
