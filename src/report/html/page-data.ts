/** What the HTML page shows, as plain data: everything is decoded here, and the page only draws it. */
import { TRANSPORT_NAMES } from '../../port/transport-name.js';
import { areaOf } from '../../run/area.js';
import { type CatalogueEntry, catalogue } from '../../run/catalogue.js';
import { type DecodedField, decodeExchange } from '../../run/decode-exchange.js';
import { conformantBut, type Gate, offences } from '../../run/gate.js';
import { allModes, modeName, resultKey, USUAL_MODE } from '../../run/modes.js';
import { replayCommand } from '../../run/replay-command.js';
import { requestText } from '../../run/request-text.js';
import { type CaseResult, type Finding, RED, type RunResults, type Verdict } from '../../run/results.js';
import { allRulings, rulingText } from '../../run/rulings.js';
import { baseOf } from '../../run/select.js';
import { type DiffRow, diffRows } from '../hex-diff.js';

/** Results of one device, with how they stand to what is known of it, where that is told. */
export interface PageRun {
  readonly results: RunResults;
  readonly gate?: Gate;
}

/** A requirement with the place that it has in its standard. */
type PageRequirement = Pick<CatalogueEntry, 'id' | 'area' | 'strength' | 'section' | 'text'>;

interface PageFinding {
  readonly severity: Finding['severity'];
  readonly step: string;
  readonly check: string;
  readonly expected: string;
  readonly got: string;
  readonly place?: string;
  readonly ruling?: string;
  readonly requirements: readonly string[];
  readonly diff?: { readonly rows: readonly DiffRow[]; readonly more: number };
  /** The request in words. */
  readonly request?: string;
  readonly usedLen?: number;
  readonly fields: readonly DecodedField[];
  readonly reproduced?: boolean;
}

/** One result; numbers are places in the tables of the page. */
interface PageCase {
  readonly run: number;
  readonly id: number;
  readonly mode: number;
  readonly verdict: Verdict;
  /** Milliseconds. */
  readonly ms: number;
  readonly skip?: number;
  readonly known?: true;
  readonly findings?: readonly PageFinding[];
  /** The command that repeats it. */
  readonly again?: string;
}

export interface PageData {
  readonly suite: string;
  readonly runs: readonly {
    readonly device: string;
    readonly facts: readonly (readonly [name: string, value: string])[];
    readonly interrupted: boolean;
    /** As the last line of the run has it; left out where nobody has judged, or not all of it. */
    readonly conclusion?: string;
    readonly known: number;
    readonly unexpected: number;
    readonly stale: readonly string[];
    readonly summary: Readonly<Record<string, number>>;
    readonly standing: readonly {
      readonly check: string;
      readonly requirement: string;
      readonly verdict: string;
      readonly counts: string;
      readonly known: boolean;
      readonly example?: string;
    }[];
  }[];
  readonly areas: readonly string[];
  readonly modes: readonly string[];
  readonly skips: readonly string[];
  /** Cases by their expanded ids. */
  readonly ids: readonly {
    readonly id: string;
    readonly title: string;
    readonly area: number;
    readonly covers: readonly number[];
  }[];
  readonly requirements: readonly PageRequirement[];
  readonly cases: readonly PageCase[];
}

/** So many rows of differing bytes are shown of a finding, and so many bytes of a field. */
const MOST_ROWS = 64;

/** Gives things numbers in the order in which they turn up. */
class Table<T> {
  readonly entries: T[] = [];
  readonly #places = new Map<string, number>();
  place(key: string, make: () => T): number {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.entries.push(make()) - 1;
      this.#places.set(key, place);
    }
    return place;
  }
}

/** `covers`: what each case covers, by its id as written. */
export function pageData(runs: readonly PageRun[], covers: ReadonlyMap<string, readonly string[]>): PageData {
  const areas = new Table<string>();
  const modes = new Table<string>();
  const skips = new Table<string>();
  const requirements = new Table<PageRequirement>();
  const ids = new Table<PageData['ids'][number]>();
  const requirement = (id: string) => requirements.place(id, () => requirementOf(id));
  const present = new Set(runs.flatMap(({ results }) => results.cases.map(({ mode }) => mode)));
  for (const mode of allModes(TRANSPORT_NAMES).map(modeName))
    if (present.has(mode)) modes.place(mode, () => mode);
  // The whole catalogue is listed, also what no case of these runs is about.
  for (const id of catalogue().keys()) requirement(id);
  const cases = runs.flatMap(({ results, gate }, run) => {
    const known = new Set(gate?.known);
    return results.cases.map((result): PageCase => {
      const { skip, findings, verdict } = result;
      for (const finding of findings) finding.requirements.forEach(requirement);
      const area = areaOf(result.id);
      const id = ids.place(result.id, () => ({
        id: result.id,
        title: result.title,
        area: areas.place(area, () => area),
        covers: (covers.get(baseOf(result.id)) ?? []).map(requirement),
      }));
      const reason = skip && `${skip.kind}: ${skip.evidence}`;
      const again = RED.has(verdict) ? againText(result, results) : undefined;
      return {
        run,
        id,
        mode: modes.place(result.mode, () => result.mode),
        verdict,
        ms: Number(result.durationMs.toFixed(3)),
        ...(reason !== undefined && { skip: skips.place(reason, () => reason) }),
        ...(known.has(resultKey(result)) && { known: true as const }),
        ...(findings.length > 0 && { findings: findings.map(pageFinding) }),
        ...(again !== undefined && { again }),
      };
    });
  });
  return {
    suite: runs[0]?.results.suite.version ?? '',
    runs: runs.map(pageRun),
    areas: areas.entries,
    modes: modes.entries,
    skips: skips.entries,
    ids: ids.entries,
    requirements: requirements.entries,
    cases,
  };
}

