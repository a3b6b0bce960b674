/**
 * The typed plan that the loader makes of a case file and that an executor carries out. Everything in it is parsed:
 * what depends on values known only while the case runs is an `Expression` or a `BytePattern`, never a raw text.
 */
import type { FAULT_ACCESSES, FaultError, MEDIA, NewUnit } from '../port/controls.js';
import type { Command, DataDirection } from '../wire/scsi/command.js';
import type { Registries } from './compiler.js';
import type { ExpressionNode } from './expression-node.js';
import type { ReadonlyNames } from './layered-map.js';
import type { PatternItem } from './pattern-item.js';
import type { Places } from './places.js';
import type { RingArea } from './vocabulary.js';

/** A place in a case file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Strength of a requirement: broken, it is a fail, a warning or a note. */
export type Level = 'MUST' | 'SHOULD' | 'MAY';

/** A verdict that an alternative carries. */
export type AlternativeVerdict = 'pass' | 'note' | 'warn' | 'fail';

// ---------------------------------------------------------------- values

/** What a name can stand for. Texts are read by the grammar of the place where the name is used. */
export type ScopeValue = bigint | boolean | Uint8Array | string | readonly ScopeValue[] | ScopeRecord;
/** Several values under one name; reached by `name.key`. */
export interface ScopeRecord {
  readonly [key: string]: ScopeValue;
}

/** The names of a running case: facts, axes, `let`, what was captured. Dotted names are flat keys. */
export interface Scope extends ReadonlyScope {
  set(name: string, value: ScopeValue): void;
}
/** A scope that is only looked at. */
export type ReadonlyScope = ReadonlyNames<ScopeValue>;

/** A parsed expression; a plain number is one, too. Evaluate it with `evaluate…` of `expression.ts`. */
export interface Expression {
  /** As the author wrote it, without the leading `=`. */
  readonly text: string;
  readonly node: ExpressionNode;
  /** Present where the value needs no scope. */
  readonly constant?: bigint | boolean;
}

/** What a number is compared with. */
export type Value =
  | { readonly kind: 'any' }
  | { readonly kind: 'equals'; readonly value: Expression }
  | { readonly kind: 'range'; readonly from?: Expression; readonly to?: Expression }
  | { readonly kind: 'mask'; readonly mask: Expression; readonly equals: Expression };

/** What sense data are compared with; `undefined` parts may be anything. */
export type SensePattern =
  | { readonly kind: 'none' }
  | { readonly kind: 'triple'; readonly key: number; readonly asc?: number; readonly ascq?: number };

/** A parsed byte pattern. Use `encodePattern` and `matchPattern` of `byte-pattern.ts`. */
export interface BytePattern {
  readonly text: string;
  readonly items: readonly PatternItem[];
  /** Names that it captures, in order. */
  readonly captures: readonly string[];
  /** Role or plugged unit whose block size counts with `b` mean. */
  readonly unit?: string;
  /** Present where every byte is known when the file loads: the bytes, and which bits of them count. */
  readonly constant?: { readonly bytes: Uint8Array; readonly mask: Uint8Array };
  /** `any`: matches whatever is there, of any length. */
  readonly any?: true;
}

/** Number of bytes, or of blocks of the unit addressed. */
export interface Size {
  readonly count: Expression;
  readonly unit: 'bytes' | 'blocks';
}

// ---------------------------------------------------------------- files and cases

/** One loaded file. */
export interface CaseFile {
  readonly file: string;
  readonly suite: string;
  readonly spec: { readonly document: string; readonly clause?: string };
  readonly cases: readonly CaseDefinition[];
}

/** A case as written, before its axes are expanded; expand it with `expandCase`. */
export interface CaseDefinition {
  readonly id: string;
  readonly title: string;
  readonly file: string;
  readonly suite: string;
  readonly spec: CaseFile['spec'];
  readonly at: Position;
  readonly needs: readonly Need[];
  readonly modes: Modes;
  readonly hostile: boolean;
  readonly tags: readonly Tag[];
  readonly changes: readonly string[];
  readonly museum: readonly string[];
  /** Every requirement that some expectation of the case covers. */
  readonly covers: readonly string[];
  /** Ids of `rulings.yaml` that the case uses. */
  readonly rulings: readonly string[];
  /** The document nodes that expansion compiles; only `expand.ts` looks inside. */
  readonly source: CaseSource;
}

