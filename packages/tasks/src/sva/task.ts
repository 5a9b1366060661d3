/** @file Task `sva`: the verb agrees with the subject. */
import { defineTask } from '@auto-circuit/core/plugin';
import { generateSva } from './generate.js';

export const sva = defineTask({
  name: 'sva',
  doc: 'subject-verb agreement across a noun between: singular or plural verbs, 10 sentences; 256 prompts',
  model: 'openai-community/gpt2',
  data: { count: 256, seed: 0, generate: generateSva },
  batchSize: 64,
  objective: 'logit-diff',
});
