/** The HTML page: one file that needs nothing else, neither a server nor the network. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../run/package-info.js';
import type { PageData } from './page-data.js';

/** Style and script lie beside the sources: they are no modules of the program. */
function htmlAsset(name: string): string {
  return readFileSync(join(PACKAGE_ROOT, 'src/report/html', name), 'utf8');
}

/** Text between tags or in an attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/**
 * Everything of a page before its body: style, and a policy that forbids whatever is not in the page itself; scripts of
 * its own only where it has some.
 */
export function htmlHead(title: string, hasScript: boolean): string {
  const scripts = hasScript ? " script-src 'unsafe-inline';" : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';${scripts} base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>
${htmlAsset('client.css')}</style>
</head>
`;
}

/** JSON that nothing in it can end the element around it: a `<` is written as an escape of JSON. */
function jsonInScript(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

/**
 * The whole page. What the device said is data for the script, which makes text of it and never markup; the policy
 * forbids whatever is not in the page itself.
 */
export function htmlPage(data: PageData): string {
  const devices = data.runs.map(({ device }) => device).join(', ');
  return `${htmlHead(`virtio-scsi conformance: ${devices}`, true)}<body>
<a class="skip-link" href="#results">Skip to the results</a>
<header class="top">
<p class="product">virtio-scsi conformance <span id="suite"></span></p>
<nav aria-label="Sections">
<a href="#summary">Summary</a> <a href="#matrix">Matrix</a> <a href="#results">Results</a>
<a href="#requirements">Requirements</a> <a href="#standing">Standing checks</a> <a href="#environment">Environment</a>
</nav>
</header>
<main>
<noscript><p class="notice">This page draws its tables with a script that is part of it; scripts are turned off.</p></noscript>
<section id="summary" aria-labelledby="summary-title"><h1 id="summary-title"></h1><div id="tiles"></div></section>
<section id="matrix" aria-labelledby="matrix-title"><h2 id="matrix-title">Areas by device and mode</h2>
<p class="hint">Green and red of what was carried out. A cell narrows the results below to it.</p>
<div id="matrix-table" class="scroll" role="region" aria-labelledby="matrix-title" tabindex="0"></div></section>
<section id="results" aria-labelledby="results-title" tabindex="-1"><h2 id="results-title">Results</h2>
<form id="filters" role="search" aria-label="Narrow the results">
<label class="wide">Text <input id="text" type="search" autocomplete="off" spellcheck="false" placeholder="id, title, requirement, finding …" aria-describedby="text-hint"></label>
<label>Area <select id="area"></select></label>
<label>Mode <select id="mode"></select></label>
<label id="device-label">Device <select id="device"></select></label>
<fieldset><legend>Verdict</legend><div id="verdicts" class="toggles"></div></fieldset>
<button type="reset">Clear</button>
<p id="text-hint" class="hint">Keys: <kbd>/</kbd> goes to the text, <kbd>↓</kbd> and <kbd>↑</kbd> go through the results, <kbd>Enter</kbd> opens one, <kbd>Esc</kbd> goes back to the text.</p>
</form>
<p id="count" class="count" role="status" aria-live="polite"></p>
<ul id="list" class="list"></ul>
<button id="more" type="button" hidden></button>
</section>
<section id="requirements" aria-labelledby="requirements-title"><h2 id="requirements-title">Requirements</h2>
<form id="requirement-filters" role="search" aria-label="Narrow the requirements">
<label class="wide">Text <input id="requirement-text" type="search" autocomplete="off" spellcheck="false"></label>
<label>State <select id="requirement-state"></select></label>
</form>
<p id="requirement-count" class="count" role="status" aria-live="polite"></p>
<div class="scroll" role="region" aria-labelledby="requirements-title" tabindex="0"><table><thead><tr><th scope="col">Requirement</th><th scope="col">Strength</th><th scope="col">State</th><th scope="col">Statement</th></tr></thead><tbody id="requirement-list"></tbody></table></div>
<button id="requirement-more" type="button" hidden></button>
</section>
<section id="standing" aria-labelledby="standing-title"><h2 id="standing-title">Standing checks</h2>
<p class="hint">Made on every exchange of every case.</p>
<div id="standing-table" class="scroll" role="region" aria-labelledby="standing-title" tabindex="0"></div></section>
<section id="environment" aria-labelledby="environment-title"><h2 id="environment-title">Environment</h2><div id="facts"></div></section>
</main>
<script type="application/json" id="data">${jsonInScript(data)}</script>
<script>
${htmlAsset('client.js')}</script>
</body>
</html>
`;
}
