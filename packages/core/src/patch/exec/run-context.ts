/** @file What every run of a patchable model works with: compiled programs, source activations, and how many tokens a run takes. */

import type { Setting } from '../programs/programs.js';
import type { ActivationCache } from './activation-cache.js';
import type { TokenBudget } from './micro-batches.js';
import type { ProgramCache } from './program-cache.js';

/** One for each patchable model. */
export interface RunContext extends Setting {
  readonly programs: ProgramCache;
  readonly activations: ActivationCache;
  readonly budget: TokenBudget;
}
