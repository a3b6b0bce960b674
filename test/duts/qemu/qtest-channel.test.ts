import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { DutGoneError } from '../../../src/port/errors.js';
import { type FakeLine, fakeLine } from './fake-peer.js';

let line: FakeLine | undefined;
afterEach(() => {
  line?.end();
  line = undefined;
});

async function channelTo(answer: string, first?: string) {
  line = await fakeLine(answer, first);
  return line.channel;
}

/** A peer that counts commands and answers `in…` with the count. */
const COUNTING = `
  globalThis.count = (globalThis.count ?? 0) + 1;
  return words[0].startsWith('in') ? 'OK 0x' + count.toString(16) + '\\n' : 'OK\\n';`;

it('answers a question after everything that was posted before it', async () => {
  const channel = await channelTo(COUNTING);
  for (let i = 0; i < 3; i++) channel.post(`outl 0xcf8 ${i}`);
  expect(channel.ask('inl 0xcfc')).toBe('0x4');
  expect(channel.ask('inl 0xcfc')).toBe('0x5');
});

it('has everything carried out when drained', async () => {
  const channel = await channelTo(COUNTING);
  channel.post('outb 1 1');
  channel.drain();
  channel.drain();
  expect(channel.ask('inb 1')).toBe('0x2');
});

it('does not wait for anything when it only posts or flushes', async () => {
  const channel = await channelTo(COUNTING, "require('node:child_process').execSync('sleep 0.3');");
  const start = performance.now();
  channel.post('outb 1 1');
  channel.flush();
  expect(performance.now() - start).toBeLessThan(200);
  expect(channel.ask('inb 1')).toBe('0x2');
});

it('is not blocked by its own volume', async () => {
  // Far more than what the pipes hold in either direction, to a peer that takes its time at first.
  const channel = await channelTo(COUNTING, "require('node:child_process').execSync('sleep 0.2');");
  for (let i = 0; i < 100_000; i++) channel.post(`writel 0xe0000000 0x${i.toString(16)}`);
  expect(channel.ask('inb 1')).toBe('0x186a1');
});

it('carries commands and replies that are larger than its buffers', async () => {
  const channel = await channelTo("return 'OK ' + (words[1] ?? '').length + 'x'.repeat(300000) + '\\n';");
  expect(channel.ask(`b64write ${'A'.repeat(200_000)}`)).toBe(`200000${'x'.repeat(300_000)}`);
});

it('puts replies together that come in pieces', async () => {
  const channel = await channelTo(`
    for (const part of ['O', 'K 0x', '12', '\\n']) {
      writeSync(1, part);
      require('node:child_process').execSync('sleep 0.02');
    }`);
  expect(channel.ask('inb 1')).toBe('0x12');
});

it('overlooks interrupt lines', async () => {
  const channel = await channelTo("return 'IRQ raise 3\\nIRQ lower 3\\nOK 0x7\\n';");
  expect(channel.ask('inb 1')).toBe('0x7');
});

describe('a reply that is none', () => {
  it.each([
    ['FAIL', 'FAIL Unknown command\\n', /"inb 1".*expected OK, got "FAIL Unknown command"/],
    ['garbage', '\\u0000\\u0007OKAY\\n', /got "\\u0000\\u0007OKAY"/],
    ['an empty line', '\\n', /got ""/],
    ['a long line', `${'z'.repeat(500)}\\n`, /got "z{100}… \(500 characters\)"/],
  ])('%s is quoted, with the command', async (_, reply, message) => {
    const channel = await channelTo(`return '${reply}';`);
    expect(() => channel.ask('inb 1')).toThrow(expect.objectContaining({ code: 'PORT_PROTOCOL' }));
    expect(() => channel.ask('inb 1')).toThrow(message);
  });

  it('is found when the replies of posted commands are read', async () => {
    const channel = await channelTo("return words[1] === '2' ? 'OK 0x9\\n' : 'OK\\n';");
    channel.post('outb 1 1');
    channel.post('outb 2 1');
    channel.post('outb 3 1');
    expect(() => channel.drain()).toThrow(/"outb 2 1": expected OK, got "OK 0x9"/);
    channel.drain();
  });

  it('ends when a line has no end', async () => {
    const channel = await channelTo("for (;;) writeSync(1, 'y'.repeat(65536));");
    expect(() => channel.ask('inb 1')).toThrow(expect.objectContaining({ code: 'PORT_PROTOCOL' }));
  });
});

describe('a peer that goes', () => {
  it('while it is asked is named with the command', async () => {
    const channel = await channelTo("if (words[1] === '2') process.exit(); return 'OK\\n';");
    channel.post('outb 1 1');
    channel.post('outb 2 1');
    expect(() => channel.ask('inb 3')).toThrow(
      /has been closed; the first command without a reply is: outb 2 1/,
    );
    expect(channel.gone).toBe(true);
    for (const use of [
      () => channel.post('a'),
      () => channel.ask('a'),
      () => channel.flush(),
      () => channel.drain(),
    ]) {
      expect(use).toThrow(DutGoneError);
    }
  });

  it('between two commands is seen by a write', async () => {
    const channel = await channelTo("return 'OK\\n';");
    expect(channel.gone).toBe(false);
    channel.drain();
    if (line === undefined) throw new Error('no line');
    line.peer.kill('SIGKILL');
    await once(line.peer, 'exit');
    channel.post('outb 1 1');
    expect(() => channel.flush()).toThrow(/takes no more commands \(EPIPE\)/);
    expect(channel.gone).toBe(true);
  });
});

it('knows which interrupt lines are asserted', async () => {
  // Commands say which lines change before their reply; what is asked last changes nothing.
  const channel = await channelTo(
    "return words[0] === 'writel' ? 'IRQ ' + words[1] + ' ' + words[2] + '\\nOK\\n' : 'OK\\n';",
  );
  expect(channel.watchInterrupts('ioapic')).toBe(true);
  expect(channel.asserted(5)).toBe(false);
  channel.post('writel raise 5');
  channel.post('writel raise 6');
  expect(channel.asserted(5)).toBe(true);
  channel.post('writel lower 5');
  expect(channel.asserted(5)).toBe(false);
  expect(channel.asserted(6)).toBe(true);
});

it('says when interrupt lines cannot be watched', async () => {
  const channel = await channelTo(
    "return words[0] === 'irq_intercept_in' ? 'FAIL unknown\\n' : 'OK 0x1\\n';",
  );
  expect(channel.watchInterrupts('ioapic')).toBe(false);
  expect(channel.ask('inb 1')).toBe('0x1');
});
