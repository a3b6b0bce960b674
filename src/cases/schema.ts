/**
 * JSON Schema 2020-12 of case files, generated from the tables of `wire` and the words of `vocabulary.ts`. It is for
 * editors (completion, descriptions) and for the loader's first look; what it cannot see, the compiler checks.
 *
 * A step is one object type that lists every key, narrowed by `if … then propertyNames`: a `oneOf` of whole step
 * types would complete nothing and explain nothing.
 */
import { type ControlName, FAULT_ACCESSES, FAULT_ERRORS, MEDIA } from '../port/controls.js';
import { COMMANDS } from '../wire/scsi/commands.js';
import {
  CAPABILITIES,
  CHANGES,
  COMMAND_NAMES,
  DOCUMENTS,
  EVENT_REASONS,
  EVENTS,
  FEATURES,
  LAYERS,
  OPS,
  QUALIFIERS,
  REGIONS,
  RESPONSES,
  RING_AREAS,
  ROLES,
  SPLIT_COMMANDS,
  STANDING_CHECKS,
  STATUSES,
  STEP_KINDS,
  TAGS,
  TASK_ATTRIBUTES,
  TMF_FUNCTIONS,
  TRANSPORTS,
  UNIT_KINDS,
} from './vocabulary.js';

type Schema = Readonly<Record<string, unknown>>;

/** What a schema is generated for. */
export interface SchemaOptions {
  /** Roles that profiles may bind besides the built-in ones. */
  readonly roles?: readonly string[];
  /**
   * Narrow the fields of a CDB by its `op`, for editors. The loader leaves this to the compiler, whose messages are
   * better and which also sees an `op` that is an axis.
   */
  readonly cdbFields?: boolean;
}

const EXPRESSION: Schema = {
  type: 'string',
  pattern: '^=',
  description: 'Expression, e.g. =disk.blocks - 1',
};
const NAME = '^[a-z][a-z0-9_]*$';
const QUEUE_NAME = '(?:control|event|request(?:\\.[0-9]{1,4})?)';

const ref = (name: string): Schema => ({ $ref: `#/$defs/${name}` });
const object = (properties: Record<string, unknown>, extra: Schema = {}): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...extra,
});
const oneOrMore = (schema: Schema): Schema => ({
  anyOf: [schema, { type: 'array', items: schema, minItems: 1 }],
});
const described = (schema: Schema, description: string): Schema => ({ ...schema, description });
const words = (list: readonly string[], description?: string): Schema => ({
  anyOf: [{ enum: [...list] }, EXPRESSION],
  ...(description === undefined ? {} : { description }),
});
const code = (names: Readonly<Record<string, number>>): Schema =>
  oneOrMore({
    anyOf: [
      { enum: ['any', ...Object.keys(names)] },
      { type: 'integer', minimum: 0, maximum: 255 },
      ref('code'),
    ],
  });

const judgementKeys = {
  level: ref('level'),
  ruling: ref('ruling'),
  covers: ref('covers'),
  because: { type: 'string', description: 'Why this is expected; printed on failure' },
};

const alternativeKeys = {
  is: { type: 'string', minLength: 1, description: 'Name of this alternative, recorded in the result' },
  as: described(
    ref('name'),
    'Name that is true afterwards if this alternative was seen, and false if another was',
  ),
  when: ref('condition'),
  verdict: {
    enum: ['pass', 'note', 'warn', 'fail'],
    default: 'pass',
    description:
      'How it counts when this is the alternative seen; give ruling instead where rulings.yaml decides',
  },
  ruling: ref('ruling'),
  covers: ref('covers'),
  because: judgementKeys.because,
};

