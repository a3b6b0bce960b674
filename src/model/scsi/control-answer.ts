/** What a control request is answered ("Device Operation: controlq"). */
export interface ControlAnswer {
  readonly type: 'tmf' | 'an' | 'unknown';
  /** TMF subtype or the AN request type. */
  readonly subtype: number;
  readonly response: number;
  /** event_actual; 0 for task management. */
  readonly eventActual: number;
}
