/**
 * @file Tasks `tracr-reverse` and `tracr-xproportion`: compiled models whose circuits are known, to judge algorithms by. After the
 * models of tracr: Lindner et al. 2023 (https://arxiv.org/abs/2301.05062).
 */
import { defineTask } from '@auto-circuit/core/plugin';
import { circuitsOf, REVERSE_STEPS, XPROPORTION_STEPS } from './circuits.js';

/** Asks for a sequence of five tokens backwards. */
export const tracrReverse = defineTask({
  name: 'tracr-reverse',
  doc: 'reverses a sequence of five tokens, on a compiled model whose circuit is known: 243 prompts, every position read',
  model: 'tracr-reverse',
  data: new URL('../../data/tracr-reverse.json', import.meta.url),
  tokenPositions: true,
  objective: 'logit-diff',
  batchSize: 11,
  train: 121,
  officialCircuits: circuitsOf(REVERSE_STEPS),
});

/** Asks for the share of x among the tokens so far. */
export const tracrXproportion = defineTask({
  name: 'tracr-xproportion',
  doc: 'the share of x so far, on a compiled model whose circuit is known: 1024 prompts, every position read',
  model: 'tracr-xproportion',
  data: new URL('../../data/tracr-xproportion.json', import.meta.url),
  tokenPositions: true,
  objective: 'mse',
  batchSize: 64,
  train: 512,
  officialCircuits: circuitsOf(XPROPORTION_STEPS),
});
