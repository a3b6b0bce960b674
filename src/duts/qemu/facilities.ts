/** Facilities that a device of QEMU offers only if it is told to, and not in every version. */
import { askBinary } from './ask.js';

/** Properties that add a feature bit. A driver that does not accept the bit sees the device as it was. */
const OFF_BY_DEFAULT: readonly string[] = ['packed', 'in_order'];

/** The names of the properties that the device `name` of `binary` has. */
export async function knownProperties(binary: string, name: string): Promise<ReadonlySet<string>> {
  const answer = await askBinary(binary, '-device', `${name},help`);
  return new Set(answer.split('\n').map((line) => line.trim().split('=', 1)[0] ?? ''));
}

/** Of the properties that a device has, those that add a feature bit, set so that it offers all it can. */
export function offerEverything(known: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries(OFF_BY_DEFAULT.filter((each) => known.has(each)).map((each) => [each, 'on']));
}
