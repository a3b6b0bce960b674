/** Byte patterns: parse with `compilePattern`, send with `encodePattern`, expect with `matchPattern`. */
export { encodePattern } from './pattern-encode.js';
export {
  type MatchContext,
  matchPattern,
  type PatternDifference,
  type PatternMatch,
} from './pattern-match.js';
export { compilePattern, expressionPattern, type PatternOptions } from './pattern-parser.js';
export { patternSize } from './pattern-size.js';
