import { defineObjective, definePlugin, type ObjectiveDefinition } from '@auto-circuit/core/plugin';

/** 1 − Σ p over the first `count` answers of a prompt. For the task greater-than these are the years that are right. */
export const setProb: ObjectiveDefinition = defineObjective({
  name: 'set-prob',
  doc: 'one minus the probability of the first few answers',
  options: { count: { type: 'int', default: 50, min: 1, doc: 'how many answers of a prompt count' } },
  of(b, logits, _reference, batch, { count }) {
    const wanted = batch.tokens(({ answers }) => answers.slice(0, count)); // [batch, outputs], 1 at these
    return b.sub(1, b.sum(b.mul(b.softmax(logits), wanted), -1)); // [batch]
  },
});

export default definePlugin({ name: 'auto-circuit-plugin-set-prob', contributes: [setProb] });
