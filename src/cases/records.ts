/** Walking data that are a row of records, each of which says how long it is. */

/** Where the length of a record stands, all in bytes from its first. */
export interface RecordForm {
  readonly header: number;
  /** The length counts what follows the header. */
  readonly at: number;
  readonly width: number;
}

/** The form of the record that begins with these bytes; undefined where all that is left has no form that is known. */
export type FormOf = (bytes: Uint8Array | readonly number[], start: number) => RecordForm | undefined;

export function recordForm(header: number, at: number, width: number): FormOf {
  return () => ({ header, at, width });
}

const SPF = 0x40;
const PAGE_CODE = 0x3f;

/**
 * Mode pages in page_0 format, or in sub_page format where SPF is one. Page 00h is a vendor's, in whatever format, and
 * comes last.
 */
export const modePageForm: FormOf = (bytes, start) => {
  const first = bytes[start] ?? 0;
  if ((first & PAGE_CODE) === 0) return undefined;
  return (first & SPF) === 0 ? { header: 2, at: 1, width: 1 } : { header: 4, at: 2, width: 2 };
};

/**
 * Where each record begins, and where the last one ends, which may be beyond the bytes. What has no known form is no
 * record, and ends where the bytes end.
 */
export function walkRecords(
  bytes: Uint8Array | readonly number[],
  formOf: FormOf,
): { readonly starts: readonly number[]; readonly end: number } {
  const starts: number[] = [];
  let end = 0;
  while (end < bytes.length) {
    const form = formOf(bytes, end);
    if (form === undefined) return { starts, end: bytes.length };
    starts.push(end);
    const { header, at, width } = form;
    let length = 0;
    for (let index = 0; index < width; index++) length = length * 256 + (bytes[end + at + index] ?? 0);
    // A record without a header would never end.
    end += Math.max(1, header + length);
  }
  return { starts, end };
}
