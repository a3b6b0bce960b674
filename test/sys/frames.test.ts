import { expect, it } from 'vitest';
import { FrameReader, frame } from '../../src/sys/frames.js';

it('brings values over, however the bytes are cut', () => {
  const values = [{ a: 1n, b: new Map([['x', Uint8Array.of(1, 2)]]) }, 'text'.repeat(100), undefined, []];
  const bytes = Buffer.concat(values.map(frame));
  for (const size of [1, 3, 7, 64, bytes.length]) {
    const reader = new FrameReader();
    const got: unknown[] = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...reader.take(bytes.subarray(at, at + size)));
    expect(got).toEqual(values);
  }
});
