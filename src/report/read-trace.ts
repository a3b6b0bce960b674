/** Reading a trace again: `*.jsonl` of `vscsi run --trace FOLDER`, held against the published schema. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../run/package-info.js';
import type { TraceHeader, TraceRecord } from '../run/trace-record.js';
import { ajv } from '../sys/lazy-packages.js';
import { TraceFileError } from './trace-file-error.js';

/** Records without the header; a line that was never finished, as of a run that was cut off, is left out. */
export function readTrace(file: string): {
  readonly header: TraceHeader;
  readonly records: readonly TraceRecord[];
} {
  const lines = textOf(file).split('\n').slice(0, -1);
  const schema = JSON.parse(
    readFileSync(join(PACKAGE_ROOT, 'src/report/trace.schema.json'), 'utf8'),
  ) as object;
  const { Ajv } = ajv();
  const isRecord = new Ajv({ strict: false }).compile<TraceRecord>(schema);
  const records = lines.map((line, index) => {
    const record = parsed(`${file}:${index + 1}`, line);
    if (isRecord(record)) return record;
    const [error] = isRecord.errors ?? [];
    throw new TraceFileError(
      `${file}:${index + 1}`,
      `${error?.instancePath ?? ''} ${error?.message ?? 'is wrong'}`.trim(),
    );
  });
  const [header, ...rest] = records;
  if (header?.type !== 'trace')
    throw new TraceFileError(file, 'it does not begin with the header of a trace');
  return { header, records: rest };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new TraceFileError(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function parsed(place: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new TraceFileError(place, error instanceof Error ? error.message : String(error), { cause: error });
  }
}
