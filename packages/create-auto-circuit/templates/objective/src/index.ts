import { defineObjective, definePlugin, type ObjectiveDefinition } from '@auto-circuit/core/plugin';

/** The loss that scores are gradients of: here, one minus the probability of a prompt's first answers. Higher is worse. */
export const myPlugin: ObjectiveDefinition = defineObjective({
  name: 'my-plugin',
  doc: 'one minus the probability of the first few answers',
  options: { count: { type: 'int', default: 50, min: 1, doc: 'how many answers of a prompt count' } },
  of(b, logits, _reference, batch, { count }) {
    const wanted = batch.tokens(({ answers }) => answers.slice(0, count)); // [batch, outputs], 1 at these
    return b.sub(1, b.sum(b.mul(b.softmax(logits), wanted), -1)); // [batch]
  },
});

export default definePlugin({ name: 'PACKAGE', contributes: [myPlugin] });
