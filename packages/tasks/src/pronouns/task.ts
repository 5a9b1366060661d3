/**
 * @file Task `pronouns`: he or she, by the first name, after Mathwin, Corlouer, Kran, Barez and Nanda 2023, "Identifying a
 * Preliminary Circuit for Predicting Gendered Pronouns in GPT-2 Small" (https://itch.io/jam/mechint/rate/1889871).
 */
import { defineTask } from '@auto-circuit/core/plugin';
import { generatePronouns } from './generate.js';

/** Asks which pronoun goes with a first name: he or she. */
export const pronouns = defineTask({
  name: 'pronouns',
  doc: 'gendered pronouns: he or she, by the first name, 10 sentences; 256 prompts',
  model: 'openai-community/gpt2',
  data: { count: 256, seed: 0, generate: generatePronouns },
  batchSize: 64,
  objective: 'logit-diff',
});