const resultKeys = {
  outcome: described(
    oneOrMore({ enum: ['returned', 'needs_reset', 'silent'] }),
    'What may become of the buffer; returned unless said otherwise',
  ),
  answer: {
    const: 'any',
    description: 'Switches the implied OK and GOOD off: whatever the device answers is fine',
  },
  used: {
    anyOf: [
      { const: 'any' },
      object({
        len: ref('number'),
        slot: ref('number'),
        entries: ref('number'),
        id: ref('number'),
        write_flag: ref('number'),
      }),
    ],
    description: 'The used entry; entries counts all those of one wait together',
  },
  response: described(code(RESPONSES), 'OK (task management: FUNCTION_COMPLETE) unless said otherwise'),
  status: described(code(STATUSES), 'GOOD unless said otherwise or sense is given'),
  sense: described(oneOrMore(ref('sense')), 'KEY/ASC/ASCQ in hex; implies CHECK CONDITION'),
  sense_len: ref('number'),
  residual: ref('number'),
  status_qualifier: ref('number'),
  data_in: ref('bytes'),
  pi_in: ref('bytes'),
  in: {
    type: 'array',
    items: ref('bytes'),
    description: 'Raw writable bytes, one pattern for each writable descriptor',
  },
  event_actual: ref('number'),
  event: object({
    event: { anyOf: [{ enum: Object.keys(EVENTS) }, ref('number')] },
    missed: ref('number'),
    lun: { anyOf: [{ const: 'any' }, ref('lun')] },
    reason: { anyOf: [{ enum: ['any', ...Object.keys(EVENT_REASONS)] }, ref('number')] },
  }),
  interrupt: {
    anyOf: [ref('number'), object({ vector: ref('number'), count: ref('number') }, { required: ['vector'] })],
    description: 'Interrupts of this queue during the step; with vector: that vector and no other',
  },
  config_interrupt: ref('number'),
  after: described(oneOrMore(ref('name')), 'These were already returned when this one was'),
  before: described(oneOrMore(ref('name')), 'These were not yet returned when this one was'),
};

const notBoth: Schema = { not: { required: ['verdict', 'ruling'] } };

const commandKeys = object(
  {
    lun: ref('lun'),
    cdb: ref('cdb'),
    data_in: { anyOf: [ref('size'), { const: 'none' }], description: 'Size of the data-in buffer' },
    data_out: { anyOf: [ref('bytes'), { const: 'none' }], description: 'Bytes of the data-out buffer' },
    data: described(
      ref('size'),
      "Buffer size in the CDB's own direction, where it differs from what the CDB says",
    ),
    tag: ref('number'),
    attr: words(Object.keys(TASK_ATTRIBUTES)),
    prio: ref('number'),
    crn: ref('number'),
    pi_in: ref('size'),
    pi_out: ref('bytes'),
  },
  { required: ['lun', 'cdb'] },
);

const tmfKeys = object(
  {
    function: { anyOf: [{ enum: Object.keys(TMF_FUNCTIONS) }, { type: 'integer' }, EXPRESSION] },
    lun: ref('lun'),
    tag: { anyOf: [ref('number'), ref('name')], description: 'A number, or the name of a command in flight' },
  },
  { required: ['function', 'lun'] },
);

