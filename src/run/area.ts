/** The area that a case belongs to, by its id: what tables of results are arranged by. */

/** Areas that are too wide for one row are told apart by the second segment. */
const WIDE: ReadonlySet<string> = new Set(['scsi']);

/** `scsi.tmf` of `scsi.tmf.abort-task…`, `spc` of `spc.inquiry…`. */
export function areaOf(id: string): string {
  const [first = id, second] = id.split(/[.[]/);
  return WIDE.has(first) && second !== undefined ? `${first}.${second}` : first;
}
