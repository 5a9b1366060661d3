/** @file Task `capitals`: the capital of a country. The facts and the sentence were written for this package; there is no paper. */
import { defineTask } from '@auto-circuit/core/plugin';
import { generateCapitals } from './generate.js';

/** Asks for the capital of a country. */
export const capitals = defineTask({
  name: 'capitals',
  doc: 'capital cities, with edges for each token position: 64 prompts of one length',
  model: 'EleutherAI/pythia-70m-deduped',
  data: { count: 64, seed: 0, generate: generateCapitals },
  tokenPositions: true,
  batchSize: 32,
  objective: 'logit-diff',
});
