/** @file Task `ioi-mini-positions`: the aligned templates in one order, so that every position means the same in all prompts. */
import { defineTask } from '@auto-circuit/core/plugin';

export const ioiMiniPositions = defineTask({
  name: 'ioi-mini-positions',
  doc: 'ioi-mini with edges for each token position: 200 prompts of four aligned templates, the answer always first',
  model: 'ioi-mini',
  data: new URL('../../data/ioi-mini-positions.json', import.meta.url),
  tokenPositions: true,
  objective: 'logit-diff',
});
