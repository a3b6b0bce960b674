/**
 * JSON Schema 2020-12 of case files, generated from the tables of `wire` and the words of `vocabulary.ts`. It is for
 * editors (completion, descriptions) and for the loader's first look; what it cannot see, the compiler checks.
 *
 * A step is one object type that lists every key, narrowed by `if … then propertyNames`: a `oneOf` of whole step
 * types would complete nothing and explain nothing.
 */
import { type ControlName, FAULT_ACCESSES, FAULT_ERRORS, MEDIA } from '../port/controls.js';
import type { BitField } from '../wire/scsi/command.js';
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
        len: described(ref('number'), 'Bytes that the device says it wrote'),
        slot: described(ref('number'), 'Index in the used ring, or slot of the packed ring'),
        entries: described(ref('number'), 'How many used entries there are for all buffers of the step'),
        id: described(ref('number'), 'Index of the head, or buffer id'),
        write_flag: described(ref('number'), 'WRITE of the used descriptor in a packed ring'),
      }),
    ],
    description: 'The used entry; entries counts all those of one wait together',
  },
  response: described(code(RESPONSES), 'OK (task management: FUNCTION_COMPLETE) unless said otherwise'),
  status: described(code(STATUSES), 'GOOD unless said otherwise or sense is given'),
  sense: described(oneOrMore(ref('sense')), 'KEY/ASC/ASCQ in hex; implies CHECK CONDITION'),
  sense_len: described(ref('number'), 'Bytes of sense data'),
  residual: described(ref('number'), 'Bytes of the data that were not moved'),
  status_qualifier: described(ref('number'), 'Status qualifier, as SAM has it'),
  data_in: described(ref('bytes'), 'Bytes of the data-in buffer'),
  pi_in: described(ref('bytes'), 'Bytes of the protection information that came back'),
  in: {
    type: 'array',
    items: ref('bytes'),
    description: 'Raw writable bytes, one pattern for each writable descriptor',
  },
  event_actual: described(
    ref('number'),
    'Mask of the events that the device supports, in the answer to a query',
  ),
  event: object(
    {
      event: { anyOf: [{ enum: Object.keys(EVENTS) }, ref('number')], description: 'Which event' },
      missed: described(ref('number'), 'Whether VIRTIO_SCSI_T_EVENTS_MISSED is set'),
      lun: { anyOf: [{ const: 'any' }, ref('lun')], description: 'The unit that it is about' },
      reason: {
        anyOf: [{ enum: ['any', ...Object.keys(EVENT_REASONS)] }, ref('number')],
        description: 'Why it came',
      },
    },
    { description: 'Fields of the event that came' },
  ),
  interrupt: {
    anyOf: [
      ref('number'),
      object(
        {
          vector: described(ref('number'), 'MSI-X vector'),
          count: described(ref('number'), 'How many interrupts; 1 unless given'),
        },
        { required: ['vector'] },
      ),
    ],
    description: 'Interrupts of this queue during the step; with vector: that vector and no other',
  },
  config_interrupt: described(ref('number'), 'Interrupts for changes of the configuration during the step'),
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
    tag: described(ref('number'), 'Tag of the request; one that nothing in flight has, unless given'),
    attr: words(Object.keys(TASK_ATTRIBUTES), 'Task attribute; SIMPLE unless given'),
    prio: described(ref('number'), 'Command priority; 0 unless given'),
    crn: described(ref('number'), 'Command reference number; 0 unless given'),
    pi_in: described(
      ref('size'),
      'Bytes of protection information behind the response (VIRTIO_SCSI_F_T10_PI)',
    ),
    pi_out: described(ref('bytes'), 'Protection information sent with the data (VIRTIO_SCSI_F_T10_PI)'),
  },
  { required: ['lun', 'cdb'] },
);

const tmfKeys = object(
  {
    function: {
      anyOf: [{ enum: Object.keys(TMF_FUNCTIONS) }, { type: 'integer' }, EXPRESSION],
      description: 'Task management function, by name or subtype',
    },
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
      kind: words(UNIT_KINDS, 'Kind of unit; disk unless given'),
      blocks: described(ref('number'), 'How many blocks it has; 4096 unless given'),
      block_size: described(ref('number'), 'Bytes of a block; 512 unless given, 2048 for a CD-ROM'),
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
    then: object({
      lun: ref('lun'),
      medium: words(MEDIA, 'Which medium is put in; the usual one unless given'),
    }),
    else: ref('lun'),
    description: 'A drive gets its usual medium, or another: {lun: cdrom, medium: other}',
  },
  resize: described(
    object(
      { lun: ref('lun'), blocks: described(ref('number'), 'Its new number of blocks') },
      { required: ['lun', 'blocks'] },
    ),
    'A disk has this many blocks from now on',
  ),
  fault: described(
    object(
      {
        lun: ref('lun'),
        on: words(FAULT_ACCESSES, 'Which accesses of the medium fail'),
        error: words(FAULT_ERRORS, 'How they fail'),
      },
      { required: ['lun', 'on', 'error'] },
    ),
    'Every access of this kind fails until clear',
  ),
  clear: described(ref('lun'), 'The unit has no fault any more'),
  'reset-unit': described(ref('lun'), "The unit is reset by other means than the driver's"),
  'config-change': described({ const: 'any' }, 'The device configuration changes'),
  'power-cycle': described({ const: 'any' }, 'The device is switched off and on'),
};

