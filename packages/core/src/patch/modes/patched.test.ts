import { describe, expect, it } from 'vitest';
import type { GraphOptions } from '../../graph/types.js';
import { graphOf, largestDifference, patchedLogits, randomMask } from '../../testing/patched-logits.js';
import { TINY_VARIANTS, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { ActivationDifferences, batchFirst } from './activation-differences.js';
import { type PatchForm, patchedPoints } from './patched.js';
import type { ReferenceScope } from './reference.js';

const GRAPHS: Readonly<Record<string, Partial<GraphOptions>>> = {
  split: {},
  joint: { splitQkv: false },
  'KV-head inputs': { kvInputs: 'kv-head' },
  positions: { positions: 3 },
  residual: { factorized: false },
};
/** Deep enough for the heads of later layers to share a product with those of an earlier one. */
const DEEP: typeof TINY_VARIANTS = {
  'six layers': { layers: 6, heads: 1, kvHeads: 1 },
  'six layers, one stacked projection': { layers: 6, heads: 1, kvHeads: 1, stacked: true },
};
const cases = Object.entries({ ...TINY_VARIANTS, ...DEEP }).flatMap(([model, shape]) =>
  Object.entries(GRAPHS)
    .filter(([, { factorized }]) => factorized !== false || !('parallel' in shape && shape.parallel))
    .map(([graph, options]) => ({ title: `${model}, ${graph}`, shape, options })),
);
/** float64, over a few dozen sources of size about 1. */
const TOLERANCE = 1e-11;

describe('the patched mode gives what its formula gives', () => {
  it.each(cases)('$title', ({ shape, options }) => {
    const model = tinyTransformer(shape);
    const graph = graphOf(model, options);
    const batch = tinyPrompts(2, 3);
    // The complement is not a form of the residual graph, whose streams feed one another.
    const forms: readonly PatchForm[] =
      options.factorized === false ? ['plain-formula'] : ['plain-formula', 'complement'];
    for (const items of [null, 2]) {
      const mask = randomMask(graph, 3, items);
      for (const patch of ['corrupt', 'zero'] as const) {
        const expected = patchedLogits({ model, graph, batch, mask, patch });
        for (const form of forms) {
          for (const joinsRows of [false, true]) {
            const pointsOf = (scope: ReferenceScope) =>
              patchedPoints({
                ...scope,
                form,
                joinsRows,
                differences: new ActivationDifferences(scope.builder, batchFirst(scope.axes)),
                onRead: (_group, value) => value,
              });
            const logits = patchedLogits({ model, graph, batch, mask, patch }, pointsOf);
            expect(largestDifference(logits, expected), `${form}, ${items} masks, ${patch}, ${joinsRows}`).toBeLessThan(
              TOLERANCE,
            );
          }
        }
      }
    }
  });

  it('tells the groups of blocks and the rows that each reads', () => {
    const model = tinyTransformer({ stacked: true });
    const graph = graphOf(model);
    const reads: (readonly [string, unknown])[] = [];
    patchedLogits({ model, graph, batch: tinyPrompts(), mask: randomMask(graph, 1) }, (scope) =>
      patchedPoints({
        ...scope,
        form: 'complement',
        joinsRows: true,
        differences: new ActivationDifferences(scope.builder),
        onRead(group, value) {
          reads.push([group.map(({ module }) => module.replace(/.*hook_/, '')).join(' '), value.shape[0]]);
          return value;
        },
      }),
    );
    const layer = [
      ['q_input k_input v_input', 6],
      ['mlp_in', 1],
    ];
    expect(reads).toEqual([...layer, ...layer, ['resid_post', 1]]);
  });
});