/** The raw form of a case. Opaque outside `src/cases`. */
export interface CaseSource {
  /** The whole file as plain values. */
  readonly root: Readonly<Record<string, unknown>>;
  /** Where the case stands in it. */
  readonly path: readonly (string | number)[];
  /** Of everything in the file. */
  readonly places: Places;
  readonly registries: Registries;
}

/** One case, ready to run. */
export interface ExpandedCase {
  /** `baseId[value,value]`; stable for ever. */
  readonly id: string;
  readonly baseId: string;
  readonly title: string;
  readonly file: string;
  readonly line: number;
  readonly suite: string;
  readonly spec: CaseFile['spec'];
  /** First segment of the id, e.g. `scsi`. */
  readonly area: string;
  readonly covers: readonly string[];
  readonly museum: readonly string[];
  readonly needs: readonly Need[];
  readonly modes: Modes;
  readonly level: Level;
  readonly device: DevicePlan;
  readonly steps: readonly Step[];
  /** Breaks driver rules: a device that asks for a reset is not blamed, and a liveness probe follows. */
  readonly hostile: boolean;
  /** Standing checks turned off, with the reasons. */
  readonly waive: ReadonlyMap<string, string>;
  readonly tags: readonly Tag[];
  /** State outliving a reset that the case changes and the runner restores. */
  readonly changes: readonly string[];
  /** Facts, axes and `let` values. Copy it before running the case. */
  readonly scope: ReadonlyScope;
  /** Units that steps write to, for consent: roles by name. */
  readonly writes: readonly string[];
  /** Present when the case cannot run here. Then `steps` may be empty. */
  readonly skip?: Skip;
}

export type Tag = 'slow' | 'destructive' | 'host-risk';

/** Why a case does not run. */
export interface Skip {
  readonly kind:
    | 'not-offered'
    | 'no-control'
    | 'no-layer'
    | 'not-consented'
    | 'excluded-mode'
    | 'known-fatal';
  /** The fact that decided. */
  readonly evidence: string;
}

/** Axes of the run that a case is restricted to; a missing key means any. */
export interface Modes {
  readonly ring?: 'split' | 'packed';
  readonly indirect?: 'on' | 'off';
  readonly event_idx?: 'on' | 'off';
  readonly transport?: string;
}

/** One need; all of a case's must hold. */
export type Need = {
  /** As written. */
  readonly text: string;
  readonly negated: boolean;
} & (
  | { readonly kind: 'feature'; readonly feature: string; readonly bit: number }
  | { readonly kind: 'layer'; readonly layer: string }
  | { readonly kind: 'role'; readonly role: string }
  | { readonly kind: 'control'; readonly control: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'scratch' }
  /** Of a truth value, or the name of a text that is the name of a command. */
  | { readonly kind: 'condition'; readonly condition: Expression }
);

/** How the harness hands the device over, and what `setup` can change. */
export interface SetupPlan {
  readonly until: 'acknowledge' | 'driver' | 'features' | 'queues' | 'live';
  readonly features?: FeatureChange;
  /** Just these queues are enabled. */
  readonly only?: readonly Expression[];
  readonly queues: readonly QueueSetup[];
  readonly eventBuffers?: Expression;
  /** Legacy MMIO: GuestPageSize, in bytes. */
  readonly pageSize?: Expression;
  readonly vectors?: 'intx' | readonly VectorChoice[];
}

/** Changes to the feature set of the run, as bit numbers. `only` replaces the set. */
export interface FeatureChange {
  readonly add: readonly Expression[];
  readonly drop: readonly Expression[];
  readonly only?: readonly Expression[];
}

