/** Which cases mutants are taken to touch. */
import { describe, expect, test } from 'vitest';
import { type Entered, TouchRecorder, WATCHED_AT_MOST } from '../../src/coverage/touching.js';
import { type Behaviours, conformantBehaviours } from '../../src/model/behaviours.js';
import type { Mutant } from '../../src/model/mutants/index.js';

function mutant(id: string, change: (behaviours: Behaviours) => void): Mutant {
  return { id, sentence: `${id}.`, source: 'test', apply: change };
}

const aCase = (id: string, more: Partial<Entered> = {}): Entered => ({ id, covers: [], ...more });

/** What touches a case in which `act` happens. */
function touching(mutants: readonly Mutant[], act: (behaviours: Behaviours) => void): readonly string[] {
  const recorder = new TouchRecorder(mutants);
  const behaviours = conformantBehaviours();
  recorder.watch(behaviours);
  recorder.enter(aCase('before'));
  recorder.enter(aCase('here'));
  act(behaviours);
  recorder.enter(aCase('after'));
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

test('what can only act touches a case in which it would, and cannot', () => {
  let written = 0;
  const reach = { queue: 2, write: () => written++ } as unknown as Parameters<Behaviours['returning']>[0];
  const acts = mutant('acts', (its) => {
    its.returning = (own) => (own as unknown as { write(): void }).write();
  });
  const looks = mutant('looks', (its) => {
    its.returning = (own) => {
      if ((own as unknown as { queue: number }).queue === 3) written++;
    };
  });
  expect(touching([acts, looks], (its) => its.returning(reach))).toEqual(['acts']);
  expect(written).toBe(0);
});

describe('a mutant that acts besides', () => {
  const call = { command: { name: 'WRITE' }, bytes: Uint8Array.of(1), unit: { full: false, erase() {} } };
  type Perform = (its: typeof call, run: () => { status: number }) => unknown;
  const touches = (perform: Perform): boolean => {
    const acting: Mutant = {
      ...mutant('acting', (its) => {
        its.perform = perform as unknown as Behaviours['perform'];
      }),
      acts: true,
    };
    const perform_ = (its: Behaviours) => (its.perform as unknown as Perform)(call, () => ({ status: 0 }));
    return touching([acting], perform_).length > 0;
  };
  const having = (deed: () => unknown, run: () => { status: number }) => {
    deed();
    return run();
  };
  test.each<[string, Perform, boolean]>([
    ['does nothing', (_, run) => run(), false],
    ['looks', ({ command, bytes }, run) => (command.name === 'READ' || bytes[0] === 2 ? 0 : run()), false],
    ['takes another answer', (_, run) => ({ ...run(), status: 2 }), true],
    ['takes an equal answer', (_, run) => ({ ...run() }), false],
    ['calls', ({ unit }, run) => having(() => unit.erase(), run), true],
    ['changes', (its, run) => having(() => Object.assign(its.unit, { full: true }), run), true],
    ['changes bytes', ({ bytes }, run) => having(() => bytes.fill(7), run), true],
  ])('and %s', (_, perform, expected) => {
    expect(touches(perform)).toBe(expected);
    expect(call).toMatchObject({ bytes: Uint8Array.of(1), unit: { full: false } });
  });

  test('knows a thing again', () => {
    const seen: object[] = [];
    const recorder = new TouchRecorder([
      mutant('remembers', (its) => {
        its.kickedRing = (ring) => {
          if (ring !== undefined) seen.push(ring);
          return ring;
        };
      }),
    ]);
    const behaviours = conformantBehaviours();
    recorder.watch(behaviours);
    recorder.enter(aCase('here'));
    const ring = {} as Parameters<Behaviours['kickedRing']>[0];
    expect([behaviours.kickedRing(ring, 2), behaviours.kickedRing(ring, 2)]).toEqual([ring, ring]);
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBe(seen[1]);
    expect(recorder.touched.get('remembers')).toEqual(new Set());
  });
});

test('a case that goes on and on is touched by those that break what it covers, and not watched to the end', () => {
  let asked = 0;
  const patient = mutant('patient', (its) => {
    its.shownStatus = (status) => {
      asked += 1;
      return status;
    };
  });
  const recorder = new TouchRecorder([patient, { ...STATUS_5, requirement: 'virtio.status.x' }]);
  const behaviours = conformantBehaviours();
  recorder.watch(behaviours);
  recorder.enter(aCase('here', { covers: ['virtio.status.x'] }));
  for (let i = 0; i < 2 * WATCHED_AT_MOST; i++) behaviours.shownStatus(4);
  expect(asked).toBeLessThan(WATCHED_AT_MOST);
  expect([...recorder.touched].map(([id, cases]) => [id, cases.size])).toEqual([
    ['patient', 0],
    ['status-5', 1],
  ]);
});
