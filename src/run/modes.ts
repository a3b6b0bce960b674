/**
 * The modes of a run: transport, ring format, indirect descriptors and event index. A mode is called
 * `<transport>.<ring>[+indirect][+event_idx]`, e.g. `pci.split` or `mmio.packed+indirect`.
 */
import type { CaseDefinition, Modes } from '../cases/types.js';
import { featuresOfMode, type RingMode } from '../harness/ring-mode.js';
import { isLegacy, isVhost, type TransportName } from '../port/transport-name.js';
import { hashOfText } from './hash.js';
import { idMatcher } from './select.js';

export interface Mode extends RingMode {
  readonly transport: TransportName;
}

/** What a case is run in: `--modes`. A list holds names and globs. */
export type ModeChoice = 'default' | 'all' | 'exhaustive' | readonly string[];

const ON_OFF = ['off', 'on'] as const;

/**
 * The modes of a transport, the plainest first. A legacy interface shows 32 feature bits, and the one of packed rings is
 * not among them.
 */
function modesOfTransport(transport: TransportName): Mode[] {
  const rings = isLegacy(transport) ? (['split'] as const) : (['split', 'packed'] as const);
  return rings.flatMap((ring) =>
    ON_OFF.flatMap((indirect) => ON_OFF.map((event_idx): Mode => ({ transport, ring, indirect, event_idx }))),
  );
}

const modesOver = new Map<string, readonly Mode[]>();
/** All modes over the given transports, in the order in which a case looks for its home. */
export function allModes(transports: readonly TransportName[]): readonly Mode[] {
  const key = transports.join();
  let modes = modesOver.get(key);
  if (modes === undefined) {
    modes = transports.flatMap(modesOfTransport);
    modesOver.set(key, modes);
  }
  return modes;
}

/** A mode's name. */
export function modeName({ transport, ring, indirect, event_idx }: Mode): string {
  return `${transport}.${ring}${indirect === 'on' ? '+indirect' : ''}${event_idx === 'on' ? '+event_idx' : ''}`;
}

/** The name of the mode in which most cases are at home. */
export const USUAL_MODE = 'pci.split';

/** Names a result: the id of the case, with the mode where it is not the usual one. */
export function resultKey({ id, mode }: { readonly id: string; readonly mode: string }): string {
  return mode === USUAL_MODE ? id : `${id} in ${mode}`;
}

/** What `resultKey` named. */
export function readResultKey(key: string): { readonly id: string; readonly mode: string } {
  const [, id = key, mode = USUAL_MODE] = / in( [a-z][\w.+-]*)?$/.test(key)
    ? (/^(.*) in ?(\S*)$/s.exec(key) ?? [])
    : [];
  return { id, mode };
}

/** Whether a device that offers these features can be driven so. */
export function isOffered(mode: Mode, features: bigint): boolean {
  return (featuresOfMode(mode) & ~features) === 0n;
}

const LEGACY_FEATURE_BITS = 32;

/** Words of `needs` that the transport alone decides. */
const LAYER_OF_TRANSPORT: Readonly<Record<string, (transport: TransportName) => boolean>> = {
  pci: (transport) => transport.startsWith('pci'),
  mmio: (transport) => transport.startsWith('mmio'),
  vhost: isVhost,
  legacy: isLegacy,
  modern: (transport) => !isLegacy(transport),
  msix: (transport) => transport.startsWith('pci'),
};

type Restricted = Pick<CaseDefinition, 'id' | 'modes' | 'needs' | 'covers' | 'tags'>;

/** Whether a case, by what it says itself, takes part in a mode. */
function admits({ modes, needs }: Restricted, mode: Mode): boolean {
  const axes = Object.entries(modes) as [keyof Modes, string | undefined][];
  if (axes.some(([axis, wanted]) => wanted !== undefined && wanted !== mode[axis])) return false;
  return needs.every((need) => {
    if (need.kind === 'feature') return need.negated || inFeatureWords(need.bit, mode.transport);
    const holds = need.kind === 'layer' ? LAYER_OF_TRANSPORT[need.layer] : undefined;
    return holds === undefined || holds(mode.transport) !== need.negated;
  });
}

const admittedOf = new WeakMap<
  Restricted,
  { readonly every: readonly Mode[]; readonly modes: readonly Mode[] }
>();
/** The modes in which a case takes part; asked for each of its expansions. */
function admitted(definition: Restricted, every: readonly Mode[]): readonly Mode[] {
  const known = admittedOf.get(definition);
  if (known?.every === every) return known.modes;
  const modes = every.filter((mode) => admits(definition, mode));
  admittedOf.set(definition, { every, modes });
  return modes;
}

/** Whether an interface can tell of a feature at all: a legacy one has bits 0 to 31. */
function inFeatureWords(bit: number, transport: TransportName): boolean {
  return !isLegacy(transport) || bit < LEGACY_FEATURE_BITS;
}

/** Requirements on virtio, by the second part of their ids, that have little to do with how queues and registers work. */
const OF_THE_DEVICE: ReadonlySet<string> = new Set([
  'config',
  'features',
  'init',
  'reset',
  'status',
  'suspend',
]);

