/** Whoever is connected to a served model. */
export interface Connection {
  /**
   * Waits for something to do, at most `limitMs`, and does it, `awake` first. `idle` when there was nothing, `gone` when
   * the other end has left or says what cannot be understood.
   */
  serve(limitMs: number, awake?: () => void): 'busy' | 'idle' | 'gone';
  /** Ends the connection. */
  close(): void;
}
