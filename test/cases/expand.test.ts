import { describe, expect, test } from 'vitest';
import { excludedByMode } from '../../src/cases/expand.js';
import { LayeredMap } from '../../src/cases/layered-map.js';
import { rounds } from '../../src/cases/repeat.js';
import type { RepeatStep, Step } from '../../src/cases/types.js';
import { caseFile, exampleEnvironment, exampleFacts, expand, expandSteps, stepOf } from './support.js';

const TUR = '- command: {lun: disk, cdb: TEST UNIT READY}';
const ids = (keys: string, steps = TUR) =>
  expand(caseFile(steps, `needs: [disk]\n${keys}`)).cases.map(({ id }) => id);

describe('axes', () => {
  test.each([
    ['', ['test.one']],
    ['each: {n: 1..3}', ['test.one[1]', 'test.one[2]', 'test.one[3]']],
    [
      'each: {op: [READ(10), READ(16)], n: [0, 4]}',
      ['test.one[READ(10),0]', 'test.one[READ(10),4]', 'test.one[READ(16),0]', 'test.one[READ(16),4]'],
    ],
    ['each: {n: [1, =dev.request_queues, 0x10]}', ['test.one[1]', 'test.one[4]', 'test.one[16]']],
    ['each: {n: =dev.optional_features}', ['test.one[VIRTIO_F_EVENT_IDX]', 'test.one[VIRTIO_SCSI_F_CHANGE]']],
    ['each: {n: =1..dev.request_queues - 2}', ['test.one[1]', 'test.one[2]']],
    ['each: {a: [1, 2], b: =1..a}', ['test.one[1,1]', 'test.one[2,1]', 'test.one[2,2]']],
    ['each: {n: "=powers(4)"}', ['test.one[1]', 'test.one[2]', 'test.one[4]']],
    ['each: {row: [{name: near, lba: 0}, {name: far, lba: 9}]}', ['test.one[near]', 'test.one[far]']],
    ['each: {row: [{lba: 0, count: 1}]}', ['test.one[0/1]']],
    ['each: {cut: [[1, rest], [2]]}', ['test.one[1+rest]', 'test.one[2]']],
    // Facts may coincide with what stands beside them; the case is then run once.
    ['each: {n: [4, =dev.request_queues]}', ['test.one[4]']],
  ])('%s', (keys, expected) => {
    expect(ids(keys)).toEqual(expected);
  });

  test('names of rows, let and facts are in scope', () => {
    const { cases } = expand(
      caseFile(
        TUR,
        'needs: [disk]\neach: {row: [{name: far, lba: =disk.blocks - 1}]}\nlet: {next: =row.lba + 1, twice: =next * 2, data: "stamp(1, 2)"}',
      ),
    );
    const scope = cases[0]?.scope;
    expect(
      ['row.lba', 'row.name', 'next', 'twice', 'data', 'disk.blocks'].map((name) => scope?.get(name)),
    ).toEqual([...[2047n, 'far', 2048n, 4096n, 'stamp(1, 2)', 2048n]]);
  });

  test('a file may name values for all its cases', () => {
    const text = caseFile('- check: start == 7', 'needs: [disk]').replace(
      'cases:',
      'let: {start: 7}\ncases:',
    );
    expect(expand(text).cases[0]?.scope.get('start')).toBe(7n);
  });

  test('too many combinations', () => {
    const { cases, problems } = expand(caseFile(TUR, 'needs: [disk]\neach: {a: 0..63, b: 0..64}'));
    expect(cases).toEqual([]);
    expect(problems.map(({ message }) => message)).toEqual(['the axes expand to more than 4096 cases']);
  });

  test('a case that facts make impossible never runs', () => {
    const facts = exampleFacts();
    facts.set('dev.optional_features', ['READ(10)', 'READ10']);
    const steps = '- command: {lun: disk, cdb: {op: =op}}';
    const { cases, problems } = expand(
      caseFile(steps, 'needs: [disk]\neach: {op: =dev.optional_features}'),
      exampleEnvironment({ facts }),
    );
    expect(cases.map(({ id }) => id)).toEqual(['test.one[READ(10)]']);
    expect(problems.map(({ message }) => message)).toEqual(['no command "READ10"; did you mean "READ(10)"?']);
  });

  test('a fact that is missing', () => {
    const facts = exampleFacts();
    facts.delete('dev.request_queues');
    const text = caseFile(TUR, 'needs: [disk]\neach: {n: =dev.request_queues}');
    expect(expand(text, exampleEnvironment({ facts })).problems.map(({ message }) => message)).toEqual([
      'unknown name "dev.request_queues"',
    ]);
  });
});

