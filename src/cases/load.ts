/** Loading case files: text to checked definitions, or to problems with their places. */
import {
  applyCaseSettings,
  type CaseCursors,
  checkConditions,
  checkCoverage,
  checkMuseum,
  compileBody,
  compileNeeds,
  defineLet,
  defineNames,
  plainSettings,
  trialBindings,
} from './compile-case.js';
import {
  Compiler,
  type Cursor,
  child,
  elements,
  mapOf,
  type Path,
  type Registries,
  type Reporter,
} from './compiler.js';
import { SchemaChecker } from './explain.js';
import { LIMITS } from './limits.js';
import { placeAt } from './places.js';
import type { CaseProblem } from './problem.js';
import type { CaseDefinition, CaseFile, Scope } from './types.js';
import { readYaml, type YamlSource } from './yaml-source.js';

/** What cases are checked against besides the language itself. */
export interface LoadOptions extends Registries {
  /** Roles that profiles may bind besides the built-in ones. */
  readonly roles?: readonly string[];
}

/** A loaded file, or why there is none. */
export interface LoadResult {
  /** Undefined where there are problems: a broken file never runs. */
  readonly file?: CaseFile;
  readonly problems: readonly CaseProblem[];
}

/** Loads case files. Holds the compiled schema, so one loader should serve all files. */
export class CaseLoader {
  readonly #options: LoadOptions;
  readonly #schema: SchemaChecker;

  constructor(options: LoadOptions = {}) {
    this.#options = options;
    this.#schema = new SchemaChecker(options.roles ? { roles: options.roles } : {});
  }

