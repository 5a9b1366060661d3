/**
 * @file Task `sva`: the verb agrees with the subject, and not with a noun between. The question is that of Linzen, Dupoux and
 * Goldberg 2016 (https://arxiv.org/abs/1611.01368); the sentences were written for this package.
 */
import { defineTask } from '@auto-circuit/core/plugin';
import { generateSva } from './generate.js';

/** Asks for a verb in the number of the subject. */
export const sva = defineTask({
  name: 'sva',
  doc: 'subject-verb agreement across a noun between: singular or plural verbs, 10 sentences; 256 prompts',
  model: 'openai-community/gpt2',
  data: { count: 256, seed: 0, generate: generateSva },
  batchSize: 64,
  objective: 'logit-diff',
});