describe('needs', () => {
  const skip = (need: string, change = {}) =>
    expand(caseFile(TUR, `needs: [disk, ${need}]`), exampleEnvironment(change)).cases[0]?.skip;

  test.each([
    ['modern', {}],
    ['VIRTIO_F_EVENT_IDX', {}],
    ['"!legacy"', {}],
    ['hold', {}],
    ['WRITE SAME(16)', {}],
    ['scratch', {}],
    ['=dev.request_queues >= 2', {}],
    ['"!=dev.request_queues > 9"', {}],
    ['=offered(VIRTIO_F_EVENT_IDX)', {}],
  ])('met: %s', (need, change) => {
    expect(skip(need, change)).toBeUndefined();
  });

  test.each([
    ['legacy', {}, 'no-layer', 'the run is not legacy'],
    ['"!modern"', {}, 'no-layer', 'the run is modern'],
    ['VIRTIO_F_EVENT_IDX', { features: 0n }, 'not-offered', 'VIRTIO_F_EVENT_IDX is not offered'],
    ['tape', {}, 'not-offered', 'tape is not bound'],
    ['"!cdrom"', {}, 'not-offered', 'cdrom is bound'],
    ['busy-fault', {}, 'no-control', 'the adapter has no busy-fault'],
    ['UNMAP', { serves: () => false }, 'not-offered', 'UNMAP is not served by disk'],
    ['scratch', { scratch: () => false }, 'not-consented', 'disk is not lent for writing'],
    ['=dev.request_queues > 9', {}, 'not-offered', 'not dev.request_queues > 9'],
    ['"!=dev.request_queues >= 2"', {}, 'not-offered', 'dev.request_queues >= 2'],
  ])('not met: %s', (need, change, kind, evidence) => {
    expect(skip(need, change)).toEqual({ kind, evidence });
  });

  test('a command that an axis names is asked for where it is named', () => {
    const { cases } = expand(
      caseFile(
        TUR,
        'needs: [disk, =op, =row.blocks < 9]\neach: {op: [READ(10), READ(16)], row: [{name: a, blocks: 8}]}',
      ),
      exampleEnvironment({ serves: (_, command) => command !== 'READ(16)' }),
    );
    expect(cases.map(({ id, skip: why }) => [id, why?.evidence])).toEqual([
      ['test.one[READ(10),a]', undefined],
      ['test.one[READ(16),a]', 'READ(16) is not served by disk'],
    ]);
  });

  test('a command that an axis names can be asked to be absent', () => {
    const { cases } = expand(
      caseFile(TUR, 'needs: [disk, "!=op"]\neach: {op: [READ(10), READ(16)]}'),
      exampleEnvironment({ serves: (_, command) => command !== 'READ(16)' }),
    );
    expect(cases.map(({ id, skip: why }) => [id, why?.evidence])).toEqual([
      ['test.one[READ(10)]', 'READ(10) is served by disk'],
      ['test.one[READ(16)]', undefined],
    ]);
  });

  test('a command is asked of the role that is named last before it', () => {
    const asked: string[] = [];
    const environment = exampleEnvironment({
      roles: new Set(['disk', 'disk-pi']),
      serves: (role, command) => asked.push(`${role} ${command}`) > 0,
    });
    const { cases } = expand(
      caseFile(TUR, 'needs: [disk, UNMAP, disk-pi, scratch, =op]\neach: {op: [READ(32)]}'),
      environment,
    );
    expect(cases.map(({ skip: why }) => why)).toEqual([undefined]);
    expect([...new Set(asked)]).toEqual(['disk UNMAP', 'disk-pi READ(32)']);
  });

  test('a truth value that a let names is a condition', () => {
    const named = (need: string) =>
      expand(caseFile(TUR, `needs: [disk, ${need}]\nlet: {large: =disk.blocks > 1}`)).cases[0]?.skip;
    expect(named('=large')).toBeUndefined();
    expect(named('"!=large"')?.evidence).toBe('large');
  });

  test('a role that is not bound takes its axes with it', () => {
    const environment = exampleEnvironment({ roles: new Set(), facts: new Map() });
    const { cases, problems } = expand(
      caseFile(TUR, 'needs: [disk]\neach: {n: =disk.vpd_pages}'),
      environment,
    );
    expect(problems).toEqual([]);
    expect(cases.map(({ id, skip: why }) => [id, why?.evidence])).toEqual([
      ['test.one', 'disk is not bound'],
    ]);
  });
});

