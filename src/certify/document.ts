/** A short document, as Markdown and as HTML. Text in it may come from a device: it is never markup. */
import { escapeHtml } from '../report/html/page.js';
import { plain } from '../report/markdown-text.js';

export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  /** What the document says, above all else. */
  | { readonly kind: 'verdict'; readonly text: string; readonly good: boolean }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly string[])[];
    };

export interface Document {
  readonly title: string;
  readonly blocks: readonly Block[];
}

export function markdownOf({ title, blocks }: Document): string {
  return `${[`# ${plain(title)}`, ...blocks.map(markdownBlock)].join('\n\n')}\n`;
}

function markdownBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `## ${plain(block.text)}`;
    case 'paragraph':
      return plain(block.text);
    case 'verdict':
      return `**${plain(block.text)}**`;
    case 'table': {
      const row = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
      return [row(block.head), `|${block.head.map(() => '---|').join('')}`, ...block.rows.map(row)].join(
        '\n',
      );
    }
  }
}

const STYLE = `:root{color-scheme:light dark;--ink:#1b2230;--soft:#566074;--line:#d9dde5;--page:#fff;--good:#1a7f4b;--bad:#c0242f}
@media(prefers-color-scheme:dark){:root--ink:#e4e8ef;--soft:#a0aabc;--line:#2e3745;--page:#11151c;--good:#5fd197;--bad:#ff8a91}
body{max-width:60rem;margin:2rem auto;padding:0 1.25rem;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
.verdict{font-size:1.6rem;font-weight:700;padding:.6rem 1rem;border:3px solid currentColor;border-radius:8px;width:max-content;max-width:100%}
.good{color:var(--good)}.bad{color:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600;white-space:nowrap}`;

export function htmlOf({ title, blocks }: Document): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>
${blocks.map(htmlBlock).join('\n')}
</main></body></html>
`;
}

function htmlBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h2>${escapeHtml(block.text)}</h2>`;
    case 'paragraph':
      return `<p>${escapeHtml(block.text)}</p>`;
    case 'verdict':
      return `<p class="verdict ${block.good ? 'good' : 'bad'}">${escapeHtml(block.text)}</p>`;
    case 'table': {
      const head = block.head.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('');
      const row = (cells: readonly string[]) =>
        `<tr>${cells.map((text) => `<td>${escapeHtml(text)}</td>`).join('')}</tr>`;
      return `<table><thead><tr>${head}</tr></thead><tbody>${block.rows.map(row).join('\n')}</tbody></table>`;
    }
  }
}
