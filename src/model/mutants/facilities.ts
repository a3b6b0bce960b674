import { goodWith } from '../units/command-result.js';
import type { CommandCall } from '../units/command-table.js';
import { cdb, edited, ending, good, idle, named, refused, refusing } from './command-shapes.js';
import type { Mutant } from './mutant.js';

const page = (call: CommandCall, name: string): bigint | undefined =>
  named(call, name) ? call.fields.page : undefined;

export const FACILITY_MUTANTS: readonly Mutant[] = [
  ending(
    'log-sense.list-reversed',
    'The supported log pages are listed in descending order.',
    (result, call) =>
      page(call, 'LOG SENSE') === 0n ? edited(result, (data) => data.subarray(4).reverse()) : result,
  ),
  ending('log-sense.page-without-code', 'Log pages have the code 00h.', (result, call) =>
    named(call, 'LOG SENSE')
      ? edited(result, (data) => {
          data[0] = 0;
        })
      : result,
  ),
  ending(
    'log-sense.parameter-too-long',
    'The first log parameter is longer than its page.',
    (result, call) =>
      (page(call, 'LOG SENSE') ?? 0n) > 0n
        ? edited(result, (data) => {
            if (data.length > 7) data[7] = 0xf0;
          })
        : result,
  ),
  refusing(
    'log-sense.short-refused',
    'LOG SENSE with an allocation length below 4 is refused.',
    (call) => named(call, 'LOG SENSE') && (call.fields.allocation_length ?? 0n) < 4n,
  ),
  ending('log-sense.unknown-page-empty', 'A log page that is not there is empty.', (result, call) =>
    named(call, 'LOG SENSE') && call.fields.sp === 0n && refused(result)
      ? goodWith(Uint8Array.of(Number(call.fields.page), 0, 0, 0))
      : result,
  ),
  {
    id: 'log-sense.sp-ignored',
    sentence: 'LOG SENSE does not look at SP, and DS says that no page can be saved.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.perform = (call, run) => {
        if (!named(call, 'LOG SENSE')) return run();
        call.cdb[1] = (call.cdb[1] ?? 0) & ~0x01;
        return edited(run(), (data) => {
          data[0] = (data[0] ?? 0) | 0x80;
        });
      };
    },
  },
  refusing('send-diagnostic.self-test-fails', 'The default self-test is refused.', (call) =>
    named(call, 'SEND DIAGNOSTIC'),
  ),
  cdb('send-diagnostic.code-ignored', 'SELF-TEST CODE is not looked at.', (bytes, call) => {
    if (named(call, 'SEND DIAGNOSTIC')) bytes[1] = (bytes[1] ?? 0) & 0x1f;
  }),
  ending('receive-diagnostic.not-itself', 'Diagnostic page 00h lists page 01h alone.', (result, call) =>
    page(call, 'RECEIVE DIAGNOSTIC RESULTS') === 0n
      ? edited(result, (data) => {
          if (data.length > 4) data[4] = 1;
        })
      : result,
  ),
  ending('receive-diagnostic.any-page', 'Every diagnostic page is there, and empty.', (result, call) =>
    named(call, 'RECEIVE DIAGNOSTIC RESULTS') && refused(result)
      ? goodWith(Uint8Array.of(Number(call.fields.page), 0, 0, 0))
      : result,
  ),
  ending('read-buffer.descriptor-long', 'The descriptor of a buffer has eight bytes.', (result, call) =>
    named(call, 'READ BUFFER(10)') && call.fields.mode === 3n && (result.data?.length ?? 0) === 4
      ? {
          ...result,
          data: Uint8Array.of(...(result.data ?? []), 0, 0, 0, 0).subarray(
            0,
            Number(call.fields.allocation_length),
          ),
        }
      : result,
  ),
  idle(
    'write-buffer.forgotten',
    'WRITE BUFFER is GOOD and writes nothing.',
    (call) => named(call, 'WRITE BUFFER') && call.fields.mode !== 0n && (call.fields.mode ?? 0n) < 0x10n,
  ),
  cdb('write-buffer.offset-ignored', 'WRITE BUFFER does not look at BUFFER OFFSET.', (bytes, call) => {
    if (named(call, 'WRITE BUFFER')) bytes.fill(0, 3, 6);
  }),
  cdb('read-buffer.offset-ignored', 'READ BUFFER does not look at BUFFER OFFSET.', (bytes, call) => {
    if (named(call, 'READ BUFFER(10)')) bytes.fill(0, 3, 6);
  }),
  cdb('read-buffer.mode-folded', 'Of MODE only the two lowest bits are looked at.', (bytes, call) => {
    if (named(call, 'READ BUFFER(10)', 'WRITE BUFFER') && ((bytes[1] ?? 0) & 0x10) !== 0)
      bytes[1] = (bytes[1] ?? 0) & 0x03;
  }),
  ending('timestamp.origin-reserved', 'TIMESTAMP ORIGIN is 1.', (result, call) =>
    named(call, 'REPORT TIMESTAMP')
      ? edited(result, (data) => {
          if (data.length > 2) data[2] = 1;
        })
      : result,
  ),
  {
    id: 'timestamp.stands-still',
    sentence: 'The timestamp is the one that was first reported.',
    source: 'layout',
    apply: (behaviours) => {
      let first: Uint8Array | undefined;
      behaviours.result = (result, call) => {
        if (named(call, 'SET TIMESTAMP')) first = undefined;
        if (!named(call, 'REPORT TIMESTAMP') || !good(result)) return result;
        first ??= result.data;
        return first ? { ...result, data: first } : result;
      };
    },
  },
  idle('timestamp.set-ignored', 'SET TIMESTAMP is GOOD and sets nothing.', (call) =>
    named(call, 'SET TIMESTAMP'),
  ),
];
