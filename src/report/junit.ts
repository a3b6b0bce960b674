/**
 * Results as JUnit XML: a suite for each area, a test case for each result. Known deviations are skipped tests, as
 * expected failures are with other test frameworks; what is wrong with their list, and with the run as a whole, are
 * test cases of their own, so that no reader takes such a run for a good one.
 */

import { areaOf } from '../run/area.js';
import { catalogue } from '../run/catalogue.js';
import type { Gate } from '../run/gate.js';
import { resultKey } from '../run/modes.js';
import { type CaseResult, type Finding, RED, type RunResults, type StandingResult } from '../run/results.js';
import { findingLines, remarkOf } from './finding-text.js';
import { writeReport } from './report-file.js';
import type { Reporter } from './reporter.js';
import { xmlAttributes, xmlText } from './xml.js';

/** Written when the run is over: the counts stand before the cases. */
export function junitReporter(file: string): Reporter {
  return { finished: (results, gate) => writeReport(file, junitText(results, gate)) };
}

/** A `failure` is a device that answers wrongly, an `error` one that does not survive, or a case that is broken. */
interface TestCase {
  readonly name: string;
  readonly seconds: number;
  readonly outcome?: {
    readonly element: 'failure' | 'error' | 'skipped';
    readonly message: string;
    readonly type?: string;
    readonly text?: string;
  };
  /** What there is to remark though it passed. */
  readonly remarks?: readonly string[];
}

export function junitText(results: RunResults, gate: Gate): string {
  const known = new Set(gate.known);
  const byArea = new Map<string, TestCase[]>();
  const enter = (area: string, test: TestCase) => byArea.set(area, [...(byArea.get(area) ?? []), test]);
  const areas = new Map<string, CaseResult[]>();
  for (const result of results.cases) {
    const area = areas.get(areaOf(result.id));
    if (area) area.push(result);
    else areas.set(areaOf(result.id), [result]);
  }
  for (const [area, cases] of areas)
    byArea.set(
      area,
      cases.map((result) => testOf(result, known)),
    );
  for (const row of results.standing) enter('standing', standingTest(row, known));
  for (const id of gate.stale)
    enter('known-deviations', brokenTest(id, 'stale', 'listed as a known deviation, and not red'));
  for (const id of gate.expired)
    enter('known-deviations', brokenTest(id, 'expired', 'the entry is out of date'));
  if (results.interrupted)
    enter('run', brokenTest('interrupted', 'interrupted', 'the run was ended early: cases are missing'));
  if (results.failure !== undefined) enter('run', brokenTest('device', 'set-up', results.failure));
  const suites = [...byArea].map(([area, tests], id) => suiteText(results, area, id, tests));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('')}</testsuites>\n`;
}

function testOf(result: CaseResult, known: ReadonlySet<string>): TestCase {
  const { verdict, findings, skip, title, durationMs } = result;
  const test = { name: resultKey(result), seconds: durationMs / 1000 };
  if (skip) return { ...test, outcome: { element: 'skipped', message: `${skip.kind}: ${skip.evidence}` } };
  if (!RED.has(verdict)) return { ...test, remarks: findings.map(remarkOf) };
  const finding = findings.find(({ severity }) => severity === verdict) ?? findings[0];
  const message = finding === undefined ? title : summaryOf(finding);
  if (known.has(test.name))
    return { ...test, outcome: { element: 'skipped', message: `known deviation (${verdict}): ${message}` } };
  const words = (id: string) => catalogue().get(id)?.text;
  const text = [title, ...findings.flatMap((each) => findingLines(each, words))].join('\n');
  const element = verdict === 'fail' ? 'failure' : 'error';
  return {
    ...test,
    outcome: { element, message, type: verdict === 'fail' ? (finding?.check ?? verdict) : verdict, text },
  };
}

function summaryOf({ step, check, expected, got }: Finding): string {
  return `step ${step}, ${check}: expected ${expected}, got ${got}`;
}

function standingTest(row: StandingResult, known: ReadonlySet<string>): TestCase {
  const { check, verdict, violations, exchanges, firstExample, requirement } = row;
  const test = { name: `standing:${check}`, seconds: 0 };
  const message = `${violations} of ${exchanges} exchanges, requirement ${requirement}`;
  if (verdict !== 'fail') return { ...test, remarks: verdict === 'warn' ? [`${check}: ${message}`] : [] };
  if (known.has(test.name))
    return { ...test, outcome: { element: 'skipped', message: `known deviation (fail): ${message}` } };
  const example =
    firstExample &&
    `first in ${firstExample.case}, step ${firstExample.step}: expected ${firstExample.expected}, got ${firstExample.got}`;
  return {
    ...test,
    outcome: { element: 'failure', message, type: check, ...(example && { text: example }) },
  };
}

function brokenTest(name: string, type: string, message: string): TestCase {
  return {
    name,
    seconds: 0,
    outcome: { element: type === 'stale' || type === 'expired' ? 'failure' : 'error', message, type },
  };
}

function suiteText(
  { dut, suite, seed, environment }: RunResults,
  area: string,
  id: number,
  tests: readonly TestCase[],
): string {
  const count = (element: string) => tests.filter(({ outcome }) => outcome?.element === element).length;
  const properties = {
    'device.name': dut.name,
    'device.version': dut.version,
    ...Object.fromEntries(Object.entries(dut.details).map(([key, value]) => [`device.${key}`, value])),
    'suite.version': suite.version,
    'suite.case-set': suite.caseSetHash,
    seed: String(seed),
  };
  const attributes = {
    name: `${dut.name}.${area}`,
    package: dut.name,
    id,
    timestamp: localTime(environment.date),
    // The format asks for one; which machine it was says nothing about the device.
    hostname: 'localhost',
    tests: tests.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: seconds(tests.reduce((sum, test) => sum + test.seconds, 0)),
  };
  const remarks = tests.flatMap(({ name, remarks = [] }) => remarks.map((remark) => `${name}: ${remark}`));
  return [
    `  <testsuite${xmlAttributes(attributes)}>`,
    '    <properties>',
    ...Object.entries(properties).map(
      ([name, value]) => `      <property${xmlAttributes({ name, value })}/>`,
    ),
    '    </properties>',
    ...tests.map((test) => testText(`${dut.name}.${area}`, test)),
    `    <system-out>${xmlText(remarks.join('\n'))}</system-out>`,
    '    <system-err></system-err>',
    '  </testsuite>\n',
  ].join('\n');
}

function testText(classname: string, { name, seconds: time, outcome }: TestCase): string {
  const start = `    <testcase${xmlAttributes({ name, classname, time: seconds(time) })}`;
  if (outcome === undefined) return `${start}/>`;
  const { element, message, type, text } = outcome;
  const attributes = xmlAttributes({ message, ...(type !== undefined && { type }) });
  const body = text === undefined ? '/>' : `>${xmlText(text)}</${element}>`;
  return `${start}>\n      <${element}${attributes}${body}\n    </testcase>`;
}

/** The format has seconds as a decimal number, without an exponent. */
function seconds(value: number): string {
  return value.toFixed(6);
}

/** The format allows no time zone; all times are UTC. */
function localTime(date: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.exec(date)?.[0] ?? '1970-01-01T00:00:00';
}
