/**
 * The catalogue of what the SCSI command sets ask: `scsi-requirements.yaml`. No text of these standards stands behind an
 * entry, but implementations that were read; how many decides how much an expectation that rests on it may say.
 */
import { yaml } from '../sys/lazy-packages.js';
import type { Requirement } from './requirements.js';

/** Implementations that were read, and the project that each belongs to: two of one project are no two opinions. */
export const SCSI_SOURCES = {
  qemu: { project: 'qemu', about: 'QEMU, hw/scsi' },
  ctl: { project: 'freebsd', about: 'FreeBSD, the CAM target layer' },
  freebsd: { project: 'freebsd', about: 'FreeBSD, structures and drivers of CAM' },
  lio: { project: 'lio', about: 'Linux, drivers/target' },
  linux: { project: 'linux', about: 'Linux, the drivers of disks and tapes, and the names of codes' },
  scsi_debug: { project: 'gilbert', about: 'Linux, the simulator scsi_debug' },
  sg3_utils: { project: 'gilbert', about: 'sg3_utils' },
  spdk: { project: 'spdk', about: 'SPDK, lib/scsi' },
  tgt: { project: 'tgt', about: 'tgt, usr/' },
  mhvtl: { project: 'mhvtl', about: 'mhvtl, a virtual tape library' },
  libiscsi: { project: 'libiscsi', about: 'libiscsi, its decoders and its test tool' },
  'vhost-device': { project: 'rust-vmm', about: 'vhost-device-scsi' },
  crosvm: { project: 'crosvm', about: 'crosvm, its SCSI device' },
} as const satisfies Readonly<Record<string, { readonly project: string; readonly about: string }>>;

export type ScsiSource = keyof typeof SCSI_SOURCES;

export const SCSI_STRENGTHS = ['MUST', 'MUST NOT', 'SHOULD', 'SHOULD NOT', 'MAY'] as const;
/** Whether the sources say the same, whether there is only one, or whether they part and the rule leaves room for all. */
export const AGREEMENTS = ['agree', 'single', 'differs'] as const;

/** One entry of the catalogue. */
export interface ScsiRequirement {
  /** `sam.`, `spc.`, `sbc.` and so on, after the command set that it belongs to. */
  readonly id: string;
  /** Commands that it is about, by the names of the command table; `any` where it is about all. */
  readonly commands: readonly string[];
  readonly strength: (typeof SCSI_STRENGTHS)[number];
  /** Sources that were read. */
  readonly basis: readonly ScsiSource[];
  readonly agreement: (typeof AGREEMENTS)[number];
  /** The rule, in our own words. */
  readonly text: string;
}

const projects = (basis: readonly ScsiSource[]) => new Set(basis.map((name) => SCSI_SOURCES[name].project));

/** What is wrong with an entry as it was written; undefined if nothing is. */
function problemOf(entry: Partial<ScsiRequirement>): string | undefined {
  const { id = '', commands, strength, basis, agreement, text } = entry;
  if (!/^(sam|spc|sbc|mmc|ssc)(\.[a-z0-9-]+)+$/.test(id)) return 'an id such as spc.inquiry.truncated';
  if (!Array.isArray(commands) || commands.length === 0) return 'commands';
  if (!SCSI_STRENGTHS.some((each) => each === strength)) return `one of ${SCSI_STRENGTHS.join(', ')}`;
  if (!Array.isArray(basis) || basis.length === 0) return 'a basis';
  const stranger = basis.find((name) => !Object.hasOwn(SCSI_SOURCES, name));
  if (stranger !== undefined) return `a basis among ${Object.keys(SCSI_SOURCES).join(', ')}, not ${stranger}`;
  if (!AGREEMENTS.some((each) => each === agreement)) return `one of ${AGREEMENTS.join(', ')}`;
  if ((agreement === 'single') !== (projects(basis as readonly ScsiSource[]).size === 1))
    return `agreement and basis that fit: "single" is for the sources of one project`;
  if (typeof text !== 'string' || text.length < 10) return 'the rule as text';
  return undefined;
}

/** Reads `scsi-requirements.yaml`. Throws `TypeError` for an entry that is not complete, or an id that comes twice. */
export function readScsiRequirements(text: string): ReadonlyMap<string, ScsiRequirement> {
  const out = new Map<string, ScsiRequirement>();
  for (const entry of scan(text) ?? (yaml().parse(text) as Partial<ScsiRequirement>[])) {
    const problem = problemOf(entry);
    if (problem !== undefined)
      throw new TypeError(`scsi-requirements: ${entry.id ?? 'an entry'} needs ${problem}`);
    const complete = entry as ScsiRequirement;
    if (out.has(complete.id)) throw new TypeError(`scsi-requirements: ${complete.id} comes twice`);
    out.set(complete.id, complete);
  }
  return out;
}

const ENTRY =
  /^id: (\S+)\n {2}commands: \[(.+)\]\n {2}strength: (.+)\n {2}basis: \[(.+)\]\n {2}agreement: (\S+)\n {2}text: (".*")\s*(?:#.*\s*)*$/;

/** Straight from the lines, as in `requirements.ts`. Undefined where the file is laid out in another way. */
function scan(text: string): Partial<ScsiRequirement>[] | undefined {
  const out: Partial<ScsiRequirement>[] = [];
  for (const entry of text.split(/^- (?=id: )/m).slice(1)) {
    const [, id, commands = '', strength, basis = '', agreement, quoted = ''] = ENTRY.exec(entry) ?? [];
    if (id === undefined) return undefined;
    const list = (items: string) => items.split(', ');
    const words = JSON.parse(quoted) as string;
    out.push({ id, commands: list(commands), strength, basis: list(basis), agreement, text: words } as never);
  }
  return out.length > 0 ? out : undefined;
}

/** The command set that an id belongs to, e.g. `spc`. */
export function commandSetOf(id: string): string {
  return id.split('.')[0] ?? id;
}

/** The entry as cases see it: what rests on a single source is inferred, so that breaking it is a warning at most. */
export function asRequirement({ id, strength, agreement }: ScsiRequirement): Requirement {
  // The command sets are older than virtio.
  const common = { id, strength, role: 'device', since: '1.0' } as const;
  return agreement === 'single'
    ? { ...common, kind: 'inferred', singleSource: true }
    : { ...common, kind: 'normative' };
}
