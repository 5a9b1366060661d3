/** @file Task `mcqa`: multiple choice in the form of the MIB benchmark's copy task (Mueller et al. 2025, https://arxiv.org/abs/2504.13151). */
import { defineTask } from '@auto-circuit/core/plugin';
import { generateMcqa } from './generate.js';

/** Asks for the letter of the choice that the question names. */
export const mcqa = defineTask({
  name: 'mcqa',
  doc: 'the letter of the right one of four colours, in the form of MIB’s MCQA; 64 prompts; corrupt: other letters',
  model: 'openai-community/gpt2',
  data: { count: 64, seed: 0, generate: generateMcqa },
  objective: 'logit-diff',
});