  /** Loads one file; never throws. */
  load(file: string, text: string): LoadResult {
    const source = readYaml(file, text);
    if (source.problems.length > 0) return { problems: source.problems };
    const problems = new ProblemList(source);
    if (Object.keys(mapOf(source.root)).length === 0) {
      problems.report([], 'case', 'a case file is a map with suite, spec and cases');
      return { problems: problems.sorted() };
    }
    this.#schema.check(source.root, problems.report, source.writtenAs);
    const root: Cursor = { raw: source.root, path: [] };
    const casesAt = child(root, 'cases');
    const cases = casesAt && Array.isArray(casesAt.raw) ? elements(casesAt) : [];
    if (cases.length > LIMITS.casesPerFile)
      problems.report(
        ['cases'],
        'limit',
        `a file has at most ${LIMITS.casesPerFile} cases, this one ${cases.length}`,
      );
    const broken = problems.places();
    const ids = new Set<string>();
    const definitions: CaseDefinition[] = [];
    for (const cursor of cases.slice(0, LIMITS.casesPerFile)) {
      const idAt = child(cursor, 'id');
      const id = String(idAt?.raw ?? '');
      if (idAt && ids.has(id)) problems.report(idAt.path, 'case', `the id ${id} is used twice`);
      ids.add(id);
      // What the schema refuses cannot be compiled; the other cases can, and their mistakes are shown, too.
      if (broken.some((path) => startsWith(path, cursor.path) || path[0] !== 'cases')) continue;
      definitions.push(checkCase(source, { file: root, case: cursor }, this.#options, problems.report));
    }
    const found = problems.sorted();
    if (found.length > 0) return { problems: found };
    const { suite, spec } = mapOf(source.root);
    return {
      file: { file, suite: String(suite), spec: spec as CaseFile['spec'], cases: definitions },
      problems: [],
    };
  }

  /** Loads many files; ids are unique over all of them. */
  loadAll(sources: Iterable<{ readonly file: string; readonly text: string }>): {
    readonly files: readonly CaseFile[];
    readonly problems: readonly CaseProblem[];
  } {
    const files: CaseFile[] = [];
    const problems: CaseProblem[] = [];
    const owners = new Map<string, string>();
    for (const { file, text } of sources) {
      const result = this.load(file, text);
      problems.push(...result.problems);
      if (!result.file) continue;
      const lines = text.split(/\r?\n/);
      const twice = result.file.cases.flatMap((definition): CaseProblem[] => {
        const owner = owners.get(definition.id);
        if (owner === undefined) return [];
        const message = `the id ${definition.id} is used already in ${owner}`;
        return [
          { file, ...definition.at, kind: 'case', message, excerpt: lines[definition.at.line - 1] ?? '' },
        ];
      });
      problems.push(...twice);
      for (const { id } of result.file.cases) owners.set(id, file);
      if (twice.length === 0) files.push(result.file);
    }
    return { files, problems };
  }
}

const startsWith = (path: Path, start: Path) =>
  start.every((part, index) => String(part) === String(path[index]));

/** Collects problems; of several at one place only the first is kept. */
class ProblemList {
  readonly #source: YamlSource;
  readonly #list: { readonly path: Path; readonly problem: CaseProblem }[] = [];
  readonly #seen = new Set<string>();

  constructor(source: YamlSource) {
    this.#source = source;
  }

  readonly report: Reporter = (path, kind, message, part) => {
    const at = this.#source.locate(path, part);
    const place = `${at.line}:${at.column}`;
    if (this.#seen.has(place)) return;
    this.#seen.add(place);
    const within = part?.column !== undefined && kind === 'bytes' ? `column ${part.column}: ` : '';
    this.#list.push({ path, problem: this.#source.problem(at, kind, `${within}${message}`) });
  };

  places(): Path[] {
    return this.#list.map(({ path }) => path);
  }

  sorted(): CaseProblem[] {
    return this.#list.map(({ problem }) => problem).sort((a, b) => a.line - b.line || a.column - b.column);
  }
}

/** Compiles a case in every way its texts allow, to find mistakes before anything runs. */
function checkCase(
  source: YamlSource,
  cursors: CaseCursors,
  registries: Registries,
  reportAll: Reporter,
): CaseDefinition {
  let broken = false;
  const report: Reporter = (...problem) => {
    broken = true;
    reportAll(...problem);
  };
  const locate = (path: Path) => placeAt(source.places, path);
  const compiler = () => new Compiler({ report, registries, checking: true, locate });
  const prepare = (c: Compiler) => {
    applyCaseSettings(c, cursors);
    const needs = compileNeeds(c, cursors);
    defineNames(c, needs);
    const scope: Scope = new Map();
    defineLet(c, child(cursors.file, 'let'), scope, {});
    return { needs, scope };
  };
  const first = compiler();
  const { needs } = prepare(first);
  const bindings = trialBindings(first, child(cursors.case, 'each'));
  const covers = new Set<string>();
  const rulings = new Set<string>();
  let last = first;
  let steps = 0;
  for (const binding of bindings) {
    if (steps > LIMITS.checkedSteps) {
      report([...cursors.case.path, 'each'], 'limit', `the axes bring more texts than can be checked`, {
        key: true,
      });
      break;
    }
    const c = compiler();
    last = c;
    const { scope } = prepare(c);
    for (const [name, value] of binding) {
      c.define(name, value);
      if (value !== undefined) scope.set(name, value);
    }
    defineLet(c, child(cursors.case, 'let'), scope, {});
    checkConditions(c, cursors, needs, scope);
    compileBody(c, cursors, scope);
    steps += c.steps;
    for (const id of c.covered) covers.add(id);
    for (const id of c.rulings) rulings.add(id);
  }
  checkCoverage(last, cursors, broken);
  checkMuseum(last, cursors);
  for (const id of last.covered) covers.add(id);
  const { id, title } = mapOf(cursors.case.raw);
  const { suite, spec } = mapOf(cursors.file.raw);
  return {
    id: String(id),
    title: String(title),
    file: source.file,
    suite: String(suite),
    spec: spec as CaseFile['spec'],
    at: locate(cursors.case.path),
    needs,
    hostile: last.hostile,
    ...plainSettings(cursors),
    covers: [...covers],
    rulings: [...rulings],
    source: { root: mapOf(source.root), path: cursors.case.path, places: source.places, registries },
  };
}