/** How a device is handed over, by the runner before a case or by a step of it. */
const HAND_OVER = {
  features: ref('features'),
  queues: ref('queues'),
  event_buffers: described(ref('number'), 'How many event buffers are kept posted; 4 unless given'),
  page_size: described(ref('number'), 'Legacy MMIO: GuestPageSize, in bytes'),
  vectors: ref('vectors'),
};

const stepProperties: Record<string, unknown> = {
  command: described(commandKeys, 'Send one SCSI command and wait for it (with as: leave it in flight)'),
  tmf: described(tmfKeys, 'Send one task management function'),
  an: {
    description: 'Send one asynchronous notification query or subscription',
    ...object(
      {
        query: described(ref('number'), 'Mask of events that are asked for'),
        subscribe: described(ref('number'), 'Mask of events that are wanted from now on'),
        lun: ref('lun'),
      },
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
      object(
        { queue: ref('queue'), value: described(ref('number'), 'What is written instead') },
        { required: ['queue', 'value'] },
      ),
    ],
    description: 'Notify the device that a queue has work',
  },
  wait: {
    anyOf: [
      oneOrMore(ref('name')),
      object(
        {
          interrupt: object(
            {
              vector: described(ref('number'), 'MSI-X vector'),
              source: {
                enum: ['config', 'line'],
                description: 'The configuration interrupt, or the interrupt line',
              },
            },
            { description: 'The interrupt to wait for' },
          ),
        },
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
          description: 'What is watched; all of it unless given',
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
      then: object(
        { at: ref('location'), value: described(ref('writeValue'), 'What is written there') },
        { required: ['at', 'value'] },
      ),
      else: {
        type: 'object',
        minProperties: 1,
        propertyNames: ref('locationName'),
        additionalProperties: ref('writeValue'),
      },
    }),
    description: 'Change registers, ring fields or medium, in the order given',
  },
  setup: described(
    object({
      until: {
        enum: ['acknowledge', 'driver', 'features', 'queues', 'live'],
        default: 'live',
        description: 'How far to initialise; the step does what is missing',
      },
      ...HAND_OVER,
    }),
    'Initialise the device, as far as is missing; on a live one, enable the queues that are named',
  ),
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
  steps: { type: 'array', minItems: 1, items: ref('step'), description: 'What is repeated' },
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
  note: { type: 'string', description: 'For readers, and for the trace' },
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

/** A place in a CDB in words, e.g. `bytes 2 to 5`. */
function placeText([byte, lastByte, bit, bits]: BitField): string {
  const whole = bits === 8 * (lastByte - byte + 1);
  if (byte !== lastByte) return `${whole ? '' : `${bits} bits of `}bytes ${byte} to ${lastByte}`;
  if (whole) return `byte ${byte}`;
  return bits === 1 ? `byte ${byte} bit ${bit}` : `byte ${byte} bits ${bit + bits - 1} to ${bit}`;
}

/** Where a field of a CDB lies, for the commands that have it; commands that agree are told together. */
function fieldText(name: string): string {
  const byPlace = new Map<string, string[]>();
  for (const { name: command, fields } of COMMANDS) {
    const at = fields[name];
    if (at === undefined) continue;
    const place = placeText(at);
    byPlace.set(place, [...(byPlace.get(place) ?? []), command]);
  }
  return [...byPlace].map(([place, commands]) => `${commands.join(', ')}: ${place}`).join('; ');
}

function cdbSchema(narrow: boolean): Schema {
  const field = (name: string) => described(ref('number'), fieldText(name));
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
        properties: { action: words(actions, 'Service action, by name') },
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
          op: words(OPS, 'Name of the command, as the standard has it'),
          action: { type: 'string', description: 'Service action, by name' },
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
      description: 'The first alternative that matches decides; if none does, the level decides',
    },
  },
  { oneOf: [{ required: ['value'] }, { required: ['one_of'] }] },
);