/** A key for each control, with what it takes. */
const controlProperties: Readonly<Record<ControlName, Schema>> = {
  hold: described(oneOrMore(ref('lun')), 'Commands of these units stay in flight'),
  release: described(oneOrMore(ref('lun')), 'What was held goes on'),
  plug: {
    if: { type: 'object' },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: object({
      as: described(ref('name'), 'Name for the new unit; without it the unit that was unplugged comes back'),
      beside: described(ref('lun'), 'The new unit appears on the target of this one'),
      target: ref('number'),
      unit: ref('number'),
      kind: words(UNIT_KINDS),
      blocks: ref('number'),
      block_size: ref('number'),
    }),
    else: ref('lun'),
    description:
      'A unit appears: {as: x, beside: disk}, {as: x, target: 3, unit: 0}, or one that was unplugged',
  },
  unplug: described(ref('lun'), 'A unit goes'),
  eject: described(ref('lun'), 'The medium leaves its drive'),
  insert: {
    if: { type: 'object', required: ['lun'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: object({ lun: ref('lun'), medium: words(MEDIA) }),
    else: ref('lun'),
    description: 'A drive gets its usual medium, or another: {lun: cdrom, medium: other}',
  },
  resize: described(
    object({ lun: ref('lun'), blocks: ref('number') }, { required: ['lun', 'blocks'] }),
    'A disk has this many blocks from now on',
  ),
  fault: described(
    object(
      { lun: ref('lun'), on: words(FAULT_ACCESSES), error: words(FAULT_ERRORS) },
      { required: ['lun', 'on', 'error'] },
    ),
    'Every access of this kind fails until clear',
  ),
  clear: described(ref('lun'), 'The unit has no fault any more'),
  'reset-unit': described(ref('lun'), "The unit is reset by other means than the driver's"),
  'config-change': described({ const: 'any' }, 'The device configuration changes'),
  'power-cycle': described({ const: 'any' }, 'The device is switched off and on'),
};

const stepProperties: Record<string, unknown> = {
  command: described(commandKeys, 'Send one SCSI command and wait for it (with as: leave it in flight)'),
  tmf: described(tmfKeys, 'Send one task management function'),
  an: {
    description: 'Send one asynchronous notification query or subscription',
    ...object(
      { query: ref('number'), subscribe: ref('number'), lun: ref('lun') },
      { required: ['lun'], oneOf: [{ required: ['query'] }, { required: ['subscribe'] }] },
    ),
  },
  chain: {
    description: 'Send any descriptor chain, well-formed or not',
    type: 'array',
    minItems: 1,
    items: ref('descriptor'),
  },
  publish: described(
    oneOrMore(ref('name')),
    'Make buffers available that were sent with staged, in this order, by one index update',
  ),
  kick: {
    anyOf: [
      ref('queue'),
      object({ queue: ref('queue'), value: ref('number') }, { required: ['queue', 'value'] }),
    ],
    description: 'Notify the device that a queue has work',
  },
  wait: {
    anyOf: [
      oneOrMore(ref('name')),
      object(
        { interrupt: object({ vector: ref('number'), source: { enum: ['config', 'line'] } }) },
        { required: ['interrupt'] },
      ),
    ],
    description: 'Wait for buffers in flight, for the next event (event), or for an interrupt',
  },
  quiet: {
    description: 'Nothing may happen for this long',
    if: { type: 'object' },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: object(
      {
        for: ref('duration'),
        watch: {
          type: 'array',
          minItems: 1,
          items: { enum: ['rings', 'buffers', 'interrupts', 'events', 'status'] },
        },
      },
      { required: ['for'] },
    ),
    else: ref('duration'),
  },
  read: described(ref('location'), 'Look at a register, ring field, buffer or medium'),
  write: {
    ...oneOrMore({
      if: { type: 'object', required: ['at'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: object({ at: ref('location'), value: ref('writeValue') }, { required: ['at', 'value'] }),
      else: {
        type: 'object',
        minProperties: 1,
        propertyNames: ref('locationName'),
        additionalProperties: ref('writeValue'),
      },
    }),
    description: 'Change registers, ring fields or medium, in the order given',
  },
  setup: object({
    until: {
      enum: ['acknowledge', 'driver', 'features', 'queues', 'live'],
      default: 'live',
      description: 'How far to initialise; the step does what is missing',
    },
    features: ref('features'),
    queues: ref('queues'),
    event_buffers: ref('number'),
    page_size: described(ref('number'), 'Legacy MMIO: GuestPageSize, in bytes'),
    vectors: ref('vectors'),
  }),
  reset: { anyOf: [{ const: 'device' }, ref('queue')], description: 'Write the reset and wait for it' },
  control: {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
    properties: controlProperties,
    description: 'Something outside the driver: hold commands, plug, resize, media, faults',
  },
  check: { type: 'string', minLength: 3, description: 'An expression that must hold' },
  repeat: described(ref('axes'), 'Run the steps for each value; several variables: each combination'),
  steps: { type: 'array', minItems: 1, items: ref('step') },
  as: described(ref('name'), 'Name for what is in flight, or for the value read'),
  queue: ref('queue'),
  staged: {
    enum: ['all', 'tail'],
    description: 'Place the descriptors without making them available; tail: all but the first',
  },
  notify: {
    enum: ['never', 'when-asked'],
    description: 'Kick not at all, or only if the device asks for it',
  },
  layout: ref('layout'),
  driver: { const: 'second', description: 'Send through the second nexus' },
  again: described(ref('number'), 'Publish the same buffers so many times more, each time when all are back'),
  retry: { type: 'integer', minimum: 1, maximum: 10, description: 'Send again until expect holds' },
  within: described(ref('duration'), 'How long to wait; for a read: read again until expect holds'),
  order: { const: 'listed', description: 'Completions must come in the order listed' },
  expect: { description: 'What must be seen' },
  when: ref('condition'),
  note: { type: 'string' },
  ...judgementKeys,
};

function stepSchema(): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    properties: stepProperties,
    oneOf: STEP_KINDS.map((kind) => ({ required: [kind] })),
    allOf: STEP_KINDS.map((kind) => ({
      if: { required: [kind] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: {
        propertyNames: { enum: [kind, ...QUALIFIERS[kind], 'when', 'note'] },
        ...(kind === 'repeat' ? { required: ['steps'] } : {}),
        ...(QUALIFIERS[kind].includes('expect')
          ? { properties: { expect: ref(kind === 'read' ? 'seen' : 'result') } }
          : {}),
      },
    })),
  };
}

function cdbSchema(narrow: boolean): Schema {
  const field = (name: string) => (name === 'action' ? { type: 'string' } : ref('number'));
  const everyField = [...new Set(COMMANDS.flatMap(({ fields }) => Object.keys(fields)))].sort();
  const conditions: Schema[] = COMMANDS.filter(({ name }) => !name.includes(' / ')).map(
    ({ name, fields }) => ({
      if: { properties: { op: { const: name } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { propertyNames: { enum: ['op', ...Object.keys(fields)] } },
    }),
  );
  for (const [op, actions] of SPLIT_COMMANDS) {
    const fields = new Set(
      COMMANDS.filter(({ name }) => name.startsWith(`${op} / `)).flatMap(({ fields: own }) =>
        Object.keys(own),
      ),
    );
    conditions.push({
      if: { properties: { op: { const: op } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: {
        required: ['action'],
        properties: { action: words(actions) },
        propertyNames: { enum: ['op', 'action', ...fields] },
      },
    });
  }
  return {
    if: { type: 'object' },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      if: { required: ['bytes'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: object({ bytes: ref('bytes') }),
      else: {
        required: ['op'],
        properties: {
          op: words(OPS),
          action: { type: 'string' },
          ...(narrow ? Object.fromEntries(everyField.map((name) => [name, field(name)])) : {}),
        },
        ...(narrow ? { allOf: conditions } : { additionalProperties: ref('number') }),
      },
    },
    else: words(OPS),
    description: 'A command by name, {op: READ(10), lba: 0, blocks: 1}, or {bytes: "…"}',
  };
}

function needWords(roles: readonly string[]): string[] {
  return [...LAYERS, 'scratch', ...CAPABILITIES, ...roles, ...FEATURES, ...COMMAND_NAMES];
}

const resultBlock: Schema = object(
  {
    ...resultKeys,
    ...judgementKeys,
    one_of: {
      type: 'array',
      minItems: 2,
      items: ref('resultAlternative'),
      description: 'The first alternative that matches decides; if none does, the level decides',
    },
  },
  { minProperties: 1 },
);

const valueBlock: Schema = object(
  {
    value: ref('matcher'),
    ...judgementKeys,
    one_of: {
      type: 'array',
      minItems: 2,
      items: object({ value: ref('matcher'), ...alternativeKeys }, { required: ['is', 'value'], ...notBoth }),
    },
  },
  { oneOf: [{ required: ['value'] }, { required: ['one_of'] }] },
);

const overrides = {
  len: ref('number'),
  flags: ref('number'),
  next: ref('number'),
  id: ref('number'),
};

const descriptor: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    out: ref('content'),
    in: ref('size'),
    table: { type: 'array', minItems: 1, items: ref('descriptor'), description: 'An indirect table' },
    raw: object(
      {
        addr: ref('number'),
        len: ref('number'),
        writable: described(ref('number'), '1 for a device-writable one'),
        flags: ref('number'),
        next: ref('number'),
        id: ref('number'),
      },
      { required: ['addr', 'len'] },
    ),
    ...overrides,
    repeat: described(ref('number'), 'That many descriptors of this form'),
  },
  oneOf: ['out', 'in', 'table', 'raw'].map((kind) => ({ required: [kind] })),
};

/** The schema of case files. */
export function caseFileSchema(options: SchemaOptions = {}): Schema {
  const needs = needWords([...ROLES, ...(options.roles ?? [])]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'virtio-scsi conformance case file',
    description: 'Generated by "npm run schema"; do not edit.',
    ...object(
      {
        suite: { type: 'string', minLength: 1, description: 'Heading under which the cases are reported' },
        spec: object(
          { document: { enum: [...DOCUMENTS] }, clause: { type: 'string' } },
          { required: ['document'] },
        ),
        defaults: object({
          level: ref('level'),
          needs: ref('needs'),
          modes: ref('modes'),
          device: ref('device'),
          tags: ref('tags'),
        }),
        let: ref('let'),
        cases: { type: 'array', minItems: 1, items: ref('case') },
      },
      { required: ['suite', 'spec', 'cases'] },
    ),
    $defs: {
      case: object(
        {
          id: {
            type: 'string',
            pattern: '^[a-z0-9]+(?:[.-][a-z0-9]+)+$',
            description:
              'area.topic.detail; stable for ever, users put it in their lists of known deviations',
          },
          title: { type: 'string', minLength: 15, description: 'One sentence saying what must hold' },
          covers: described(
            ref('covers'),
            'The one requirement that the expectations of the case check; several go onto the expectations themselves',
          ),
          museum: {
            type: 'array',
            items: {
              type: 'string',
              pattern: '^[A-Z0-9]{2,4}-[0-9]{2,3}[a-z0-9-]*$',
              description: 'Bug of the museum, e.g. QVS-01-tmf-tag-truncated',
            },
          },
          level: ref('level'),
          needs: ref('needs'),
          modes: ref('modes'),
          each: ref('axes'),
          let: ref('let'),
          device: ref('device'),
          hostile: {
            const: true,
            description:
              'Breaks driver rules: DEVICE_NEEDS_RESET is not held against the device, a liveness probe follows',
          },
          waive: {
            type: 'object',
            minProperties: 1,
            propertyNames: { enum: [...STANDING_CHECKS] },
            additionalProperties: { type: 'string', minLength: 10 },
            description: 'Standing checks that this case turns off, each with the reason',
          },
          changes: {
            type: 'array',
            minItems: 1,
            items: { enum: [...CHANGES] },
            description: 'State outliving a reset that the case changes; the runner restores it',
          },
          tags: ref('tags'),
          steps: { type: 'array', minItems: 1, items: ref('step') },
        },
        { required: ['id', 'title', 'steps'] },
      ),
      step: stepSchema(),
      result: {
        if: { type: 'array' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { minItems: 2, items: ref('resultBlock') },
        else: ref('resultBlock'),
      },
      resultBlock,
      resultAlternative: object({ ...resultKeys, ...alternativeKeys }, { required: ['is'], ...notBoth }),
      seen: {
        if: { type: 'array' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { minItems: 2, items: ref('seenOne') },
        else: ref('seenOne'),
      },
      seenOne: {
        if: { type: 'object', not: { required: ['mask'] } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: ref('valueBlock'),
        else: ref('matcher'),
      },
      valueBlock,
      matcher: { anyOf: [ref('number'), ref('bytes')] },
      writeValue: { anyOf: [ref('number'), ref('bytes')] },
      cdb: cdbSchema(options.cdbFields ?? true),
      descriptor,
      content: {
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object({ request: commandKeys, tmf: tmfKeys }, { minProperties: 1, maxProperties: 1 }),
        else: {
          if: { type: 'array' },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: { minItems: 1, items: ref('content') },
          else: ref('bytes'),
        },
      },
      layout: object({
        out: ref('cuts'),
        in: ref('cuts'),
        indirect: {
          anyOf: [
            { enum: ['all', 'none'] },
            EXPRESSION,
            object({ from: ref('number') }, { required: ['from'] }),
          ],
        },
        cdb_size: ref('number'),
        sense_size: ref('number'),
        pi_header: words(['literal', 'linux']),
      }),
      cuts: {
        anyOf: [
          {
            type: 'array',
            minItems: 1,
            items: {
              anyOf: [ref('size'), { const: 'rest' }, { type: 'string', pattern: '\\*([0-9]+|\\{.+\\})$' }],
            },
          },
          object({ pieces: ref('number') }, { required: ['pieces'] }),
          EXPRESSION,
        ],
      },
      lun: {
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object(
          {
            target: ref('number'),
            unit: ref('number'),
            form: words(['flat', 'peripheral']),
            sam: described(ref('number'), '8 bytes of REPORT LUNS as a number'),
            bytes: ref('bytes'),
          },
          {
            anyOf: [
              { required: ['bytes'] },
              { required: ['target', 'unit'] },
              { required: ['target', 'sam'] },
            ],
          },
        ),
        else: {
          type: 'string',
          pattern: '^(?:[a-z][a-z0-9_]*|=.+)$',
        },
        description: 'A role of needs, a name given by plug, {target, unit}, {target, sam} or {bytes}',
      },
      location: {
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object(
          {
            region: words(REGIONS),
            offset: ref('number'),
            length: ref('number'),
            width: { anyOf: [{ enum: [1, 2, 4, 8, 'field'] }, EXPRESSION] },
            via: { const: 'window' },
            field: { type: 'string' },
            plus: ref('number'),
          },
          { oneOf: [{ required: ['region', 'offset', 'width'] }, { required: ['field'] }] },
        ),
        else: ref('locationName'),
      },
      locationName: {
        type: 'string',
        pattern: '^(?:(?:dev|config|pci|cap|legacy|mmio|msix|irq|ring|medium|buf)\\.|=)',
        description: 'e.g. dev.status, ring.request.used.idx, config.sense_size, medium.disk[99]',
      },
      queue: {
        anyOf: [
          { type: 'string', pattern: `^${QUEUE_NAME}$` },
          { type: 'integer', minimum: 0, maximum: 65535 },
          EXPRESSION,
        ],
        description: 'control, event, request (the first), request.1 … or an index',
      },
      queues: {
        type: 'object',
        properties: { only: { type: 'array', minItems: 1, items: ref('queue') } },
        propertyNames: { pattern: `^(?:only|${QUEUE_NAME})$` },
        additionalProperties: object({
          size: ref('number'),
          memory: {
            enum: ['fresh', 'same', 'tight', 'high'],
            description: 'tight: each part at its least alignment between guards; high: above 4 GiB',
          },
          align: described(ref('number'), 'Legacy MMIO: alignment of the used ring, in bytes'),
          areas: object(
            { desc: ref('area'), driver: ref('area'), device: ref('area') },
            { description: 'Other addresses than those of the memory: for rings that cannot work' },
          ),
        }),
      },
      area: object({
        at: described(
          { anyOf: [{ enum: [...RING_AREAS] }, ref('number')] },
          'An address, or the area whose address is meant; its own if left out',
        ),
        plus: described(ref('number'), 'Bytes beyond that'),
      }),
      vectors: {
        if: { type: 'string' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { const: 'intx' },
        else: {
          type: 'object',
          propertyNames: { pattern: `^(?:config|${QUEUE_NAME})$` },
          additionalProperties: { anyOf: [ref('number'), { const: 'none' }] },
        },
      },
      device: object({
        state: { enum: ['live', 'reset', 'untouched'], default: 'live' },
        features: ref('features'),
        queues: ref('queues'),
        event_buffers: ref('number'),
        page_size: described(ref('number'), 'Legacy MMIO: GuestPageSize, in bytes'),
        vectors: ref('vectors'),
      }),
      features: object({
        add: { type: 'array', items: ref('feature') },
        drop: { type: 'array', items: ref('feature') },
        only: { type: 'array', items: ref('feature') },
      }),
      feature: words(FEATURES),
      modes: object(
        {
          ring: { enum: ['split', 'packed'] },
          indirect: { enum: ['on', 'off'] },
          event_idx: { enum: ['on', 'off'] },
          transport: { enum: [...TRANSPORTS] },
        },
        { minProperties: 1 },
      ),
      axes: {
        type: 'object',
        minProperties: 1,
        propertyNames: { pattern: NAME },
        additionalProperties: {
          if: { type: 'array' },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: { minItems: 1 },
          else: { type: 'string', pattern: '^(?:=.+|[0-9]+\\.\\.[0-9]+)$' },
          description: 'A list, a range 0..3, or =expression',
        },
        description: 'Each name goes through a list, a range 0..3, or =expression',
      },
      let: { type: 'object', propertyNames: { pattern: NAME } },
      needs: {
        type: 'array',
        items: {
          anyOf: [
            { enum: [...needs, ...needs.map((word) => `!${word}`)] },
            { type: 'string', pattern: '^!?=' },
          ],
        },
      },
      tags: { type: 'array', items: { enum: [...TAGS] } },
      covers: {
        type: 'array',
        minItems: 1,
        items: {
          type: 'string',
          pattern: '^(?:virtio|scsi|sam|spc|sbc|mmc|ssc)\\.[a-z0-9.-]+$',
        },
        description: 'Requirement ids of requirements.yaml and scsi-requirements.yaml',
      },
      level: {
        enum: ['MUST', 'SHOULD', 'MAY'],
        description: 'Broken: fail, warn, note. Only where the catalogue gives no strength',
      },
      ruling: {
        type: 'string',
        pattern: '^A[0-9]+\\.[a-z0-9-]+$',
        description: 'Point and outcome of rulings.yaml, which holds the verdict, e.g. A7.bad-target',
      },
      sense: {
        type: 'string',
        pattern: '^(?:none|[0-9A-Fa-f]/(?:[0-9A-Fa-f]{2}|\\.\\.)/(?:[0-9A-Fa-f]{2}|\\.\\.)|=.+)$',
      },
      condition: { type: 'string', minLength: 1, description: 'Expression without the leading =' },
      name: { type: 'string', pattern: NAME, description: 'Lower case letters, digits and _' },
      duration: {
        type: 'string',
        pattern: '^[0-9]+(?:us|ms|s)$',
        description: 'e.g. 20ms; the run scales it',
      },
      size: {
        anyOf: [
          { type: 'integer', minimum: 0 },
          EXPRESSION,
          { type: 'string', pattern: '^(?:[0-9]+ blocks?|0x[0-9a-fA-F_]+)$' },
        ],
      },
      code: { type: 'string', pattern: '^(?:=.+|0x[0-9a-fA-F]+|(?:[0-9]+)?\\.\\.(?:[0-9]+)?)$' },
      number: {
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object({ mask: ref('plain'), equals: ref('plain') }, { required: ['mask', 'equals'] }),
        else: ref('plain'),
      },
      plain: {
        anyOf: [
          { type: 'integer' },
          {
            type: 'string',
            pattern:
              '^(?:any|=.+|0x[0-9a-fA-F_]+|[0-9][0-9_]*|(?:0x[0-9a-fA-F_]+|[0-9]+)?\\.\\.(?:0x[0-9a-fA-F_]+|[0-9]+)?|[A-Z][A-Z0-9_]*(?: ?\\| ?[A-Z][A-Z0-9_]*)*)$',
          },
        ],
        description: 'A number, a name, a range 1..4, or =expression',
      },
      bytes: {
        type: 'string',
        minLength: 2,
        description: 'Byte pattern, e.g. "00 .. 4. {n:be32} untouched*"',
      },
    },
  };
}

/** The schema as it is stored in `spec-cases/case-file.schema.json`. */
export function schemaText(): string {
  return `${JSON.stringify(caseFileSchema(), null, 1)}\n`;
}
