// A task of the micro model, for tests: three layers of two heads, answer 0 right on the clean side.
import { definePlugin, defineTask } from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';

const heads = [
  [[1, 0.5], [0.2, -0.3]],
  [[0.7, 0.1], [-0.4, 0.6]],
  [[0.3, 0.3], [0.9, -0.2]],
];
export default definePlugin({
  name: 'micro-task',
  contributes: [
    defineTask({
      name: 'micro',
      doc: 'which of two numbers is larger',
      model: microModel(heads),
      data: new URL('./micro-prompts.json', import.meta.url),
      officialCircuits: {
        straight: { doc: 'what the input gives to the output', edges: () => ['Resid Start->Resid End'] },
        elsewhere: { doc: 'a head that the model lacks', edges: () => ['A7.7->Resid End'] },
      },
    }),
  ],
});
