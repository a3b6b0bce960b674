/**
 * Packages that take longer to load than most commands take without them. Each is loaded when it is first called for, so
 * nothing pays for what it does not use: a worker, or a run of the suite's own cases, needs none of them.
 */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

export const yaml = (): typeof import('yaml') => load('yaml');
export const ajv = (): typeof import('ajv') => load('ajv');
/** Of JSON Schema 2020-12. */
export const ajv2020 = (): typeof import('ajv/dist/2020.js') => load('ajv/dist/2020.js');
export const tapParser = (): typeof import('tap-parser') => load('tap-parser');