test('modes', () => {
  const current = { ring: 'packed', indirect: 'on', event_idx: 'off', transport: 'pci' } as const;
  expect(excludedByMode({}, current)).toBeUndefined();
  expect(excludedByMode({ ring: 'packed', event_idx: 'off' }, current)).toBeUndefined();
  expect(excludedByMode({ ring: 'split' }, current)).toEqual({
    kind: 'excluded-mode',
    evidence: 'ring is packed, the case is for split',
  });
});

test('what holds for the case', () => {
  const steps = `- command: {lun: disk, cdb: {op: WRITE(10), lba: 0, blocks: 1}}`;
  const expanded = expandSteps(
    steps,
    `needs: [disk]
modes: {ring: split}
hostile: true
level: SHOULD
waive: {canary: the device is known to write here}
tags: [slow]
changes: [data]
museum: [QVS-01-tmf-tag-truncated]
device: {state: reset, queues: {request: {size: 8, memory: tight}}, vectors: {config: 0, event: none}}`,
  );
  expect(expanded).toMatchObject({
    id: 'test.one',
    baseId: 'test.one',
    area: 'test',
    line: 4,
    modes: { ring: 'split' },
    hostile: true,
    level: 'SHOULD',
    tags: ['slow'],
    changes: ['data'],
    covers: ['scsi.req.residual'],
    museum: ['QVS-01-tmf-tag-truncated'],
    writes: ['disk'],
    device: {
      state: 'reset',
      until: 'live',
      queues: [{ queue: { constant: 2n }, size: { constant: 8n }, memory: 'tight' }],
      vectors: [
        { source: 'config', vector: { constant: 0n } },
        { source: { constant: 1n }, vector: 'none' },
      ],
    },
  });
  expect([...expanded.waive]).toEqual([['canary', 'the device is known to write here']]);
});

describe('repeat', () => {
  const played = (steps: string, extra: Readonly<Record<string, bigint | bigint[]>> = {}) => {
    const expanded = expandSteps(steps);
    const scope = new LayeredMap(expanded.scope, Object.entries(extra));
    const out: string[] = [];
    const play = (list: readonly Step[]): void => {
      for (const step of list) {
        if (step.kind === 'command' && step.cdb.kind === 'command')
          out.push(
            [
              step.cdb.command.name,
              ...['a', 'b', 'op', 'row.name'].map((name) => scope.get(name) ?? '-'),
            ].join(' '),
          );
        if (step.kind !== 'repeat') continue;
        for (const round of rounds(step, scope, {})) {
          for (const [name, value] of round.bind) scope.set(name, value);
          play(round.steps);
        }
      }
    };
    play(expanded.steps);
    return out;
  };

  test('the first axis changes slowest', () => {
    expect(
      played('- repeat: {a: 1..2, b: [5, 6]}\n  steps: [{command: {lun: disk, cdb: TEST UNIT READY}}]'),
    ).toEqual([
      'TEST UNIT READY 1 5 - -',
      'TEST UNIT READY 1 6 - -',
      'TEST UNIT READY 2 5 - -',
      'TEST UNIT READY 2 6 - -',
    ]);
  });

  test('texts decide how the steps are read', () => {
    expect(
      played(
        '- repeat: {a: 1..2, op: [READ(10), INQUIRY]}\n  steps: [{command: {lun: disk, cdb: {op: =op}}}]',
      ),
    ).toEqual([
      'READ(10) 1 - READ(10) -',
      'INQUIRY 1 - INQUIRY -',
      'READ(10) 2 - READ(10) -',
      'INQUIRY 2 - INQUIRY -',
    ]);
  });

  test('rows may hold expressions over what was captured', () => {
    const step = stepOf(
      expandSteps(
        `- read: config.seg_max
  as: segs
- repeat: {row: [{name: all, n: =segs + 1}, {name: one, n: 1}]}
  steps: [{command: {lun: disk, cdb: {op: READ(10), blocks: =row.n}}}]`,
      ).steps,
      'repeat',
    );
    const variants = step.rounds.kind === 'variants' ? step.rounds.variants : [];
    const fields = variants.map(({ steps }) => {
      const { cdb } = stepOf(steps, 'command');
      return cdb.kind === 'command' ? cdb.fields.get('blocks')?.text : undefined;
    });
    expect(fields).toEqual(['segs + 1', 'row.n']);
  });

  test('a captured list is an axis, and one that is too long is refused', () => {
    const steps = `- command: {lun: disk, cdb: {op: INQUIRY, allocation_length: 8}}
  expect: {data_in: "{as pages:u8[8]}"}
- repeat: {a: =pages}
  steps: [{command: {lun: disk, cdb: TEST UNIT READY}}]`;
    const step = stepOf(expandSteps(steps).steps, 'repeat') satisfies RepeatStep;
    const values = (pages: bigint[]) => [...rounds(step, new Map([['pages', pages]]), {})].length;
    expect(values([1n, 2n])).toBe(2);
    expect(() => values(Array.from({ length: 70_001 }, () => 0n))).toThrow(/more than 70000/);
  });
});

