/**
 * @file The architecture of compiled models, tracr's and ours: learned positions, attention to all positions, ReLU MLPs,
 * biases everywhere, no norm anywhere, and an unembedding of its own.
 */

import { type Dim, multiplyDims, type WeightStore } from '@auto-circuit/core/backend';
import {
  type AnyValue,
  AutoCircuitError,
  elementCount,
  type HeadProjection,
  type ModelObject,
  type PatchPoints,
  type ProgramBuilder,
} from '@auto-circuit/core/plugin';
import { addHeads, traceBlocks } from '../architectures/blocks.js';
import { asMatrix, plainMlp } from '../architectures/layers.js';
import { type CompiledShape, weightShapes } from './weight-shapes.js';

/** @throws AutoCircuitError for a weight that is missing or has another shape */
export function compiledModel(name: string, shape: CompiledShape, weights: WeightStore): ModelObject {
  for (const [weight, expected] of Object.entries(weightShapes(shape))) {
    const got = weights.entry(weight).shape;
    if (got.join() === expected.join()) continue;
    throw new AutoCircuitError({
      code: 'wrong-tensor',
      fields: { tensor: weight, shape: got, expectedShape: expected },
      where: 'compiled',
      what: `weight "${weight}" of model "${name}" has a different shape than its config says`,
      expected: `[${expected.join(', ')}]`,
      got: `[${got.join(', ')}]`,
    });
  }
  const { layers, heads, dModel, outputs, positions } = shape;
  return Object.freeze<ModelObject>({
    name,
    spec: {
      layout: {
        kind: 'transformer',
        ...{ layers, heads, kvHeads: heads, dModel },
        mlp: true,
        parallel: false,
        attention: 'full',
      },
      input: { name: 'tokens', dtype: 'int', features: [] },
      outputSize: outputs,
      outputs: 'not-first', // the first is BOS, where programs have no value
      maxPositions: positions,
      parameters: weights.names.reduce((n, weight) => n + elementCount(weights.entry(weight).shape), 0),
    },
    weights,
    processing: [],
    trace: (points) => traceCompiled(shape, points),
    unembed: (points, residual) => unembedCompiled(shape, points, residual),
  });
}

/** The forward pass. Gives the residual [batch, pos, dModel] that the unembedding reads. */
export function traceCompiled(shape: CompiledShape, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { heads, dModel, dHead, vocabulary, positions } = shape;
  const tokens = points.input; // [batch, pos]
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]
  const placed = b.slice(points.weight('pos.W', [positions, dModel]), 0, 0, tokens.shape[1]!); // [pos, dModel]

  return traceBlocks(points, shape, b.add(embedded, placed), {
    attention(l, residual) {
      const site = `L${l}.attn`;
      const projection = (input: 'q' | 'k' | 'v'): HeadProjection => ({
        weight: points.weight(`${site}.${input}.W`, [heads, dHead, dModel]),
        bias: points.weight(`${site}.${input}.b`, [heads, dHead]),
      });
      const inputs = { q: projection('q'), k: projection('k'), v: projection('v'), stacked: null };
      const { q, k, v } = points.intoHeads(site, residual, null, inputs);
      const z = fullAttention(b, q, k, v, site); // [heads, batch, pos, dHead]
      return addHeads(points, site, residual, z, shape, true);
    },
    mlp(l, residual) {
      const site = `L${l}.mlp`;
      const x = points.into(site, residual).mlp!; // [1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, plainMlp(points, { ...shape, activation: 'relu' }, site, x)));
    },
  });
}

/** Residual [batch, q, dModel] → outputs [batch, q, outputs]. */
export function unembedCompiled(shape: CompiledShape, points: PatchPoints, residual: AnyValue): AnyValue {
  const { builder: b } = points;
  const [batch, q] = residual.shape;
  const weight = points.weight('unembed.W', [shape.outputs, shape.dModel]);
  const flat = b.matmul(asMatrix(b, residual), weight, { transposeB: true }); // [batch·q, outputs]
  return b.reshape(flat, [batch!, q!, shape.outputs]);
}

/** Every position sees every other. q, k and v [groups, heads per group or 1, batch, pos, dHead] → z [heads, batch, pos, dHead]. */
function fullAttention(b: ProgramBuilder, q: AnyValue, k: AnyValue, v: AnyValue, role: string): AnyValue {
  const [groups, perGroup, batch, pos, dHead] = q.shape as [Dim, Dim, Dim, Dim, number];
  const [query, key, value] = [b.role(q, `${role}.q`), b.role(k, `${role}.k`), b.role(v, `${role}.v`)];
  const products = b.matmul(b.mul(query, 1 / Math.sqrt(dHead)), key, { transposeB: true }); // [groups, heads per group, batch, pos, pos]
  const pattern = b.role(b.softmax(b.role(products, `${role}.scores`)), `${role}.pattern`);
  const z = b.matmul(pattern, value); // [groups, heads per group, batch, pos, dHead]
  return b.role(b.reshape(z, [multiplyDims(groups, perGroup), batch, pos, dHead]), `${role}.z`);
}
