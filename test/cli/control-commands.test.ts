/** The worked example of docs/controls.md: a control that QEMU does not have, by a command of the profile. */
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { OWN_UNIT_CONTROLS, QEMU_CONTROLS } from '../../src/duts/qemu/controls.js';
import { finish } from './vscsi.js';

const PROFILE = 'fixtures/profiles/qemu-resize.yaml';

// A name in the file system that QEMU does not take away when it is killed.
afterAll(() => rmSync('/tmp/vscsi-lab.sock', { force: true }));

test('with the command of the profile a case that needs the control is carried out', async () => {
  const select = ['--select', 'scsi.event.resize'];
  const { code, run } = await finish('run', '--dut', PROFILE, ...select, '--report', 'json=@r.json');
  expect(run.results('r.json').cases.map(({ verdict }) => verdict)).toEqual(['pass']);
  expect(code).toBe(0);
});

test('a disk that -drive has attached can be made to fail, and works again afterwards', async () => {
  const select = ['--select', 'scsi.req.fault.medium*'];
  const { run } = await finish('run', '--dut', PROFILE, ...select, '--report', 'json=@r.json');
  expect(run.results('r.json').cases.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'pass']);
});

test('the documentation shows the profile as it is', () => {
  const shown = /```yaml\n(dut: qemu\n.*?)```/s.exec(readFileSync('docs/controls.md', 'utf8'))?.[1] ?? '';
  expect(parse(shown)).toEqual(parse(readFileSync(PROFILE, 'utf8')));
});

test('the documentation names the controls that QEMU has by itself', () => {
  const text = /QEMU has (.*?) for the disks/.exec(readFileSync('docs/controls.md', 'utf8'))?.[1] ?? '';
  const named = [...text.matchAll(/`([a-z-]+)`/g)].map((match) => match[1]);
  expect(named).toEqual([...QEMU_CONTROLS, ...OWN_UNIT_CONTROLS]);
});
