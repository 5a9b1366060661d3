import { type AblationDefinition, defineAblation, definePlugin } from '@auto-circuit/core/plugin';

/** What a source writes on the clean prompt, plus normal noise of `times` the root mean square of that at each position. */
export const gaussian: AblationDefinition = defineAblation({
  name: 'gaussian',
  doc: 'what the clean run writes, with Gaussian noise in proportion to it',
  options: { times: { type: 'number', default: 3, min: 0, doc: 'standard deviation, in root mean squares' } },
  patch: ({ seed }, { times }) => ({
    kind: 'made',
    name: 'gaussian',
    seed,
    values({ clean, prompts, random, shape }) {
      const [rows = 0, , pos = 0, width = 0] = shape; // clean: [rows, prompts, pos, width]
      const noisy = Float32Array.from(clean);
      for (const [i, prompt] of prompts.entries()) {
        const { normal } = random(prompt); // the same however prompts are batched
        for (let row = 0; row < rows; row++) {
          for (let at = 0; at < pos; at++) {
            const start = ((row * prompts.length + i) * pos + at) * width;
            const written = clean.subarray(start, start + width);
            const size = Math.sqrt(written.reduce((sum, x) => sum + x * x, 0) / width);
            for (let k = 0; k < width; k++) noisy[start + k]! += times * size * normal();
          }
        }
      }
      return noisy;
    },
  }),
});

export default definePlugin({ name: 'auto-circuit-plugin-gaussian', contributes: [gaussian] });
