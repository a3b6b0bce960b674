import { expect, test } from 'vitest';
import { sanitizerReport } from '../../src/run/sanitizer.js';

test.each([
  '==42==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011',
  '../hw/scsi/virtio-scsi.c:120:14: runtime error: left shift of negative value -1',
  '==42== Invalid read of size 4',
  '==42== Conditional jump or move depends on uninitialised value(s)',
  'WARNING: ThreadSanitizer: data race (pid=42)',
  '==42==ERROR: LeakSanitizer: detected memory leaks',
])('%s is a report', (line) => {
  const text = `qemu-system-x86_64: a warning\n${line}\n    #0 somewhere\n`;
  expect(sanitizerReport(text)).toBe(`${line}\n    #0 somewhere`);
});

test.each([
  '',
  'qemu-system-x86_64: virtio: zero sized buffers are not allowed\n',
  '==42== Memcheck, a memory error detector\n==42== ERROR SUMMARY: 0 errors from 0 contexts\n',
])('%j is none', (text) => {
  expect(sanitizerReport(text)).toBeUndefined();
});

test('of several the first counts, and it is cut', () => {
  const lines = Array.from({ length: 40 }, (_, i) => `    #${i}`);
  const text = ['a.c:1:1: runtime error: x', ...lines, '==1==ERROR: AddressSanitizer: y'].join('\n');
  expect(sanitizerReport(text)?.split('\n')).toEqual(['a.c:1:1: runtime error: x', ...lines.slice(0, 11)]);
});
