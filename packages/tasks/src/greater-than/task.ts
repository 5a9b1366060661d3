/**
 * @file Task `greater-than`: an event ends after the year in which it began. Hanna, Liu and Variengien 2023, "How does GPT-2
 * compute greater-than?" (https://arxiv.org/abs/2305.00586).
 */
import { defineTask } from '@auto-circuit/core/plugin';
import { GREATER_THAN_CIRCUITS } from './circuit.js';
import { generateGreaterThan } from './generate.js';

/** Asks in which year of its century an event ended: any year after the one in which it began. */
export const greaterThan = defineTask({
  name: 'greater-than',
  doc: 'an event ends after the year in which it began: two-digit answers above the first year’s; 256 prompts',
  model: 'openai-community/gpt2',
  data: { count: 256, seed: 0, generate: generateGreaterThan },
  batchSize: 64,
  objective: 'logit-diff',
  officialCircuits: GREATER_THAN_CIRCUITS,
});
