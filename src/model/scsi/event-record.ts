/** An event as it goes into an event buffer ("Device Operation: eventq"). */
export interface EventRecord {
  /** Event code, with EVENTS_MISSED or-ed in. */
  readonly event: number;
  readonly lun: Uint8Array;
  readonly reason: number;
}
