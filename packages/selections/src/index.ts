/**
 * @file Front door `@auto-circuit/selections`: which edges of a scored graph make a circuit of a given size. Beside those of core
 * (`threshold`, `top`, `greedy`, `stable`): `ratio` by the sign of scores, `ilp` by integer programming.
 * @module
 */
import { definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { ilp } from './ilp.js';
import { ratio } from './ratio.js';

/** All selections of this package, for a registry. */
export const selectionsPlugin: Plugin = definePlugin({
  name: '@auto-circuit/selections',
  contributes: [ratio, ilp],
});

export { ilp } from './ilp.js';
export { ratio } from './ratio.js';
export default selectionsPlugin;
