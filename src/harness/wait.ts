/** Bounded waiting: every wait of the harness goes through here. */
import type { Port } from '../port/port.js';

/** Polls `done` until it holds or `limitMs` of the device's time have passed; whether it held. */
export function waitUntil(port: Port, limitMs: number, done: () => boolean): boolean {
  if (done()) return true;
  const deadline = port.clock.now() + limitMs;
  for (let round = 0; ; round++) {
    port.clock.relax(round);
    if (done()) return true;
    if (port.clock.now() >= deadline) return done();
  }
}
