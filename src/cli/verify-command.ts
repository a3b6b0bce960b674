/** `vscsi verify`: whether a certification record is sound. */
import { readPublicKey } from '../certify/keys.js';
import { isFolder, verifyRecord } from '../certify/verify.js';
import { Colour, paint, type TextSink } from '../report/style.js';
import { ExitCode } from '../run/exit-code.js';
import { UsageError } from './errors.js';

/** Throws UsageError and KeyError. */
export function verifyCommand(
  folder: string,
  { publicKey }: { readonly publicKey: string },
  out: TextSink,
): number {
  const key = readPublicKey(publicKey);
  if (!isFolder(folder)) throw new UsageError(`${folder}: there is no such folder`);
  const { problems, notes, verdict } = verifyRecord(folder, key);
  for (const note of notes) out.write(`note: ${note}\n`);
  for (const { file, what } of problems) out.write(`${file}: ${what}\n`);
  if (problems.length > 0) {
    out.write(`${paint(out, Colour.RED, `REFUSED: ${folder}`)}\n`);
    return ExitCode.NOT_CONFORMANT;
  }
  const concludes = verdict === undefined ? '' : `; the record says ${verdict}`;
  out.write(`${paint(out, Colour.GREEN, `SOUND: ${folder}${concludes}`)}\n`);
  return ExitCode.CONFORMANT;
}
