/**
 * @file Tasks `docstring` and `docstring-positions`: the next argument of a half-written docstring, after Heimersheim and Janiak
 * 2023, "A circuit for Python docstrings in a 4-layer attention-only transformer" (https://www.lesswrong.com/posts/u6KXXmKFbXfWzoAXn); as a benchmark
 * of circuits in Conmy et al. 2023 (https://arxiv.org/abs/2304.14997).
 */
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

/** Asks which argument a half-written docstring describes next. */
export const docstring = defineTask({
  ...shared,
  name: 'docstring',
  doc: 'the next argument that a half-written docstring describes: 512 prompts of one length',
});

/** The same question with edges for each token position. */
export const docstringPositions = defineTask({
  ...shared,
  name: 'docstring-positions',
  doc: 'docstring with edges for each token position: the same 512 prompts',
  tokenPositions: true,
});
