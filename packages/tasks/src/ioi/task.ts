/**
 * @file Tasks `ioi` and `ioi-positions`: indirect object identification. Wang, Variengien, Conmy, Shlegeris and Steinhardt 2022,
 * "Interpretability in the Wild" (https://arxiv.org/abs/2211.00593).
 */
import { defineTask } from '@auto-circuit/core/plugin';
import { IOI_CIRCUITS } from './circuit.js';
import { generateIoi } from './generate.js';

/** Asks which of two people receives the object, in 15 sentences and both orders. */
export const ioi = defineTask({
  name: 'ioi',
  doc: 'indirect objects: which of two people receives, 15 sentences in both orders; 256 prompts made for the tokenizer',
  model: 'openai-community/gpt2',
  data: { count: 256, seed: 0, generate: generateIoi },
  batchSize: 64,
  objective: 'logit-diff',
  officialCircuits: IOI_CIRCUITS,
});

/** The same question in one sentence and one order, with edges for each token position. */
export const ioiPositions = defineTask({
  name: 'ioi-positions',
  doc: 'ioi with edges for each token position: 400 prompts of one sentence, the answer always first',
  model: 'openai-community/gpt2',
  data: { count: 400, seed: 0, generate: (request) => generateIoi({ ...request, fixed: true }) },
  tokenPositions: true,
  batchSize: 300,
  train: 300,
  objective: 'logit-diff',
  officialCircuits: IOI_CIRCUITS,
});
