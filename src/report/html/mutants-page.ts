/** What the mutants came to, as one HTML page without a script. */
import { escapeHtml, htmlHead } from './page.js';

/** A mutant in the table. */
export interface MutantRow {
  readonly id: string;
  readonly sentence: string;
  readonly requirement?: string | undefined;
  readonly source: string;
  readonly verdict: string;
  /** Ids as written of the cases that it proves, and standing checks that it violates. */
  readonly caughtBy: readonly string[];
  readonly durationMs: number;
}

export interface MutantsPage {
  readonly suiteVersion: string;
  /** Numbers above the table, by what they count. */
  readonly counts: Readonly<Record<string, number>>;
  readonly mutants: readonly MutantRow[];
}

const SHOWN = 4;

function listOf(ids: readonly string[]): string {
  const items = (some: readonly string[]) => some.map((id) => `<code>${escapeHtml(id)}</code>`).join(', ');
  if (ids.length <= SHOWN) return items(ids);
  return `<details><summary>${items(ids.slice(0, SHOWN))} and ${ids.length - SHOWN} more</summary>${items(ids.slice(SHOWN))}</details>`;
}

function row({ id, sentence, requirement, source, verdict, caughtBy, durationMs }: MutantRow): string {
  const breaks =
    requirement === undefined ? '' : `<br><span class="hint">breaks ${escapeHtml(requirement)}</span>`;
  return `<tr><th scope="row"><code>${escapeHtml(id)}</code></th><td>${escapeHtml(sentence)}${breaks}</td><td>${escapeHtml(source)}</td><td>${escapeHtml(verdict)}</td><td>${listOf(caughtBy)}</td><td>${(durationMs / 1000).toFixed(1)}</td></tr>`;
}

/** The page: what nobody noticed comes first. */
export function mutantsPage({ suiteVersion, counts, mutants }: MutantsPage): string {
  const heavy = ['survived', 'unusable', 'set-up', 'spoils', 'standing', 'caught', 'equivalent'];
  const rows = mutants.toSorted((a, b) => heavy.indexOf(a.verdict) - heavy.indexOf(b.verdict));
  const facts = Object.entries(counts).map(
    ([name, count]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${count}</td></tr>`,
  );
  return `${htmlHead('virtio-scsi conformance: proof by mutants', false)}<body>
<header class="top"><p class="product">virtio-scsi conformance ${escapeHtml(suiteVersion)}</p></header>
<main>
<section aria-labelledby="summary-title"><h1 id="summary-title">Proof by mutants</h1>
<p class="hint">A mutant is the embedded model with one deviation. It proves a case if it turns that case's own expectation red and spoils no more than a twentieth of the suite.</p>
<div class="scroll"><table><tbody>${facts.join('')}</tbody></table></div></section>
<section aria-labelledby="mutants-title"><h2 id="mutants-title">Mutants</h2>
<div class="scroll" role="region" aria-labelledby="mutants-title" tabindex="0"><table>
<thead><tr><th scope="col">Mutant</th><th scope="col">What it does wrong</th><th scope="col">Made from</th><th scope="col">Verdict</th><th scope="col">Noticed by</th><th scope="col">Seconds</th></tr></thead>
<tbody>
${rows.map(row).join('\n')}
</tbody></table></div></section>
</main>
</body>
</html>
`;
}