export interface QueueSetup {
  readonly queue: Expression;
  readonly size?: Expression;
  /** `tight`: each part at its least alignment between guards; `high`: above 4 GiB. */
  readonly memory?: 'fresh' | 'same' | 'tight' | 'high';
  /** Addresses that the device is told instead of those of the memory. */
  readonly areas?: Readonly<Partial<Record<RingArea, AreaChoice>>>;
  /** Legacy MMIO: alignment of the used ring, in bytes. */
  readonly align?: Expression;
}

/** Where an area of a virtqueue is said to be: an address or an area (its own if left out), and bytes beyond that. */
export interface AreaChoice {
  readonly at?: RingArea | Expression;
  readonly plus?: Expression;
}

export interface VectorChoice {
  readonly source: 'config' | Expression;
  readonly vector: Expression | 'none';
}

/** Device state at the start of a case. */
export interface DevicePlan extends SetupPlan {
  /** `reset`: status 0; `untouched`: as after power-on; `live`: initialised. */
  readonly state: 'live' | 'reset' | 'untouched';
}

// ---------------------------------------------------------------- steps

/** What every step has. */
export interface StepBase {
  readonly at: Position;
  /** False: the step is skipped and noted. */
  readonly when?: Expression;
  readonly note?: string;
}

export type Step =
  | CommandStep
  | TmfStep
  | AnStep
  | ChainStep
  | PublishStep
  | KickStep
  | WaitStep
  | QuietStep
  | ReadStep
  | WriteStep
  | SetupStep
  | ResetStep
  | ControlStep
  | CheckStep
  | RepeatStep;

/** Qualifiers of steps that send something. */
export interface Sending {
  /** Queue index; queue 2 is the first request queue. */
  readonly queue: Expression;
  /** The buffer stays in flight under this name; several under one name are a group. */
  readonly as?: string;
  /** Place descriptors without making them available; `tail`: all but the first. */
  readonly staged?: 'all' | 'tail';
  readonly notify: 'always' | 'never' | 'when-asked';
  readonly driver: 'first' | 'second';
  /** How often to send again until `expect` holds. */
  readonly retry: number;
  /** Milliseconds. */
  readonly within: number;
  /** What the answer must be; only looked at without `as`. */
  readonly expect: ResultExpectation;
}

/** One SCSI command. `resolveCommand` makes bytes of it. */
export interface CommandSpec {
  readonly lun: LunSpec;
  readonly cdb: CdbSpec;
  /** Undefined: follows from the CDB. */
  readonly dataIn?: DataIn;
  /** Undefined: follows from the CDB. */
  readonly dataOut?: DataOut;
  readonly tag?: Expression;
  readonly attr: Expression;
  readonly prio: Expression;
  readonly crn: Expression;
  readonly piIn?: Size;
  readonly piOut?: BytePattern;
}

export type DataIn = { readonly kind: 'none' } | { readonly kind: 'size'; readonly size: Size };
export type DataOut =
  | { readonly kind: 'none' }
  /** That many bytes of the usual content (`stamp`). */
  | { readonly kind: 'size'; readonly size: Size }
  | { readonly kind: 'bytes'; readonly pattern: BytePattern };

/** Where a request goes. `resolveLun` makes the 8 bytes of it. */
export type LunSpec =
  /** A role bound by `needs`, or the name that a `plug` control gave: `<name>.target`, `<name>.unit`. */
  | { readonly kind: 'unit'; readonly name: string }
  | {
      readonly kind: 'address';
      readonly target: Expression;
      readonly unit: Expression;
      readonly form: 'flat' | 'peripheral';
    }
  /** An 8-byte entry of REPORT LUNS as a number. */
  | { readonly kind: 'sam'; readonly target: Expression; readonly sam: Expression }
  | { readonly kind: 'bytes'; readonly pattern: BytePattern };

export type CdbSpec =
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly direction: DataDirection;
      /** Values of the fields that the case gives. */
      readonly fields: ReadonlyMap<string, Expression>;
    }
  | { readonly kind: 'bytes'; readonly pattern: BytePattern };

