/** Devices that keep to the standards and are unlike the usual ones: no case may blame them. */
import { test } from 'vitest';
import { expectNoBlame, taken, UNUSUAL_DEVICES } from './unusual-devices.js';

test.each(taken(UNUSUAL_DEVICES))('$name', expectNoBlame);