describe('steps', () => {
  const only = (steps: string, keys?: string) => expandSteps(steps, keys).steps;

  test('a sender, with everything that can be said', () => {
    const [step] = only(
      `- command: {lun: disk, cdb: {op: READ(10), lba: =disk.blocks - 1, blocks: 1}, tag: 7, attr: HEAD, prio: 1, crn: 2, data_in: 8 blocks}
  queue: request.1
  notify: when-asked
  driver: second
  retry: 3
  within: 20ms
  when: disk.blocks > 1
  note: why
  layout: {out: [8, 1*43, "2*{disk.blocks / 2}"], in: {pieces: 3}, indirect: {from: 1}, cdb_size: 16, sense_size: 0, pi_header: linux}`,
    );
    expect(step).toMatchObject({
      kind: 'command',
      at: { line: 9, column: 9 },
      lun: { kind: 'unit', name: 'disk' },
      tag: { constant: 7n },
      attr: { constant: 2n },
      dataIn: { kind: 'size', size: { unit: 'blocks' } },
      queue: { constant: 3n },
      notify: 'when-asked',
      driver: 'second',
      retry: 3,
      within: 20,
      when: { text: 'disk.blocks > 1' },
      note: 'why',
      expect: { explicit: false, blocks: [] },
      layout: {
        out: {
          kind: 'list',
          list: [
            { size: { count: { constant: 8n } } },
            { times: { constant: 43n } },
            { size: { count: { constant: 2n } }, times: { text: 'disk.blocks / 2' } },
          ],
        },
        in: { kind: 'pieces' },
        indirect: { from: { constant: 1n } },
        piHeader: 'linux',
      },
    });
  });

  test('locations', () => {
    const steps = only(`- command: {lun: disk, cdb: TEST UNIT READY}
  as: w
- read: dev.queue_size
  as: a
- read: ring.control.desc[a + 1].len
  as: b
- read: ring.request.3.used.idx
  as: c
- read: {region: pci, offset: 4, length: 8, width: 2, via: window}
  as: d
- read: {field: queue_desc, plus: 4, width: 4}
  as: e
- read: buf.w.in
  as: f
- read: medium.disk[a]
  as: g
- read: msix.2.masked
  as: h
- wait: w`);
    expect(
      steps.flatMap((step) => (step.kind === 'read' ? [[step.location, step.holds]] : [])),
    ).toMatchObject([
      [{ kind: 'dev', register: 'queue_size' }, 'number'],
      [
        { kind: 'ring', queue: { constant: 0n }, path: 'desc', index: { text: 'a + 1' }, field: 'len' },
        'number',
      ],
      [{ kind: 'ring', queue: { constant: 5n }, path: 'used.idx' }, 'number'],
      [{ kind: 'region', region: 'pci', window: true, width: { constant: 2n } }, 'bytes'],
      [{ kind: 'field', register: 'queue_desc', plus: { constant: 4n } }, 'number'],
      [{ kind: 'buffer', name: 'w', side: 'in' }, 'bytes'],
      [{ kind: 'medium', unit: 'disk', block: { text: 'a' } }, 'bytes'],
      [{ kind: 'msix', register: 'masked' }, 'number'],
    ]);
  });

  test('writes are numbers or bytes by what the location holds', () => {
    const [step] = only(
      '- write: [{dev.status: ACKNOWLEDGE|DRIVER, config.cdb_size: 16}, {"medium.disk[3]": "a5*1b"}]\n- check: disk.blocks > 1',
    );
    expect(step).toMatchObject({
      writes: [
        { location: { text: 'dev.status' }, value: { kind: 'number', number: { constant: 3n } } },
        { location: { text: 'config.cdb_size' }, value: { kind: 'number', number: { constant: 16n } } },
        { location: { kind: 'medium' }, value: { kind: 'bytes', pattern: { text: 'a5*1b', unit: 'disk' } } },
      ],
    });
  });

  test('chains', () => {
    const [step] = only(`- chain:
    - {out: [{request: {lun: disk, cdb: TEST UNIT READY}}, "00*4"], len: 7}
    - {in: 108, flags: NEXT|WRITE, next: 1}
    - {raw: {addr: 0x1000, len: 4, flags: 2}}
    - {table: [{in: 16, repeat: 3}]}
  queue: request`);
    expect(step).toMatchObject({
      kind: 'chain',
      descriptors: [
        { kind: 'out', len: { constant: 7n }, content: [{ kind: 'request' }, { kind: 'bytes' }] },
        { kind: 'in', flags: { constant: 3n }, next: { constant: 1n } },
        { kind: 'raw', addr: { constant: 4096n }, len: { constant: 4n }, flags: { constant: 2n } },
        { kind: 'table', entries: [{ kind: 'in', repeat: { constant: 3n } }] },
      ],
    });
  });

  test('controls', () => {
    const steps = only(
      `- control: {hold: [disk, disk2]}
- control: {fault: {lun: disk, on: write, error: medium}}
- control: {plug: {as: extra, beside: disk}}
- control: {resize: {lun: extra, blocks: =extra.blocks + 8}}
- control: {config-change: any}
- check: extra.target == 0`,
      'needs: [disk, disk2, hold, fault, plug, resize, config-change]',
    );
    expect(steps.slice(0, 5)).toMatchObject([
      { control: { name: 'hold', units: [{ name: 'disk' }, { name: 'disk2' }] } },
      { control: { name: 'fault', at: { name: 'disk' }, on: 'write', error: 'medium' } },
      { control: { name: 'plug', at: { name: 'disk' }, fresh: { as: 'extra', beside: true, kind: 'disk' } } },
      { control: { name: 'resize', at: { name: 'extra' } } },
      { control: { name: 'config-change' } },
    ]);
  });

  test('setup, reset, kick, publish, wait, quiet', () => {
    const steps =
      only(`- setup: {until: features, features: {add: [VIRTIO_F_IN_ORDER], only: [VIRTIO_F_VERSION_1]}, queues: {only: [request.1]}, event_buffers: 0}
- command: {lun: disk, cdb: TEST UNIT READY}
  as: w
  staged: tail
- publish: w
  notify: never
- kick: {queue: control, value: 5}
- wait: [w]
  order: listed
  within: 5ms
- wait: event
- wait: {interrupt: {source: config}}
- quiet: {for: 5ms, watch: [status]}
- reset: request.1`);
    expect(steps).toMatchObject([
      {
        kind: 'setup',
        until: 'features',
        features: { add: [{ constant: 35n }], only: [{ constant: 32n }] },
        only: [{ constant: 3n }],
        eventBuffers: { constant: 0n },
      },
      { kind: 'command', as: 'w', staged: 'tail' },
      { kind: 'publish', names: ['w'], notify: 'never' },
      { kind: 'kick', queue: { constant: 0n }, value: { constant: 5n } },
      { kind: 'wait', target: { kind: 'names', names: ['w'] }, listed: true, within: 5 },
      { kind: 'wait', target: { kind: 'event' }, within: 5000 },
      { kind: 'wait', target: { kind: 'interrupt', source: 'config' } },
      { kind: 'quiet', duration: 5, watch: ['status'] },
      { kind: 'reset', target: { constant: 3n } },
    ]);
  });
});