/** What a case is about, which decides in how many modes it is worth running. */
function layerOf({ covers }: Restricted): 'ring or transport' | 'device' | 'command' {
  const ids = covers.map((id) => id.split('.'));
  if (ids.some(([of, about = '']) => of === 'virtio' && !OF_THE_DEVICE.has(about)))
    return 'ring or transport';
  const ofDevice = ids.filter(([of]) => of === 'virtio' || of === 'scsi').length;
  const ofCommands = ids.filter(([of]) => of === 'spc' || of === 'sbc').length;
  // Most cases about commands also look at the response around the answer, which others are about.
  return ofDevice > ofCommands ? 'device' : 'command';
}

/** What of an expansion decides about its modes. */
export interface ExpansionTraits {
  /** Place among the expansions of its case, from 0, and their number. */
  readonly index: number;
  readonly count: number;
  /** Without queues, all modes of a transport are the same to it. */
  readonly usesQueues: boolean;
}

/**
 * The modes in which an expansion of a case (left out: any of them) runs on a device that can be reached by `transports`;
 * never empty unless by a list. The first is its home. A case that none of the modes admits is at home in the first, where it says why it does
 * not run.
 */
export function modesOf(
  definition: Restricted,
  choice: ModeChoice,
  transports: readonly TransportName[],
  expansion?: ExpansionTraits,
): readonly Mode[] {
  const every = allModes(transports);
  const possible = admitted(definition, every);
  const home = possible[0] ?? every[0];
  if (home === undefined) return [];
  if (typeof choice === 'object') {
    const named = idMatcher(choice);
    return (possible.length > 0 ? possible : [home]).filter((mode) => named(modeName(mode)));
  }
  if (choice === 'default') return [home];
  const others = possible.slice(1);
  if (choice === 'exhaustive') return [home, ...others];
  const layer = layerOf(definition);
  if (definition.tags.includes('slow')) return [home];
  if (layer === 'command') {
    const chance = hashOfText(definition.id);
    const another = others[chance % Math.max(1, others.length)];
    // What a command does on another ring, every second expansion shows as well as all.
    const alone = expansion !== undefined && expansion.count > 1 && (expansion.index + chance) % 2 === 1;
    return another === undefined || alone ? [home] : [home, another];
  }
  if (expansion?.usesQueues === false)
    return [home, ...plainest(others).filter(({ transport }) => transport !== home.transport)];
  if (layer === 'ring or transport') return [home, ...others];
  const chosen = halvesOf(expansion).map((half) => pairwiseOver(possible, half));
  return [home, ...others.filter((mode) => chosen.some((names) => names.has(modeName(mode))))];
}

/** Which half of the expansions one belongs to, or all that there may be; `undefined` where there is but one expansion. */
function halvesOf(expansion: ExpansionTraits | undefined): readonly (number | undefined)[] {
  if (expansion === undefined) return [undefined, 0, 1];
  return [expansion.count > 1 ? expansion.index % 2 : undefined];
}

/** The first mode of each transport. */
function plainest(modes: readonly Mode[]): Mode[] {
  return modes.filter((mode, i) => modes.findIndex(({ transport }) => transport === mode.transport) === i);
}

const pairwiseNames = new Map<string, ReadonlySet<string>>();
/**
 * Names of a part of the modes in which any two values meet; many cases ask for the same. Where a case has several
 * expansions, whether their number is even is one more choice, that has to meet the others: so each expansion meets
 * every value, and each two values meet in one of two neighbours.
 */
function pairwiseOver(modes: readonly Mode[], half: number | undefined): ReadonlySet<string> {
  const key = `${half ?? ''} ${modes.map(modeName).join()}`;
  let names = pairwiseNames.get(key);
  if (names === undefined) {
    const rows =
      half === undefined ? modes : [0, 1].flatMap((each) => modes.map((mode) => ({ ...mode, half: each })));
    const chosen = pairwise<Mode & { half?: number }>(rows);
    names = new Set(chosen.filter((row) => row.half === half).map(modeName));
    pairwiseNames.set(key, names);
  }
  return names;
}

/** A small part of some combinations in which every two values of different axes meet that meet in any of them; the first included. */
export function pairwise<T extends object>(rows: readonly T[]): T[] {
  const pairsOf = (row: T) => {
    const values = Object.entries(row).map(([axis, value]) => `${axis}=${String(value)}`);
    return values.flatMap((one, i) => values.slice(i + 1).map((other) => `${one} ${other}`));
  };
  const missing = new Set(rows.flatMap(pairsOf));
  const gain = (row: T) => pairsOf(row).filter((pair) => missing.has(pair)).length;
  const chosen: T[] = [];
  for (let next = rows[0]; next !== undefined && missing.size > 0; ) {
    chosen.push(next);
    for (const pair of pairsOf(next)) missing.delete(pair);
    next = rows.reduce<T | undefined>(
      (best, row) => (gain(row) > (best === undefined ? 0 : gain(best)) ? row : best),
      undefined,
    );
  }
  return chosen;
}
