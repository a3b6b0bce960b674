/**
 * What is run on a mutant that touches a large part of the suite. To run all of it would tell no more: how many cases it
 * spoils shows in a sample, and what it proves in the cases that are about it.
 */
import { executionOrder } from '../run/order.js';
import type { CaseReaction } from './model-run.js';

/** A mutant that touches more expanded cases than this ... */
const SAMPLED_ABOVE = 600;
/** ... is judged by so many of them. */
const SAMPLE_SIZE = 300;

/** Whether a sample stands for so many expanded cases. */
export const isSampled = (touched: number): boolean => touched > SAMPLED_ABOVE;

/** The sample of some cases: any, but the same ones each time that the seed and the cases are the same. */
export function sampleOf(cases: readonly CaseReaction[], seed: number): readonly CaseReaction[] {
  return executionOrder(cases.length, { shuffle: seed })
    .slice(0, SAMPLE_SIZE)
    .flatMap((index) => cases[index] ?? []);
}
