/** A trace as text for people: one deed a line, bytes in hex, fields below the bytes that they are made of. */
import type { DecodedField } from './decode-exchange.js';
import { requestText } from './request-text.js';
import type { DescriptorRecord, ReturnedRecord, SentRecord, TraceRecord } from './trace-record.js';

/** The lines of one record. */
export function traceLines(record: TraceRecord): string[] {
  switch (record.type) {
    case 'trace':
      return [record.case];
    case 'attempt':
      return ['', `attempt ${record.number}: what was found may have been chance`];
    case 'step':
      return ['', `step ${record.step}: ${record.kind}  (${record.place})`];
    case 'register': {
      const { verb, window, offset, width, value, name, meaning } = record;
      const where = `${window}+0x${offset.toString(16)}`;
      const told = meaning === undefined ? '' : `  ${meaning}`;
      return [
        `  . ${verb} ${name === undefined ? where : `${name} (${where})`} ${8 * width} bits = ${value}${told}`,
      ];
    }
    case 'call':
      return [`  . ${record.name}(${record.arguments.join(', ')})`];
    case 'repeated':
      return [`  . … ${record.times === 1 ? 'once' : `${record.times} times`} more`];
    case 'sent':
      return sentLines(record);
    case 'placed':
      return [`     head ${record.head}`, ...record.descriptors.map(descriptorLine)];
    case 'returned':
      return returnedLines(record);
    case 'access':
      return [`  ${record.verb} ${record.location} = ${record.value}`];
    case 'verdict':
      return ['', `verdict ${record.verdict}`];
  }
}

function sentLines({
  kind,
  queue,
  head,
  layout,
  out,
  in: writable,
  descriptors,
  fields,
}: SentRecord): string[] {
  const bytes = out.map((piece) => piece.bytes).join('');
  const text = kind === 'chain' ? undefined : requestText(bytes, layout);
  return [
    `  -> queue ${queue} ${head === undefined ? 'next' : `head ${head}`}: ${text ?? kind}`,
    ...out.map((piece) => `     out @${piece.addr} ${piece.bytes}`),
    ...writable.map(({ addr, size }) => `     in  @${addr} ${size} bytes`),
    ...descriptors.map(descriptorLine),
    ...fieldLines(fields),
  ];
}

function descriptorLine({ table, slot, addr, len, flags, next, id }: DescriptorRecord): string {
  const where = table === undefined ? `descriptor ${slot}` : `table ${table}, descriptor ${slot}`;
  const follows = flags.includes('NEXT') && next !== undefined ? ` -> ${next}` : '';
  return `     ${where}: @${addr} len ${len} ${flags.join('|') || 'no flags'}${id === undefined ? follows : ` id ${id}`}`;
}

function returnedLines({
  queue,
  head,
  usedLen,
  usedIndex,
  interrupt,
  in: buffers,
  fields,
}: ReturnedRecord): string[] {
  const place = `queue ${queue} head ${head}`;
  if (buffers === undefined) return [`  <- ${place}: nothing`];
  const meaning = (name: string) => fields.find((field) => field.name === name)?.meaning;
  const notes = [`used len ${usedLen ?? '?'}`, `used index ${usedIndex ?? '?'}`];
  if (interrupt !== undefined) notes.push(interrupt ? 'interrupt' : 'no interrupt');
  for (const name of ['response', 'status', 'residual']) {
    const told = meaning(name);
    if (told !== undefined) notes.push(`${name} ${told}`);
  }
  if (Number(meaning('sense_len') ?? 0) > 0) notes.push(`sense ${meaning('sense')}`);
  return [
    `  <- ${place}: ${notes.join(', ')}`,
    ...buffers.map(({ addr, bytes }) => `     in  @${addr} ${bytes}`),
    ...fieldLines(fields),
  ];
}

/** Fields whose bytes are shown here in full; longer ones stand above. */
const SHORT = 16;

function fieldLines(fields: readonly DecodedField[]): string[] {
  return fields
    .filter(({ name }) => name !== 'bytes')
    .map(({ part, offset, name, bytes, meaning }) => {
      const size = bytes.length / 2;
      const shown = size > SHORT ? `${size} bytes` : bytes;
      const line = `     ${part.padEnd(3)} ${offset.toString(16).padStart(4, '0')}  ${name.padEnd(22)} ${shown}`;
      return meaning === undefined ? line : `${line.padEnd(56)}  ${meaning}`;
    });
}
