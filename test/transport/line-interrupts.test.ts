import { expect, it } from 'vitest';
import { LineInterrupts, LineVector } from '../../src/transport/line-interrupts.js';

const { USED_BUFFER, CONFIGURATION } = LineVector;

/** A register of causes that reading clears, and a count of reads. */
function register() {
  const device = { causes: 0, reads: 0 };
  const interrupts = new LineInterrupts(() => {
    device.reads++;
    const { causes } = device;
    device.causes = 0;
    return causes;
  });
  return { device, interrupts };
}

it('remembers a cause that was seen while looking for another', () => {
  const { device, interrupts } = register();
  device.causes = 3;
  expect(interrupts.raised(CONFIGURATION)).toBe(true);
  expect(interrupts.raised(USED_BUFFER)).toBe(true);
  interrupts.clear(USED_BUFFER);
  expect(interrupts.raised(USED_BUFFER)).toBe(false);
  expect(interrupts.raised(CONFIGURATION)).toBe(true);
});

it('touches no register for a cause that is known', () => {
  const { device, interrupts } = register();
  device.causes = 1;
  for (let i = 0; i < 5; i++) expect(interrupts.raised(USED_BUFFER)).toBe(true);
  expect(device.reads).toBe(1);
});

it('clears what the device has not shown yet', () => {
  const { device, interrupts } = register();
  device.causes = 1;
  interrupts.clear(USED_BUFFER);
  expect(interrupts.raised(USED_BUFFER)).toBe(false);
});

it('counts what somebody else has taken', () => {
  const { interrupts } = register();
  interrupts.note(2);
  expect(interrupts.raised(CONFIGURATION)).toBe(true);
});
