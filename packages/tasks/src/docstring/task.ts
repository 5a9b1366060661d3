/** @file Tasks `docstring` and `docstring-positions`: the next argument of a half-written docstring. */
import { defineTask } from '@auto-circuit/core/plugin';
import { DOCSTRING_CIRCUITS } from './circuit.js';
import { generateDocstring } from './generate.js';

const shared = {
  model: 'NeelNanda/Attn_Only_4L512W_C4_Code',
  data: { count: 512, seed: 0, generate: generateDocstring },
  batchSize: 128,
  objective: 'logit-diff',
  officialCircuits: DOCSTRING_CIRCUITS,
} as const;

export const docstring = defineTask({
  ...shared,
  name: 'docstring',
  doc: 'the next argument that a half-written docstring describes: 512 prompts of one length',
});

export const docstringPositions = defineTask({
  ...shared,
  name: 'docstring-positions',
  doc: 'docstring with edges for each token position: the same 512 prompts',
  tokenPositions: true,
});
