// A model of two behaviours that share nothing but the direct way: heads 0 multiply the first number by 1.5, heads 1 the second.
import { definePlugin, defineTask } from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';

const layer = [[1.5, 0], [0, 1.5]];
export default definePlugin({
  name: 'two-behaviours',
  contributes: [
    defineTask({
      name: 'two',
      doc: 'which of two numbers is larger',
      model: microModel([layer, layer, layer]),
      data: new URL('./micro-prompts.json', import.meta.url),
    }),
  ],
});