describe('how expectations count', () => {
  const judgements = (steps: string, keys = 'needs: [disk]') =>
    expandSteps(steps, keys).steps.flatMap((step) =>
      step.kind === 'command'
        ? [step.expect.judgement, ...step.expect.blocks.map(({ judgement }) => judgement)]
        : [],
    );

  test('the id of the case covers what has none of its own', () => {
    const [implied, block] = judgements(
      '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {residual: 0, covers: [scsi.req.id-any-value], because: so}\n- check: disk.blocks > 0',
    );
    expect(implied).toMatchObject({ covers: ['scsi.req.residual'], level: 'MUST' });
    expect(block).toMatchObject({ covers: ['scsi.req.id-any-value'], because: 'so' });
  });

  test('covers of a step hold for its expectations', () => {
    const [implied, block] = judgements(
      '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {residual: 0}\n  covers: [scsi.req.id-any-value]\n- check: disk.blocks > 0',
    );
    expect([implied?.covers, block?.covers]).toEqual([['scsi.req.id-any-value'], ['scsi.req.id-any-value']]);
  });

  test('a level of the block, of the case, or MUST', () => {
    const steps = '- command: {lun: disk, cdb: TEST UNIT READY}\n  expect: {residual: 0, level: MAY}';
    expect(judgements(steps, 'needs: [disk]\nlevel: SHOULD').map(({ level }) => level)).toEqual([
      'SHOULD',
      'MAY',
    ]);
    expect(judgements(steps).map(({ level }) => level)).toEqual(['MUST', 'MAY']);
  });
});
