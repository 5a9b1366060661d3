/** @file Task `greater-than`: the year in which an event ends is after the one in which it began. */
import { defineTask } from '@auto-circuit/core/plugin';
import { GREATER_THAN_CIRCUITS } from './circuit.js';
import { generateGreaterThan } from './generate.js';

export const greaterThan = defineTask({
  name: 'greater-than',
  doc: 'an event ends after the year in which it began: two-digit answers above the first year’s; 256 prompts',
  model: 'openai-community/gpt2',
  data: { count: 256, seed: 0, generate: generateGreaterThan },
  batchSize: 64,
  objective: 'logit-diff',
  officialCircuits: GREATER_THAN_CIRCUITS,
});
