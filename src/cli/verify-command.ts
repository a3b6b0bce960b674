/** `vscsi verify`: whether a certification record is sound. */
import { readPublicKey } from '../certify/keys.js';
import { isFolder, verifyRecord } from '../certify/verify.js';
import { showable } from '../report/control-characters.js';
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
  // Whoever sent the record chose the names of its files.
  for (const { file, what } of problems) out.write(`${showable(`${file}: ${what}`)}\n`);
  if (problems.length > 0) {
    out.write(`${paint(out, Colour.RED, `REFUSED: ${folder}`)}\n`);
    return ExitCode.NOT_CONFORMANT;
  }
  if (verdict === undefined) {
    out.write(`${paint(out, Colour.YELLOW, `NOT CHECKED WHOLE: ${folder}`)}\n`);
    return ExitCode.INCOMPLETE;
  }
  out.write(`${paint(out, Colour.GREEN, `SOUND: ${folder}; the record says ${verdict}`)}\n`);
  return ExitCode.CONFORMANT;
}
