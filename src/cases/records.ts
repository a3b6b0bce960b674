/** Walking data that are a row of records, each of which says how long it is. */

/** Where the length of a record stands, all in bytes from its first. */
export interface RecordForm {
  readonly header: number;
  /** The length counts what follows the header. */
  readonly at: number;
  readonly width: number;
}

/** The form of the record that begins with these bytes. */
export type FormOf = (bytes: readonly number[], start: number) => RecordForm;

export function recordForm(header: number, at: number, width: number): FormOf {
  return () => ({ header, at, width });
}

const SPF = 0x40;

/** Mode pages in page_0 format, or in sub_page format where SPF is one. */
export const modePageForm: FormOf = (bytes, start) =>
  ((bytes[start] ?? 0) & SPF) === 0 ? { header: 2, at: 1, width: 1 } : { header: 4, at: 2, width: 2 };

/** Where each record begins, and where the last one ends, which may be beyond the bytes. */
export function walkRecords(
  bytes: readonly number[],
  formOf: FormOf,
): { readonly starts: readonly number[]; readonly end: number } {
  const starts: number[] = [];
  let end = 0;
  while (end < bytes.length) {
    starts.push(end);
    const { header, at, width } = formOf(bytes, end);
    let length = 0;
    for (let index = 0; index < width; index++) length = length * 256 + (bytes[end + at + index] ?? 0);
    // A record without a header would never end.
    end += Math.max(1, header + length);
  }
  return { starts, end };
}
