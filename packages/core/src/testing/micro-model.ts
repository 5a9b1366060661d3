/**
 * @file AutoCircuit's MicroModel, built as an object: a residual stream of two numbers, and in every layer two heads that
 * multiply what they read by known weights. Small enough to follow by hand.
 */

import { memoryWeights } from '../backend/memory-weights.js';
import type { GraphLayout } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';

/** AutoCircuit's own weights for two layers: head 0 multiplies by (1, 2), head 1 by (3, 4). */
export const MICRO_WEIGHTS: readonly (readonly (readonly number[])[])[] = [
  [
    [1, 2],
    [3, 4],
  ],
  [
    [1, 2],
    [3, 4],
  ],
];

/** AutoCircuit's MicroModel as an object. @param headWeights what each head multiplies by, `[layers][heads][2]` */
export function microModel(headWeights: readonly (readonly (readonly number[])[])[] = MICRO_WEIGHTS): ModelObject {
  const layers = headWeights.length;
  const heads = headWeights[0]!.length;
  const layout: GraphLayout = { kind: 'staged', layers, heads, dModel: 2 };
  const weights = memoryWeights(
    Object.fromEntries(
      headWeights.map((layer, l) => [
        `L${l}.heads`,
        { shape: [heads, 1, 1, 2], data: Float32Array.from(layer.flat()) },
      ]),
    ),
  );
  return Object.freeze<ModelObject>({
    name: 'micro',
    spec: {
      layout,
      input: { name: 'features', dtype: 'float', features: [2] },
      outputSize: 2,
      maxPositions: null,
      parameters: layers * heads * 2,
    },
    weights,
    processing: [],
    trace(points) {
      const { builder: b } = points;
      let residual = points.outOf('start', points.input); // [batch, pos, 2]
      for (let l = 0; l < layers; l++) {
        const read = points.into(`L${l}.attn`, residual).attn!; // [heads or 1, batch, pos, 2]
        const out = b.mul(read, points.weight(`L${l}.heads`, [heads, 1, 1, 2])); // [heads, batch, pos, 2]
        residual = points.stream(`L${l}.post`, b.add(residual, points.outOf(`L${l}.attn`, out)));
      }
      return b.reshape(points.into('end', residual).end!, points.input.shape); // [batch, pos, 2]
    },
    unembed: (_points, residual) => residual,
  });
}
