/** Messages of the remote protocol against their schema. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ajv, ValidateFunction } from 'ajv';
import { FIXTURES } from '../../run/package-info.js';
import { ajv } from '../../sys/lazy-packages.js';

/** What the schema tells apart. */
export type MessageKind =
  | 'request'
  | 'hello'
  | 'value'
  | 'data'
  | 'asserted'
  | 'done'
  | 'error'
  | 'dma'
  | 'interrupt';

/** What kind of aside a message of the device is; undefined for an answer. */
export const asideKind = (message: object): 'dma' | 'interrupt' | undefined =>
  'dma' in message ? 'dma' : 'interrupt' in message ? 'interrupt' : undefined;

let schemas: { readonly ajv: Ajv; readonly id: string } | undefined;

function validator(kind: MessageKind): ValidateFunction {
  if (schemas === undefined) {
    const file = join(FIXTURES, 'remote', 'messages.schema.json');
    const schema = JSON.parse(readFileSync(file, 'utf8')) as { $id: string };
    const { Ajv } = ajv();
    schemas = { ajv: new Ajv({ discriminator: true }).addSchema(schema), id: schema.$id };
  }
  const found = schemas.ajv.getSchema(`${schemas.id}#/$defs/${kind}`);
  if (found === undefined) throw new Error(`the schema has no ${kind}`);
  return found;
}

/** What is wrong with a message, in words that follow its name; undefined for a good one. */
export function mistakeIn(kind: MessageKind, message: unknown): string | undefined {
  const validate = validator(kind);
  if (validate(message)) return undefined;
  const [error] = validate.errors ?? [];
  const place = error?.instancePath === '' ? 'it' : error?.instancePath.slice(1);
  const { allowedValues, additionalProperty } = (error?.params ?? {}) as Record<string, unknown>;
  const more =
    additionalProperty !== undefined
      ? ` ("${String(additionalProperty)}")`
      : Array.isArray(allowedValues)
        ? ` (${allowedValues.join(', ')})`
        : '';
  return `${place} ${error?.message ?? 'is wrong'}${more}`;
}
