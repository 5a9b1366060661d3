/** @file Task `pronouns`: he or she, by the first name. */
import { defineTask } from '@auto-circuit/core/plugin';
import { generatePronouns } from './generate.js';

export const pronouns = defineTask({
  name: 'pronouns',
  doc: 'gendered pronouns: he or she, by the first name, 10 sentences; 256 prompts',
  model: 'openai-community/gpt2',
  data: { count: 256, seed: 0, generate: generatePronouns },
  batchSize: 64,
  objective: 'logit-diff',
});