/** How a request is cut into descriptors. `resolveCuts` makes sizes of it. */
export interface Layout {
  readonly out?: Cuts;
  readonly in?: Cuts;
  /** `from`: descriptors from this one on go into an indirect table. */
  readonly indirect?: 'all' | 'none' | { readonly from: Expression };
  /** Where the layout differs from what the device announces. */
  readonly cdbSize?: Expression;
  readonly senseSize?: Expression;
  /** `literal`: bytes as the standard spells the header; `linux`: as Linux reads it. */
  readonly piHeader?: 'literal' | 'linux';
}

export type Cuts =
  | { readonly kind: 'pieces'; readonly pieces: Expression }
  | { readonly kind: 'list'; readonly list: readonly Cut[] };
export type Cut = 'rest' | { readonly size: Size; readonly times: Expression };

export interface CommandStep extends StepBase, Sending, CommandSpec {
  readonly kind: 'command';
  readonly layout: Layout;
}

export interface TmfSpec {
  /** Number of the function. */
  readonly function: Expression;
  readonly lun: LunSpec;
  /** A number, or the command in flight whose tag is meant. */
  readonly tag?: Expression | { readonly inFlight: string };
}
export interface TmfStep extends StepBase, Sending, TmfSpec {
  readonly kind: 'tmf';
  readonly layout: Layout;
}

export interface AnStep extends StepBase, Sending {
  readonly kind: 'an';
  readonly request: 'query' | 'subscribe';
  readonly mask: Expression;
  readonly lun: LunSpec;
  readonly layout: Layout;
}

/** Overrides of what the harness would write into a descriptor. */
export interface DescriptorOverrides {
  readonly len?: Expression;
  readonly flags?: Expression;
  readonly next?: Expression;
  readonly id?: Expression;
  /** That many descriptors of this form. */
  readonly repeat?: Expression;
}
export type Descriptor = DescriptorOverrides &
  (
    | { readonly kind: 'out'; readonly content: readonly Content[] }
    | { readonly kind: 'in'; readonly size: Size }
    | { readonly kind: 'table'; readonly entries: readonly Descriptor[] }
    | {
        readonly kind: 'raw';
        readonly addr: Expression;
        readonly len: Expression;
        readonly writable?: Expression;
      }
  );
/** Readable bytes of a descriptor; the parts are joined. */
export type Content =
  | { readonly kind: 'bytes'; readonly pattern: BytePattern }
  /** Request header (and data-out, if the command has any). */
  | { readonly kind: 'request'; readonly request: CommandSpec }
  | { readonly kind: 'tmf'; readonly tmf: TmfSpec };

export interface ChainStep extends StepBase, Sending {
  readonly kind: 'chain';
  readonly descriptors: readonly Descriptor[];
}

/** Makes staged buffers available by one index update, then kicks. */
export interface PublishStep extends StepBase {
  readonly kind: 'publish';
  readonly names: readonly string[];
  /** So many times more, each time when all have been returned. */
  readonly again?: Expression;
  readonly notify: 'always' | 'never' | 'when-asked';
}

export interface KickStep extends StepBase {
  readonly kind: 'kick';
  readonly queue: Expression;
  /** Written instead of the usual data. */
  readonly value?: Expression;
}

export interface WaitStep extends StepBase {
  readonly kind: 'wait';
  readonly target:
    | { readonly kind: 'names'; readonly names: readonly string[] }
    | { readonly kind: 'event' }
    | { readonly kind: 'interrupt'; readonly vector?: Expression; readonly source?: 'config' | 'line' };
  readonly as?: string;
  readonly within: number;
  /** Completions must come in the order of `names`. */
  readonly listed: boolean;
  readonly expect: ResultExpectation;
}

/** Nothing may happen. */
export interface QuietStep extends StepBase {
  readonly kind: 'quiet';
  /** Milliseconds. */
  readonly duration: number;
  readonly watch: readonly ('rings' | 'buffers' | 'interrupts' | 'events' | 'status')[];
  readonly judgement: Judgement;
}

