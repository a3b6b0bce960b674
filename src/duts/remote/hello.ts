/** Asking a remote device what it is, before it is handed to the thread that drives it. */
import { read, readFileSync, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Ajv, type ValidateFunction } from 'ajv';
import { FIXTURES } from '../../run/package-info.js';
import { DutSetupError } from '../dut.js';
import { type Hello, MOST_LINE_BYTES, REMOTE_VERSION, type RemoteTransport } from './protocol.js';

const readFrom = promisify(read);
const writeTo = promisify(write);
/** A simulator may take its time. */
const LIMIT_MS = 30_000;
const CHUNK = 4096;

let validator: ValidateFunction<Hello> | undefined;
/** What is wrong with an answer to `hello`; undefined for a good one. */
export function mistakeInHello(answer: unknown): string | undefined {
  if (validator === undefined) {
    const file = join(FIXTURES, 'remote', 'messages.schema.json');
    const schema = JSON.parse(readFileSync(file, 'utf8')) as { $id: string };
    validator = new Ajv({ allowUnionTypes: true })
      .addSchema(schema)
      .getSchema<Hello>(`${schema.$id}#/$defs/hello`);
  }
  if (validator?.(answer)) return undefined;
  const [error] = validator?.errors ?? [];
  return (
    error &&
    `${error.instancePath === '' ? 'it' : error.instancePath.slice(1)} ${error.message ?? 'is wrong'}`
  );
}

/** The device's facts. Throws DutSetupError. */
export async function askHello(
  toDevice: number,
  fromDevice: number,
  transport: RemoteTransport,
): Promise<Hello> {
  const remedy =
    '`vscsi remote check` looks at an implementation message by message; docs/remote-protocol.md specifies it';
  const line = await within(LIMIT_MS, async () => {
    const request = { op: 'hello', version: REMOTE_VERSION, transport };
    const bytes = Buffer.from(`${JSON.stringify(request)}\n`);
    for (let done = 0; done < bytes.length; ) done += (await writeTo(toDevice, bytes, done)).bytesWritten;
    let text = '';
    while (!text.includes('\n')) {
      const { bytesRead, buffer } = await readFrom(fromDevice, Buffer.alloc(CHUNK), 0, CHUNK, null);
      if (bytesRead === 0)
        throw new DutSetupError('the remote device closed the line instead of answering hello', remedy);
      text += buffer.toString('utf8', 0, bytesRead);
      if (text.length > MOST_LINE_BYTES)
        throw new DutSetupError('the remote device answers hello without end', remedy);
    }
    return text;
  });
  const end = line.indexOf('\n');
  if (end !== line.length - 1)
    throw new DutSetupError('the remote device says more than it was asked, after hello', remedy);
  let answer: Record<string, unknown>;
  try {
    answer = JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new DutSetupError(
      `the remote device's answer to hello is no JSON: ${line.slice(0, 200).trim()}`,
      remedy,
    );
  }
  if (typeof answer?.error === 'string')
    throw new DutSetupError(`the remote device refuses hello: ${answer.error}`);
  const mistake = mistakeInHello(answer);
  if (mistake !== undefined)
    throw new DutSetupError(`the remote device's answer to hello: ${mistake}`, remedy);
  const hello = answer as unknown as Hello;
  if (hello.version !== REMOTE_VERSION)
    throw new DutSetupError(
      `the remote device speaks version ${hello.version} of the protocol, the suite ${REMOTE_VERSION}`,
    );
  return hello;
}

async function within<T>(limitMs: number, deed: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new DutSetupError(`the remote device did not answer hello within ${limitMs} ms`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([deed(), late]);
  } finally {
    clearTimeout(timer);
  }
}
