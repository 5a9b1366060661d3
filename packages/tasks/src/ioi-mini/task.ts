/** @file Task `ioi-mini`: who receives the object, nine templates, both orders of the two people. */
import { defineTask } from '@auto-circuit/core/plugin';

export const ioiMini = defineTask({
  name: 'ioi-mini',
  doc: 'indirect objects in a small world of 108 words: 320 prompts, 280 of one length (shipped model, works offline)',
  model: 'ioi-mini',
  data: new URL('../../data/ioi-mini.json', import.meta.url),
  objective: 'logit-diff',
});