/** A finding may name a requirement that this version of the suite does not have. */
function requirementOf(id: string): PageRequirement {
  const entry = catalogue().get(id);
  if (entry === undefined) return { id, area: '', strength: '', section: '', text: '' };
  const { area, strength, section, text } = entry;
  return { id, area, strength, section, text };
}

function againText(
  one: Pick<CaseResult, 'id' | 'mode'>,
  { request, seed, strict, spec }: RunResults,
): string | undefined {
  if (request === undefined) return undefined;
  return replayCommand(one, {
    request,
    seed,
    ...(strict !== undefined && { strict }),
    ...(spec !== undefined && { spec }),
  });
}

/** As the last line of a run has it. */
function concluded(gate: Gate, { total, skip }: RunResults['summary']): string {
  if (offences(gate).length > 0) return 'NOT CONFORMANT';
  return total === skip ? 'NOTHING EXECUTED' : conformantBut(gate.deviations);
}

function pageRun({ results, gate }: PageRun): PageData['runs'][number] {
  const { dut, suite, environment, seed, strict, spec, interrupted, summary, standing } = results;
  const known = new Set(gate?.known);
  const facts: [string, string][] = [
    ['device', `${dut.name} ${dut.version}`],
    ...Object.entries(dut.details),
    ['features offered', dut.features.join(', ')],
    ['seed', String(seed)],
    ['virtio', spec ?? ''],
    ['rulings', strict === true ? 'strict' : 'lenient'],
    ['suite', `${suite.version}, case set ${suite.caseSetHash}`],
    ['ended', environment.date],
    ['ran on', `${environment.platform}, Node.js ${environment.node}`],
  ];
  return {
    device: `${dut.name} ${dut.version}`.trim(),
    facts: facts.filter(([, value]) => value.trim() !== ''),
    interrupted,
    ...(gate && !interrupted && { conclusion: concluded(gate, summary) }),
    known: gate?.known.length ?? 0,
    unexpected: gate?.unexpected.length ?? 0,
    stale: gate?.stale ?? [],
    summary: { ...summary },
    standing: standing.map((row) => {
      const { check, requirement, verdict, violations, exchanges, firstExample } = row;
      return {
        check,
        requirement,
        verdict,
        counts: `${violations} of ${exchanges} exchanges`,
        known: known.has(`standing:${check}`),
        ...(firstExample && {
          example: `first in ${resultKey({ id: firstExample.case, mode: firstExample.mode ?? USUAL_MODE })}, step ${firstExample.step}: expected ${firstExample.expected}, got ${firstExample.got}`,
        }),
      };
    }),
  };
}

function pageFinding(finding: Finding): PageFinding {
  const { severity, step, check, expected, got, place, requirements, exchange, sent, reproduced } = finding;
  const { expectedBytes, gotBytes, maskBytes } = finding;
  const ruling = finding.ruling === undefined ? undefined : allRulings().get(finding.ruling);
  const request = exchange ? requestText(exchange.out, exchange.layout) : sent && requestText(sent);
  const rest = sent === undefined || exchange !== undefined ? [] : rawFields(sent);
  return {
    severity,
    step,
    check,
    expected,
    got,
    ...(place !== undefined && { place }),
    ...(ruling && { ruling: `${ruling.id}: ${rulingText(ruling)}` }),
    requirements,
    ...(expectedBytes !== undefined &&
      gotBytes !== undefined && {
        diff: diffRows(
          { expected: expectedBytes, got: gotBytes, ...(maskBytes !== undefined && { mask: maskBytes }) },
          MOST_ROWS,
        ),
      }),
    ...(request !== undefined && { request }),
    ...(exchange?.usedLen !== undefined && { usedLen: exchange.usedLen }),
    fields: exchange ? decodeExchange(exchange) : rest,
    ...(reproduced !== undefined && { reproduced }),
  };
}

/** The last request of a case that is about no exchange, as its bytes. */
function rawFields(sent: string): DecodedField[] {
  return decodeExchange({ kind: 'chain', queue: 0, out: sent });
}
