/** How long the bytes are that a pattern matches. */
import type { EvalContext } from './context.js';
import { CaseError } from './errors.js';
import { type EncodingContext, evaluate, evaluateNumber } from './evaluate.js';
import { LIMITS } from './limits.js';
import { countOf, encodeValue, fixture, generatedLength, patternContext } from './pattern-encode.js';
import type { PatternItem } from './pattern-item.js';
import { ENCODINGS } from './pattern-parser.js';
import type { BytePattern, ReadonlyScope } from './types.js';

/**
 * Least number of bytes that a pattern matches; what reaches to the end counts nothing. Undefined where the length
 * hangs on what the pattern itself captures, and for `any`.
 */
export function patternSize(
  pattern: BytePattern,
  scope: ReadonlyScope,
  context: EvalContext = {},
): number | undefined {
  if (pattern.any) return undefined;
  if (pattern.constant) return pattern.constant.bytes.length;
  try {
    return itemsSize(pattern.items, scope, patternContext(pattern, scope, context));
  } catch (error) {
    if (error instanceof CaseError && error.code === 'UNKNOWN_NAME') return undefined;
    throw error;
  }
}

function itemsSize(items: readonly PatternItem[], scope: ReadonlyScope, context: EncodingContext): number {
  return items.reduce((sum, item) => sum + itemSize(item, scope, context), 0);
}

function itemSize(item: PatternItem, scope: ReadonlyScope, context: EncodingContext): number {
  if (item.kind === 'stamp' || item.kind === 'prng') {
    const length = generatedLength(item, scope, context);
    return length === 'rest' ? 0 : length;
  }
  const count = countOf(item, scope, context);
  if (count === 'rest') return 0;
  return 'bytes' in count ? count.bytes : count.times * onceSize(item, scope, context);
}

function onceSize(item: PatternItem, scope: ReadonlyScope, context: EncodingContext): number {
  switch (item.kind) {
    case 'bytes':
      return item.bytes.length;
    case 'alternatives':
      return itemsSize(item.alternatives[0] ?? [], scope, context);
    case 'file':
      return fixture(item.name, context).length;
    case 'value': {
      if (item.value.kind === 'equals')
        return encodeValue(item, evaluate(item.value.expression, scope, context), scope, context).length;
      const list =
        item.list === undefined ? undefined : evaluateNumber(item.list, scope, context, LIMITS.bufferBytes);
      return item.encoding === 'bytes' ? (list ?? 0) : ENCODINGS[item.encoding].size * (list ?? 1);
    }
    default:
      return 1;
  }
}
