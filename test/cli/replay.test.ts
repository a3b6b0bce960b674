/** `vscsi replay`, as users call it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { finish, start } from './vscsi.js';

/** Traces a case on the model; resolves to the file. */
async function traced(id: string): Promise<string> {
  const run = start('run', '--dut', 'model', '--select', id, '--trace', '@tr');
  expect(await run.ended()).toBe(0);
  return join(run.folder, 'tr', `${id}.jsonl`);
}

test('the same device gives the same answers, another one does not', async () => {
  const trace = await traced('spc.test-unit-ready.good');
  const same = await finish('replay', trace, '--dut', 'model');
  expect(same.output).toMatch(/^THE SAME: \d+ chains? sent again/m);
  expect(same.code).toBe(0);
  // The very bytes of the trace are sent: with another opcode the answer is another one.
  const text = readFileSync(trace, 'utf8');
  const edited = text.replace(/("type":"sent".*?"out":\[\{"addr":"[^"]*","bytes":"[0-9a-f]{38})00/, '$1ff');
  expect(edited).not.toBe(text);
  writeFileSync(trace, edited);
  const { code, output } = await finish('replay', trace, '--dut', 'model');
  expect(output).toMatch(/trace .*status GOOD.*\n {2}now .*status CHECK CONDITION/);
  expect(output).toMatch(/^ {2}0000 {2}trace {5}00 /m);
  expect(output).toMatch(/^DIFFERENT: /m);
  expect(code).toBe(1);
});

test('what the device does not have is not repeated', async () => {
  const trace = await traced('spc.test-unit-ready.good');
  const text = readFileSync(trace, 'utf8');
  writeFileSync(trace, text.replace(/("type":"sent".*?"bytes":"[0-9a-f]{102})"/, '$1ff"'));
  const { code, output } = await finish('replay', trace, '--dut', 'model');
  expect(output).toMatch(/^NOT REPEATED: chain 1 of the trace is on queue 2, readable 52, .* makes it .*51/m);
  expect(code).toBe(4);
});

test.each([
  ['no such file', undefined, /ENOENT.*expected a file \*\.jsonl/],
  ['no JSON', 'spc.test-unit-ready.good\n', /trace\.jsonl:1: .*expected a file \*\.jsonl/],
  ['another form', '{"type":"trace"}\n', /trace\.jsonl:1: must have required property/],
  ['no header', '{"type":"verdict","verdict":"pass"}\n', /does not begin with the header/],
])('%s', async (_, text, complaint) => {
  const { run } = await finish('--version');
  const file = join(run.folder, 'trace.jsonl');
  if (text !== undefined) writeFileSync(file, text);
  const { code, output } = await finish('replay', file, '--dut', 'model');
  expect(output).toMatch(complaint);
  expect(code).toBe(2);
});
