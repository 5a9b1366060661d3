/**
 * @file Tasks `ioi-mini` and `ioi-mini-positions`: indirect object identification (Wang et al. 2022, "Interpretability in the
 * Wild", https://arxiv.org/abs/2211.00593) in a small world of 108 words, for the shipped model. `datasets/ioi-mini` makes
 * the prompts, which are in `data/`.
 */
import { defineTask } from '@auto-circuit/core/plugin';

/** Asks which of two people receives the object: nine templates, both orders of the two people. */
export const ioiMini = defineTask({
  name: 'ioi-mini',
  doc: 'indirect objects in a small world of 108 words: 320 prompts, 280 of one length (shipped model, works offline)',
  model: 'ioi-mini',
  data: new URL('../../data/ioi-mini.json', import.meta.url),
  objective: 'logit-diff',
});

/** The same question in the four aligned templates and in one order, so that a position means the same in every prompt. */
export const ioiMiniPositions = defineTask({
  name: 'ioi-mini-positions',
  doc: 'ioi-mini with edges for each token position: 200 prompts of four aligned templates, the answer always first',
  model: 'ioi-mini',
  data: new URL('../../data/ioi-mini-positions.json', import.meta.url),
  tokenPositions: true,
  objective: 'logit-diff',
});
