/** The schema against what the code says. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { asideKind, type MessageKind, mistakeIn } from '../../../src/duts/remote/messages.js';
import {
  MOST_DATA_BYTES,
  MOST_LINE_BYTES,
  REMOTE_TRANSPORTS,
  REMOTE_VERSION,
} from '../../../src/duts/remote/protocol.js';
import { CONTROL_CAPABILITIES } from '../../../src/port/controls.js';

const DOCUMENT = readFileSync(new URL('../../../docs/remote-protocol.md', import.meta.url), 'utf8');
const SCHEMA = readFileSync(
  new URL('../../../fixtures/remote/messages.schema.json', import.meta.url),
  'utf8',
);
const { $defs } = JSON.parse(SCHEMA) as {
  $defs: { hello: { properties: Record<string, { items: { enum: string[] } }> } };
};

test('the schema has the controls, transports, version and limits of the code', () => {
  expect($defs.hello.properties.controls?.items.enum).toEqual([...CONTROL_CAPABILITIES]);
  for (const transport of REMOTE_TRANSPORTS)
    expect(mistakeIn('request', { op: 'hello', version: REMOTE_VERSION, transport })).toBeUndefined();
  const read = (length: number) => ({ op: 'memory-read', address: '0x0', length });
  expect(mistakeIn('request', read(MOST_DATA_BYTES))).toBeUndefined();
  expect(mistakeIn('request', read(MOST_DATA_BYTES + 1))).toMatch(/length must be <= 65536/);
  const data = '00'.repeat(MOST_DATA_BYTES);
  const longest = { op: 'memory-write', address: '0xffffffffffffffff', data };
  expect(mistakeIn('request', longest)).toBeUndefined();
  expect(JSON.stringify(longest).length).toBeLessThan(MOST_LINE_BYTES);
});

test.each<[object, RegExp]>([
  [{ op: 'jump' }, /value of tag "op" must be in oneOf/],
  [{}, /must have required property 'op'/],
  [{ op: 'read', space: 'bar6', offset: 0, width: 4 }, /space must be equal to one of/],
  [{ op: 'read', space: 'bar0', offset: 0, width: 8 }, /width must be .*\(1, 2, 4\)/],
  [{ op: 'read', space: 'bar0', offset: -1, width: 4 }, /offset must be >= 0/],
  [{ op: 'write', space: 'bar0', offset: 0, width: 4 }, /required property 'value'/],
  [{ op: 'poll', often: true }, /additional properties \("often"\)/],
  [{ op: 'hello', version: 1, transport: 'vhost-user' }, /transport must be/],
])('%j is no request', (request, message) => {
  expect(mistakeIn('request', request)).toMatch(message);
});

test('every example of the document is a message, and each kind of message has one', () => {
  const shown = [...DOCUMENT.matchAll(/^(suite|device)\s+(\{.*?\})(?:\s{2,}or (\{.*\}))?$/gm)].flatMap(
    ([, , first, second]) => (second === undefined ? [first] : [first, second]),
  );
  const rows = [...DOCUMENT.matchAll(/`(\{"[^`]*\}|\{\})`/g)].map(([, text]) => text);
  const [, hello = ''] = /```json\n([^`]*)```/.exec(DOCUMENT) ?? [];
  const kinds = new Set<MessageKind>();
  const notMessages = [/^\{"target", "unit"\}$/, /^\{"name":"hold"/];
  for (const text of [...shown, ...rows, hello]) {
    if (text === undefined || notMessages.some((each) => each.test(text))) continue;
    const message = JSON.parse(text) as object;
    const kind = kindOf(message);
    expect(mistakeIn(kind, message), text).toBeUndefined();
    kinds.add(kind);
  }
  expect([...kinds].sort()).toEqual([
    'asserted',
    'data',
    'dma',
    'done',
    'error',
    'hello',
    'interrupt',
    'request',
    'value',
  ]);
  for (const op of [
    'hello',
    'read',
    'write',
    'line',
    'poll',
    'settle',
    'memory-read',
    'memory-write',
    'control',
  ])
    expect(DOCUMENT).toContain(`{"op":"${op}"`);
  for (const key of Object.keys($defs.hello.properties)) expect(DOCUMENT).toContain(`| \`${key}\` |`);
});

function kindOf(message: object): MessageKind {
  if ('op' in message) return 'request';
  const aside = asideKind(message);
  if (aside !== undefined) return aside;
  if ('name' in message) return 'hello';
  return (['value', 'data', 'asserted', 'error'] as const).find((each) => each in message) ?? 'done';
}