/** Something that can be looked at or changed. `text` names it in messages. */
export type Location = {
  readonly text: string;
} /** A register of either transport, by its PCI name without `dev.`. */ & (
  | { readonly kind: 'dev'; readonly register: string }
  /** PCI configuration header field, legacy or MMIO register. */
  | { readonly kind: 'pci'; readonly register: string }
  | { readonly kind: 'legacy'; readonly register: string }
  | { readonly kind: 'mmio'; readonly register: string }
  /** A field of the MSI-X capability, or with a vector one of its table entry. */
  | { readonly kind: 'msix'; readonly register: string; readonly vector?: Expression }
  | { readonly kind: 'cap'; readonly capability: string; readonly register: string }
  | { readonly kind: 'irq-line' }
  | { readonly kind: 'config'; readonly field: string }
  | {
      readonly kind: 'ring';
      readonly queue: Expression;
      /** e.g. `used.idx`, `desc`, `driver_event.off`, `next_slot`. */
      readonly path: string;
      readonly index?: Expression;
      /** Field of the indexed entry, e.g. `len`. */
      readonly field?: string;
    }
  | { readonly kind: 'buffer'; readonly name: string; readonly side: 'in' | 'out' | 'table' }
  | { readonly kind: 'medium'; readonly unit: string; readonly block: Expression }
  | {
      readonly kind: 'region';
      readonly region: string;
      readonly offset: Expression;
      /** Present: a byte string, made of accesses of `width`. */
      readonly length?: Expression;
      /** `field`: every field of the device configuration by an access of its own width. */
      readonly width: Expression | 'field';
      readonly window: boolean;
    }
  | {
      readonly kind: 'field';
      readonly register: string;
      readonly plus: Expression;
      readonly width?: Expression;
    }
);

export interface ReadStep extends StepBase {
  readonly kind: 'read';
  readonly location: Location;
  /** Whether the location holds a byte string (region with length, buffer, medium) or a number. */
  readonly holds: 'bytes' | 'number';
  readonly as?: string;
  /** Present: read again until `expect` holds. */
  readonly within?: number;
  readonly expect?: SeenExpectation;
}

export interface WriteStep extends StepBase {
  readonly kind: 'write';
  readonly writes: readonly {
    readonly location: Location;
    readonly value:
      | { readonly kind: 'number'; readonly number: Expression }
      | { readonly kind: 'bytes'; readonly pattern: BytePattern };
  }[];
}

export interface SetupStep extends StepBase, SetupPlan {
  readonly kind: 'setup';
  readonly driver: 'first' | 'second';
}

export interface ResetStep extends StepBase {
  readonly kind: 'reset';
  readonly target: 'device' | Expression;
  readonly driver: 'first' | 'second';
  readonly within: number;
}

export interface ControlStep extends StepBase {
  readonly kind: 'control';
  readonly control: ControlPlan;
}

/** What a `control` step does, with addresses and numbers still to be evaluated. */
export type ControlPlan =
  | { readonly name: 'hold' | 'release'; readonly units: readonly LunSpec[] }
  | { readonly name: 'plug'; readonly fresh?: PlannedUnit; readonly at: LunSpec }
  | { readonly name: 'unplug' | 'eject' | 'clear' | 'reset-unit'; readonly at: LunSpec }
  | { readonly name: 'insert'; readonly at: LunSpec; readonly medium: (typeof MEDIA)[number] }
  | { readonly name: 'resize'; readonly at: LunSpec; readonly blocks: Expression }
  | {
      readonly name: 'fault';
      readonly at: LunSpec;
      readonly on: (typeof FAULT_ACCESSES)[number];
      readonly error: FaultError;
    }
  | { readonly name: 'config-change' | 'power-cycle' };

/** A unit to be plugged. */
export interface PlannedUnit {
  /** The case's name for it, bound as `<as>.target`, `<as>.unit`, `<as>.blocks`, `<as>.block_size`. */
  readonly as: string;
  /** `at` is a unit beside which the new one appears, on the same target. */
  readonly beside: boolean;
  readonly kind: NewUnit['kind'];
  readonly blocks: Expression;
  readonly blockSize: Expression;
}

export interface CheckStep extends StepBase {
  readonly kind: 'check';
  readonly condition: Expression;
  readonly judgement: Judgement;
}

