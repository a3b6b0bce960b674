/** What tests of the case language share. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment, Expansion } from '../../src/cases/expand.js';
import { expandCase } from '../../src/cases/expand.js';
import { CaseLoader, type LoadOptions } from '../../src/cases/load.js';
import type { CaseProblem } from '../../src/cases/problem.js';
import type { ExpandedCase, ScopeValue, Step } from '../../src/cases/types.js';

export const FIXTURES = new URL('./fixtures/', import.meta.url).pathname;

/** Files of a folder of fixtures, with their texts. */
export function fixtures(folder: string): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(FIXTURES, folder))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((file) => ({ file, text: readFileSync(join(FIXTURES, folder, file), 'utf8') }));
}

const loader = new CaseLoader();

const indent = (text: string, columns: number) =>
  text
    .trim()
    .split('\n')
    .map((line) => `${' '.repeat(columns)}${line}`)
    .join('\n');

/** A file with one case; `steps` is YAML without indentation, `keys` are further keys of the case. */
export function caseFile(steps: string, keys = 'needs: [disk]'): string {
  return `suite: Test
spec: {document: virtio-1.4}
cases:
  - id: test.one
    title: A case that exists for a test
    covers: [scsi.req.residual]
${indent(keys, 4)}
    steps:
${indent(steps, 6)}
`;
}

/** Problems of a text, as `kind line:column message`. */
export function problemsOf(text: string, options?: LoadOptions): string[] {
  const { problems } = (options ? new CaseLoader(options) : loader).load('test.yaml', text);
  return problems.map(show);
}

export const show = ({ kind, line, column, message }: CaseProblem): string =>
  `${kind} ${line}:${column} ${message}`;

/** Values with bigint for number, so that tests can write 512 for 512n. */
export function scopeOf(values: Readonly<Record<string, ScopeValue | number>>): Map<string, ScopeValue> {
  return new Map(
    Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? BigInt(value) : value]),
  );
}

export const UNIT = {
  target: 0,
  unit: 1,
  blocks: 2048,
  block_size: 512,
  device_type: 0,
  pq_pdt: 0,
  max_write_same: 100,
} as const;

/** Facts of a device on which every example can be expanded. */
export function exampleFacts(): Map<string, ScopeValue> {
  const facts = scopeOf({
    'run.seed': 7,
    'dev.queues': 6,
    'dev.request_queues': 4,
    'dev.queue_size': 128,
    'dev.max_queue_size': 1024,
    'dev.optional_features': ['VIRTIO_F_EVENT_IDX', 'VIRTIO_SCSI_F_CHANGE'],
    'msix.vectors': 7,
    'pci.virtio_caps': [
      { name: 'COMMON', type: 1n, bar: 4n, offset: 0n, length: 64n },
      { name: 'NOTIFY', type: 2n, bar: 4n, offset: 4096n, length: 4096n },
    ],
    free_target: 9,
    'free_unit.target': 0,
    'free_unit.unit': 5,
  });
  for (const role of ['disk', 'disk2', 'thin_disk', 'cdrom', 'units_512', 'disk_pi', 'disk_over_2tb'])
    for (const [fact, value] of Object.entries(UNIT)) facts.set(`${role}.${fact}`, BigInt(value));
  return facts;
}

export function exampleEnvironment(change: Partial<Environment> = {}): Environment {
  return {
    facts: exampleFacts(),
    roles: new Set([
      ...['disk', 'disk2', 'cdrom', 'thin-disk', 'units-512', 'free-target', 'free-unit', 'disk-pi'],
      'disk-over-2tb',
    ]),
    features: (1n << 50n) - 1n,
    layers: new Set(['pci', 'mmio', 'modern', 'msix', 'intx']),
    capabilities: new Set(['hold', 'plug', 'resize', 'media', 'fault', 'config-change', 'second-nexus']),
    scratch: () => true,
    ...change,
  };
}

/** Loads and expands the only case of a text. */
export function expand(text: string, environment = exampleEnvironment()): Expansion {
  const { file, problems } = loader.load('test.yaml', text);
  const [definition] = file?.cases ?? [];
  if (!definition) throw new Error(problems.map(show).join('\n') || 'no case');
  return expandCase(definition, environment);
}

/** The first expanded case of steps written as YAML. */
export function expandSteps(steps: string, keys?: string): ExpandedCase {
  const { cases, problems } = expand(caseFile(steps, keys));
  const [first] = cases;
  if (!first) throw new Error(problems.map(({ message }) => message).join('\n') || 'no case');
  return first;
}

/** The first step of a kind. */
export function stepOf<K extends Step['kind']>(steps: readonly Step[], kind: K): Extract<Step, { kind: K }> {
  const found = steps.find((step): step is Extract<Step, { kind: K }> => step.kind === kind);
  if (!found) throw new Error(`no ${kind} step`);
  return found;
}

/** Bytes of hex digits. */
export const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
