/** How a broken expectation counts. */
import type { AlternativeVerdict, Judgement, Level } from '../cases/types.js';
import { ruledVerdict } from './rulings.js';

const BY_LEVEL: Readonly<Record<Level, 'fail' | 'warn' | 'note'>> = {
  MUST: 'fail',
  SHOULD: 'warn',
  MAY: 'note',
};

/** By the level, unless the expectation rests on a ruling: then as that says. */
export function severityOf({ level, ruling }: Pick<Judgement, 'level' | 'ruling'>): AlternativeVerdict {
  return ruling === undefined ? BY_LEVEL[level] : ruledVerdict(ruling);
}
