/** @file Tasks `arithmetic-addition` and `arithmetic-subtraction`, in the form of the MIB benchmark's arithmetic (Mueller et al. 2025, https://arxiv.org/abs/2504.13151). */
import { defineTask } from '@auto-circuit/core/plugin';
import { generateArithmetic } from './generate.js';

/** Asks for the sum of two numbers. */
export const arithmeticAddition = defineTask({
  name: 'arithmetic-addition',
  doc: 'sums of two numbers, in the form of MIB’s arithmetic; 64 prompts of two digits, or of one where tokens are digits',
  model: 'openai-community/gpt2',
  data: { count: 64, seed: 0, generate: generateArithmetic('addition') },
  objective: 'logit-diff',
});

/** Asks for the difference of two numbers. */
export const arithmeticSubtraction = defineTask({
  name: 'arithmetic-subtraction',
  doc: 'differences of two numbers, in the form of MIB’s arithmetic; 64 prompts of two digits, or of one where tokens are digits',
  model: 'openai-community/gpt2',
  data: { count: 64, seed: 0, generate: generateArithmetic('subtraction') },
  objective: 'logit-diff',
});
