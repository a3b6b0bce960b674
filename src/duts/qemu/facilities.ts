/** Facilities that a device of QEMU offers only if it is told to, and not in every version. */
import { askBinary } from './ask.js';

/** Properties that add a feature bit. A driver that does not accept the bit sees the device as it was. */
const OFF_BY_DEFAULT: readonly string[] = ['packed', 'in_order'];

/** Those properties that the device `name` of `binary` has, set so that it offers all it can. */
export async function offerEverything(binary: string, name: string): Promise<Record<string, string>> {
  const answer = await askBinary(binary, '-device', `${name},help`);
  const known = new Set(answer.split('\n').map((line) => line.trim().split('=', 1)[0] ?? ''));
  return Object.fromEntries(OFF_BY_DEFAULT.filter((each) => known.has(each)).map((each) => [each, 'on']));
}