/** Runs steps for each value; `rounds` of `repeat.ts` goes through them. */
export interface RepeatStep extends StepBase {
  readonly kind: 'repeat';
  readonly name: string;
  readonly rounds: /** Values known only when running (or many numbers): one body. */
    | { readonly kind: 'values'; readonly values: AxisSource; readonly steps: readonly Step[] }
    /** Texts and rows: a body for each, because texts decide how a step is read. */
    | {
        readonly kind: 'variants';
        readonly variants: readonly {
          readonly bind: ReadonlyMap<string, ScopeValue>;
          readonly steps: readonly Step[];
        }[];
      };
}

/** Numbers that an axis goes through. */
export type AxisSource =
  | { readonly kind: 'list'; readonly list: readonly Expression[] }
  | { readonly kind: 'range'; readonly from: Expression; readonly to: Expression }
  | { readonly kind: 'expression'; readonly expression: Expression };

// ---------------------------------------------------------------- expectations

/** How a broken expectation counts, and what it covers. */
export interface Judgement {
  readonly level: Level;
  readonly ruling?: string;
  readonly covers: readonly string[];
  readonly because?: string;
  readonly at: Position;
}

/** What the answer of a buffer must be. */
export interface ResultExpectation {
  /** False: nothing was written, only the implied parts hold. A failure is one "in set-up". */
  readonly explicit: boolean;
  readonly blocks: readonly ResultBlock[];
  /** Level and coverage of the implied parts. */
  readonly judgement: Judgement;
}

export interface ResultBlock extends ResultChecks {
  readonly judgement: Judgement;
  readonly oneOf?: readonly ResultAlternative[];
}
export interface ResultAlternative extends ResultChecks, AlternativeHead {}

/** Name of an alternative and how it counts. */
export interface AlternativeHead {
  readonly is: string;
  /** Name that stands for whether this alternative was the one seen, from the step on. */
  readonly as?: string;
  readonly when?: Expression;
  readonly verdict?: AlternativeVerdict;
  readonly ruling?: string;
  readonly covers: readonly string[];
  readonly because?: string;
  readonly at: Position;
}

export type Outcome = 'returned' | 'needs_reset' | 'silent';

/** Parts of an expectation; absent ones are not looked at (but see the implied parts). */
export interface ResultChecks {
  readonly outcome?: readonly Outcome[];
  /** Switches the implied OK and GOOD off. */
  readonly answerAny?: true;
  readonly response?: readonly Value[];
  readonly status?: readonly Value[];
  readonly sense?: readonly SensePattern[];
  readonly senseLen?: Value;
  readonly residual?: Value;
  readonly statusQualifier?: Value;
  readonly dataIn?: BytePattern;
  readonly piIn?: BytePattern;
  /** Raw writable bytes, a pattern for each writable descriptor. */
  readonly in?: readonly BytePattern[];
  readonly used?: UsedChecks;
  readonly eventActual?: Value;
  readonly event?: EventChecks;
  readonly interrupt?: { readonly vector?: Expression; readonly count: Value };
  readonly configInterrupt?: Value;
  /** Names that were returned before this one. */
  readonly after?: readonly string[];
  /** Names that were not yet returned when this one was. */
  readonly before?: readonly string[];
}

export interface UsedChecks {
  readonly len?: Value;
  readonly slot?: Value;
  readonly id?: Value;
  readonly entries?: Value;
  readonly writeFlag?: Value;
}

export interface EventChecks {
  readonly event?: Value;
  readonly missed?: Value;
  readonly lun?: 'any' | LunSpec;
  readonly reason?: Value;
}

/** What a `read` must see. */
export interface SeenExpectation {
  readonly blocks: readonly SeenBlock[];
}
export interface SeenBlock {
  readonly judgement: Judgement;
  readonly value?: Matcher;
  readonly oneOf?: readonly SeenAlternative[];
}
export interface SeenAlternative extends AlternativeHead {
  readonly value: Matcher;
}
export type Matcher =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'bytes'; readonly pattern: BytePattern };