const overrides = {
  len: described(ref('number'), 'Length in the descriptor, in place of that of the buffer'),
  flags: described(ref('number'), 'Flags of the descriptor, in place of those that the harness would write'),
  next: described(ref('number'), 'Index of the next descriptor (split), in place of the right one'),
  id: described(ref('number'), 'Buffer id (packed), in place of the right one'),
};

const descriptor: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    out: described(ref('content'), 'A device-readable buffer with this content'),
    in: described(ref('size'), 'A device-writable buffer of this size'),
    table: { type: 'array', minItems: 1, items: ref('descriptor'), description: 'An indirect table' },
    raw: object(
      {
        addr: described(ref('number'), 'Address, as the device sees it'),
        writable: described(ref('number'), '1 for a device-writable one'),
        ...overrides,
        len: described(ref('number'), 'Length in bytes'),
      },
      { required: ['addr', 'len'], description: 'A descriptor by its numbers; there is no buffer behind it' },
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
    $id: 'vscsi:/case-file.schema.json',
    title: 'virtio-scsi conformance case file',
    description: 'Generated by "npm run schema"; do not edit.',
    ...object(
      {
        suite: { type: 'string', minLength: 1, description: 'Heading under which the cases are reported' },
        spec: object(
          {
            document: { enum: [...DOCUMENTS], description: 'The standard that the cases are about' },
            clause: { type: 'string', description: 'Heading of the clause, as the standard has it' },
          },
          { required: ['document'], description: 'Where the standard says what the cases ask' },
        ),
        defaults: object(
          {
            level: ref('level'),
            needs: ref('needs'),
            modes: ref('modes'),
            device: ref('device'),
            tags: ref('tags'),
          },
          {
            description:
              'What holds for every case; needs and tags add up, the others are replaced by the case',
          },
        ),
        let: ref('let'),
        cases: { type: 'array', minItems: 1, items: ref('case'), description: 'The cases' },
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
            description: 'Real bugs that this case would have caught',
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
          steps: {
            type: 'array',
            minItems: 1,
            items: ref('step'),
            description: 'What the driver does and must see, strictly one after another',
          },
        },
        { required: ['id', 'title', 'steps'] },
      ),
      step: stepSchema(),
      result: {
        description: 'What must come back: one block, or several with levels of their own',
        if: { type: 'array' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { minItems: 2, items: ref('resultBlock') },
        else: ref('resultBlock'),
      },
      resultBlock,
      resultAlternative: object({ ...resultKeys, ...alternativeKeys }, { required: ['is'], ...notBoth }),
      seen: {
        description: 'What must be read: a value, bytes, a mask, or a block with alternatives',
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
      matcher: { anyOf: [ref('number'), ref('bytes')], description: 'What must be read: a value or bytes' },
      writeValue: { anyOf: [ref('number'), ref('bytes')], description: 'What is written: a value or bytes' },
      cdb: cdbSchema(options.cdbFields ?? true),
      descriptor,
      content: {
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object(
          {
            request: described(commandKeys, 'The bytes of a command request'),
            tmf: described(tmfKeys, 'The bytes of a task management request'),
          },
          { minProperties: 1, maxProperties: 1 },
        ),
        else: {
          if: { type: 'array' },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: { minItems: 1, items: ref('content') },
          else: ref('bytes'),
        },
      },
      layout: object(
        {
          out: described(ref('cuts'), 'How the device-readable bytes are cut, e.g. [8, 1*43, rest]'),
          in: described(ref('cuts'), 'How the device-writable bytes are cut, e.g. [108, rest]'),
          indirect: {
            anyOf: [
              { enum: ['all', 'none'] },
              EXPRESSION,
              object(
                { from: described(ref('number'), 'First descriptor that is in the table') },
                { required: ['from'] },
              ),
            ],
            description: 'Which descriptors are in an indirect table; as the mode says unless given',
          },
          cdb_size: described(
            ref('number'),
            'Size of the CDB field, where it differs from the configuration',
          ),
          sense_size: described(
            ref('number'),
            'Size of the sense field, where it differs from the configuration',
          ),
          pi_header: words(
            ['literal', 'linux'],
            'Sizes of the protection information behind the CDB, or before it',
          ),
        },
        { description: 'How a command is cut into descriptors' },
      ),
      cuts: {
        anyOf: [
          {
            type: 'array',
            minItems: 1,
            items: {
              anyOf: [ref('size'), { const: 'rest' }, { type: 'string', pattern: '\\*([0-9]+|\\{.+\\})$' }],
            },
          },
          object(
            { pieces: described(ref('number'), 'Into so many pieces of about the same size') },
            { required: ['pieces'] },
          ),
          EXPRESSION,
        ],
      },
      lun: {
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object(
          {
            target: described(ref('number'), 'Target number, 0 to 255'),
            unit: described(ref('number'), 'Unit number, 0 to 16383'),
            form: words(['flat', 'peripheral'], 'Form of the unit in the lun field; flat unless given'),
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
        description: 'A register, ring field, buffer or medium, by name where there is one',
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object(
          {
            region: words(REGIONS, 'A region of registers'),
            offset: described(ref('number'), 'Bytes from its beginning'),
            length: described(ref('number'), 'How many bytes, in accesses of width; one access unless given'),
            width: {
              anyOf: [{ enum: [1, 2, 4, 8, 'field'] }, EXPRESSION],
              description: 'Bytes of an access; field: each field of the configuration by its own width',
            },
            via: { const: 'window', description: 'Through the configuration access window of PCI' },
            field: { type: 'string', description: 'A named register, of which a part is meant' },
            plus: described(ref('number'), 'Bytes from the beginning of the field'),
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
        description: 'How queues are set up, by their names',
        type: 'object',
        properties: {
          only: {
            type: 'array',
            minItems: 1,
            items: ref('queue'),
            description: 'The queues that are enabled, and no others',
          },
        },
        propertyNames: { pattern: `^(?:only|${QUEUE_NAME})$` },
        additionalProperties: object({
          size: described(ref('number'), 'Entries of the queue'),
          memory: {
            enum: ['fresh', 'same', 'tight', 'high'],
            description: 'tight: each part at its least alignment between guards; high: above 4 GiB',
          },
          align: described(ref('number'), 'Legacy MMIO: alignment of the used ring, in bytes'),
          areas: object(
            {
              desc: described(ref('area'), 'Descriptor area'),
              driver: described(ref('area'), 'Driver area'),
              device: described(ref('area'), 'Device area'),
            },
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
        description: 'MSI-X vector of the configuration and of queues, none, or intx for all',
        if: { type: 'string' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { const: 'intx' },
        else: {
          type: 'object',
          propertyNames: { pattern: `^(?:config|${QUEUE_NAME})$` },
          additionalProperties: { anyOf: [ref('number'), { const: 'none' }] },
        },
      },
      device: object(
        {
          state: {
            enum: ['live', 'reset', 'untouched'],
            default: 'live',
            description: 'live: initialised; reset: status 0; untouched: as it was switched on',
          },
          ...HAND_OVER,
        },
        { description: 'State in which the harness hands the device over' },
      ),
      features: object(
        {
          add: { type: 'array', items: ref('feature'), description: 'Accepted besides' },
          drop: { type: 'array', items: ref('feature'), description: 'Not accepted' },
          only: { type: 'array', items: ref('feature'), description: 'These are accepted, and no others' },
        },
        { description: 'Which features are accepted, of all that suite and device know' },
      ),
      feature: words(FEATURES, 'Name of a feature bit'),
      modes: object(
        {
          ring: { enum: ['split', 'packed'], description: 'Ring format' },
          indirect: { enum: ['on', 'off'], description: 'Whether requests go into indirect tables' },
          event_idx: { enum: ['on', 'off'], description: 'Whether VIRTIO_F_EVENT_IDX is negotiated' },
          transport: { enum: [...TRANSPORTS], description: 'How the device is reached' },
        },
        {
          minProperties: 1,
          description:
            'Modes that the case admits; a key left out means any, and the first admitted is its home',
        },
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
      let: {
        type: 'object',
        propertyNames: { pattern: NAME },
        description: 'Names for values, in order, each seeing those before',
      },
      needs: {
        type: 'array',
        items: {
          anyOf: [
            { enum: [...needs, ...needs.map((word) => `!${word}`)] },
            { type: 'string', pattern: '^!?=' },
          ],
        },
        description: 'All must hold, ! negates; where one does not, the case is skipped for that reason',
      },
      tags: {
        type: 'array',
        items: { enum: [...TAGS] },
        description: 'slow: not in vscsi bench, and at home only; destructive, host-risk: never carried out',
      },
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
        description: 'Bytes, "2 blocks", or =expression',
      },
      code: { type: 'string', pattern: '^(?:=.+|0x[0-9a-fA-F]+|(?:[0-9]+)?\\.\\.(?:[0-9]+)?)$' },
      number: {
        if: { type: 'object' },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: object(
          {
            mask: described(ref('plain'), 'The bits that count'),
            equals: described(ref('plain'), 'What they must be'),
          },
          { required: ['mask', 'equals'] },
        ),
        else: ref('plain'),
        description: 'A number, a name, a range 1..4, =expression, or {mask, equals}',
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
