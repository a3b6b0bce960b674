import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { junitText } from '../../src/report/junit.js';
import type { RunResults } from '../../src/run/results.js';
import { caseResults } from '../run/case-results.js';
import { GATE, RESULTS } from './sample.js';

const schema = readFileSync(new URL('fixtures/junit.xsd', import.meta.url), 'utf8');

/** What is wrong with a document by the schema of JUnit XML. */
async function complaints(text: string): Promise<string[]> {
  const { errors } = await validateXML({ xml: [{ fileName: 'r.xml', contents: text }], schema: [schema] });
  return errors.map(({ rawMessage }) => rawMessage);
}

test('the document is valid, and the schema would say if it were not', async () => {
  const text = junitText(RESULTS, GATE);
  expect(await complaints(text)).toEqual([]);
  expect(await complaints(text.replace(' classname=', ' class='))).not.toEqual([]);
  expect(await complaints(text.replace('</system-err>', '</system-err><testcase/>'))).not.toEqual([]);
});

test('each kind of result has its element; what is known is skipped, and what is wrong with the list fails', () => {
  const text = junitText(RESULTS, GATE);
  const element = (name: string) => {
    const at = text.indexOf(`<testcase name="${name}"`);
    return text.slice(at, text.indexOf('<testcase', at + 1));
  };
  expect(element('a.pass')).toMatch(/^<testcase [^>]* time="0\.001500"\/>/);
  expect(element('a.fail[#1, x]')).toMatch(
    /<failure message="step 2, data_in: expected 01 02, got 01 ff" type="data_in">/,
  );
  expect(element('a.known')).toMatch(/<skipped message="known deviation \(fail\): Known"\/>/);
  expect(element('a.skip')).toMatch(/<skipped message="not-offered: tape is not bound"\/>/);
  expect(element('a.crash')).toMatch(
    /<error message="[^"]*exit code 1; it said:&#10;more&#10;" type="crash">/,
  );
  expect(element('standing:used-length')).toMatch(
    /<skipped message="known deviation \(fail\): 1 of 2 exchanges/,
  );
  expect(element('standing:canary')).toMatch(/\/>/);
  expect(element('a.gone')).toMatch(
    /<failure message="listed as a known deviation, and not red" type="stale"\/>/,
  );
  expect(text).toMatch(/name="qemu\.a" [^>]* tests="5" failures="1" errors="1" skipped="2" time="0\.007500"/);
});

test('a run that was ended early, or whose device could not be set up again, is an error', async () => {
  const text = junitText({ ...RESULTS, interrupted: true, failure: 'it is gone' }, GATE);
  expect(text).toMatch(/<error message="the run was ended early: cases are missing" type="interrupted"\/>/);
  expect(text).toMatch(/<error message="it is gone" type="set-up"\/>/);
  expect(await complaints(text)).toEqual([]);
});

test('whatever a device says is text: markup, control characters, halves of surrogate pairs', async () => {
  const hostile = '</failure>]]><x a="1">&amp; \u0000\u0007\u001b[31m \ud800 \uffff \r\n\t"\'';
  const [result] = caseResults({ 'a.b': 'fail' });
  const finding = {
    step: hostile,
    check: hostile,
    requirements: [hostile],
    severity: 'fail',
    expected: hostile,
    got: hostile,
  } as const;
  const results: RunResults = {
    ...RESULTS,
    dut: { ...RESULTS.dut, version: hostile, details: { [hostile]: hostile } },
    cases: [
      { ...(result as RunResults['cases'][number]), title: hostile, findings: [finding] },
      {
        ...(result as RunResults['cases'][number]),
        verdict: 'skip',
        skip: { kind: 'no-layer', evidence: hostile },
      },
      {
        ...(result as RunResults['cases'][number]),
        verdict: 'warn',
        findings: [{ ...finding, severity: 'warn' }],
      },
    ],
  };
  const text = junitText(results, { ...GATE, stale: [hostile] });
  expect(await complaints(text)).toEqual([]);
  expect(text).toContain('\\x00\\x07\\x1b[31m \\xd800 \\xffff &#13;');
});

test('results without a date, as of TAP, are valid as well', async () => {
  const text = junitText({ ...RESULTS, environment: { node: '', platform: '', date: '' } }, GATE);
  expect(await complaints(text)).toEqual([]);
});
