/** @file What a run's circuit is put to, and how the work is followed. */
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { DiscoverHooks } from '../run/hooks.js';
import type { ChosenMetric } from '../run/run-circuits.js';
import type { ReportInput } from '../run-folder/report-input.js';
import type { Condition, VariationAsked } from './conditions.js';
import type { KeptPieces } from './scores-by-prompt.js';

/** A finished run, its condition, and what it is put to. */
export interface StabilityRequest extends Condition {
  /** The run as its files have it. */
  readonly before: Pick<ReportInput, 'scores' | 'standardErrors' | 'circuit'>;
  /** What circuits are measured by. */
  readonly metric: ChosenMetric;
  /** How many resamples of the prompts, where each prompt can be scored by itself; and how many, where the algorithm runs on each. */
  readonly resamples: number;
  readonly reruns: number;
  /** How many resamples' circuits are measured. */
  readonly measured: number;
  /** The chance of each prompt to be left out of a subset, for certificates. */
  readonly deletion: number;
  /** Of intervals, and of all certificates together. */
  readonly level: number;
  readonly variations: readonly VariationAsked[];
  /** The run's constants of optimal ablation; without it they are trained anew. */
  readonly constants?: Checkpoint | undefined;
  /** Where finished pieces are kept. */
  readonly kept: KeptPieces;
}
/** How the work is followed and stopped. */
export type StabilityHooks = Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'>;
