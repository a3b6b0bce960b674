/** The page in a real browser. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { htmlPage } from '../../../src/report/html/page.js';
import { type PageRun, pageData } from '../../../src/report/html/page-data.js';
import { summarise } from '../../../src/run/results.js';
import { GATE, RESULTS } from '../sample.js';
import { hasChromium, openChromium } from './chromium.js';

const HOSTILE = `</script><img src="http://127.0.0.1:9/x" onerror="document.title='owned'">`;
const folder = mkdtempSync(join(tmpdir(), 'vscsi-page-'));
let browser: Browser;
let page: Page;
/** What the browser complained about, and what it wanted from elsewhere. */
let complaints: string[];
let requests: string[];

async function open(runs: readonly PageRun[]): Promise<void> {
  const file = join(folder, 'page.html');
  writeFileSync(file, htmlPage(pageData(runs, new Map([['a.fail', ['virtio.framing.no-assumptions']]]))));
  page = await browser.newPage();
  complaints = [];
  requests = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  const url = pathToFileURL(file).href;
  await page.goto(url);
  requests = requests.filter((one) => one !== url);
}

const rows = () => page.locator('#list .row');
const texts = async () => (await rows().allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
/** The id of what has the focus, or else its class, or its text. */
const focused = () =>
  page.evaluate(() => {
    // biome-ignore lint/suspicious/noExplicitAny: the types of a page are not those of the tests
    const { activeElement } = (globalThis as any).document;
    return String(activeElement.id || activeElement.className || activeElement.innerText);
  });

describe.runIf(hasChromium())('the page in a browser', () => {
  beforeAll(async () => {
    browser = await openChromium();
  });
  afterEach(async () => {
    expect(complaints).toEqual([]);
    expect(requests).toEqual([]);
    await page.close();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('the failing case is found and read by keyboard alone', async () => {
    await open([{ results: RESULTS, gate: GATE }]);
    await page.keyboard.press('/');
    expect(await focused()).toBe('text');
    await page.keyboard.type('fail no-assumptions');
    expect(await page.locator('#count').innerText()).toBe('1 of 5 results, 1 red');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('row');
    await page.keyboard.press('Enter');
    const detail = page.locator('.detail:visible');
    expect(await rows().first().getAttribute('aria-expanded')).toBe('true');
    expect(await detail.locator('.diff mark').allInnerTexts()).toEqual(['02', 'ff']);
    expect(await detail.innerText()).toContain('virtio.framing.no-assumptions');
    expect(await detail.innerText()).toMatch(/--select 'a\.fail\[#1, x\]'/);
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('text');
  });

  test('every part is reached by Tab, and is visible when it is', async () => {
    await open([{ results: RESULTS, gate: GATE }]);
    const reached = new Set<string>();
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press('Tab');
      reached.add(await focused());
    }
    for (const what of ['skip-link', 'matrix-table', 'text', 'area', 'mode', 'row', 'requirement-text'])
      expect([...reached]).toContain(what);
  });

  test('by verdict, by area, and from the matrix', async () => {
    await open([{ results: RESULTS, gate: GATE }]);
    await page.getByRole('button', { name: 'skip', exact: true }).click();
    expect(await texts()).toEqual([expect.stringContaining('a.skip')]);
    await page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => rows().count()).toBe(5);
    await page.getByRole('button', { name: /^a, pci\.split, .* 1 green, 3 red, 1 skipped$/ }).click();
    expect(await page.locator('#area').inputValue()).toBe('0');
    expect(await rows().count()).toBe(5);
    await page.locator('#requirement-state').selectOption('broken');
    expect(await page.locator('#requirement-list tr').count()).toBe(1);
  });

  test('what a hostile device says stays text', async () => {
    const [first, ...rest] = RESULTS.cases;
    if (first === undefined) throw new Error('no case');
    const finding = { step: '1', check: HOSTILE, requirements: [HOSTILE], severity: 'fail' } as const;
    const bad = {
      ...first,
      id: `a.x[${HOSTILE}]`,
      title: HOSTILE,
      verdict: 'fail',
      findings: [{ ...finding, expected: HOSTILE, got: HOSTILE, place: HOSTILE }],
    } as const;
    const cases = [bad, ...rest];
    const dut = { name: HOSTILE, version: HOSTILE, features: [HOSTILE], details: { [HOSTILE]: HOSTILE } };
    await open([
      { results: { ...RESULTS, dut, cases, summary: summarise(cases) }, gate: { ...GATE, stale: [HOSTILE] } },
      { results: RESULTS },
    ]);
    await page.locator('#text').fill('a.x[');
    await rows().first().click();
    expect(await page.locator('.detail:visible').innerText()).toContain(HOSTILE);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toContain('</script>');
  });

  test('eleven thousand results are drawn step by step', async () => {
    const [pass] = RESULTS.cases;
    if (pass === undefined) throw new Error('no case');
    const many = Array.from({ length: 11_000 }, (_, at) => ({ ...pass, id: `a.pass[${at}]` }));
    const cases = [...many, ...RESULTS.cases];
    await open([{ results: { ...RESULTS, cases, summary: summarise(cases) }, gate: GATE }]);
    expect(await page.locator('#count').innerText()).toBe('11005 of 11005 results, 3 red');
    expect(await rows().count()).toBeLessThan(1000);
    expect((await texts())[0]).toMatch(/^(fail|crash) a\./);
    await page.locator('#text').fill('a.pass[10999]');
    expect(await texts()).toEqual([expect.stringContaining('a.pass[10999]')]);
  });

  test.each(['light', 'dark'] as const)('text is readable in %s', async (colorScheme) => {
    await open([{ results: RESULTS, gate: GATE }]);
    await page.emulateMedia({ colorScheme });
    await rows().first().click();
    const worst = await page.evaluate(lowestContrast);
    expect(worst.ratio, worst.what).toBeGreaterThanOrEqual(4.5);
  });
});

/** The lowest contrast of any text with what is behind it, as WCAG 2 counts it. Runs in the page. */
function lowestContrast(): { ratio: number; what: string } {
  // biome-ignore lint/suspicious/noExplicitAny: the types of a page are not those of the tests
  const page = globalThis as any;
  const channels = (colour: string) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = (colour: string) => {
    const [r = 0, g = 0, b = 0] = channels(colour).map((c) => {
      const part = c / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let worst = { ratio: 21, what: '' };
  const walker = page.document.createTreeWalker(page.document.body, 4);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || element.getClientRects().length === 0) continue;
    let behind = element;
    while (behind && channels(page.getComputedStyle(behind).backgroundColor)[3] === 0)
      behind = behind.parentElement;
    const [a, b] = [
      page.getComputedStyle(element).color,
      page.getComputedStyle(behind ?? page.document.body).backgroundColor,
    ];
    const [high, low] = [Math.max(light(a), light(b)), Math.min(light(a), light(b))];
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < worst.ratio) worst = { ratio, what: `${element.tagName} ${element.className}: ${node.data}` };
  }
  return worst;
}
