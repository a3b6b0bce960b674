import { expect, test } from 'vitest';
import { htmlPage } from '../../../src/report/html/page.js';
import { pageData } from '../../../src/report/html/page-data.js';
import { GATE, RESULTS } from '../sample.js';

const covers = new Map([['a.fail', ['virtio.framing.no-assumptions']]]);

test('results refer to tables, and red ones have their command', () => {
  const data = pageData([{ results: RESULTS, gate: GATE }], covers);
  const fail = data.cases.find(({ verdict }) => verdict === 'fail');
  expect(data.ids[fail?.id ?? -1]).toMatchObject({ id: 'a.fail[#1, x]' });
  const [covered = -1] = data.ids[fail?.id ?? -1]?.covers ?? [];
  expect(data.requirements[covered]).toMatchObject({
    id: 'virtio.framing.no-assumptions',
    text: expect.stringMatching(/./) as string,
  });
  expect(fail?.findings?.[0]?.diff?.rows).toEqual([
    { offset: 0, expected: ['01', '02'], got: ['01', 'ff'], differs: [false, true] },
  ]);
  expect(fail?.again).toMatch(/^vscsi run .*--select 'a\.fail\[#1, x\]'$/);
  expect(data.cases.filter(({ known }) => known).map(({ id }) => data.ids[id]?.id)).toEqual(['a.known']);
});

test('nothing that a device says ends the script element or begins markup', () => {
  const hostile = '</script><img src=x onerror=alert(1)><!--';
  const results = { ...RESULTS, dut: { ...RESULTS.dut, name: hostile, version: '"&' } };
  const page = htmlPage(pageData([{ results, gate: GATE }], covers));
  expect(page).not.toContain('<img');
  expect(page.match(/<\/script>/g)).toHaveLength(2);
  expect(page).toContain('\\u003c/script>');
  expect(page).toContain('<title>virtio-scsi conformance: &lt;/script&gt;');
});
