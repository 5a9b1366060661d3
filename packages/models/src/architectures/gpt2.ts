/**
 * @file GPT-2: learned positions, layer norm before attention and MLP, GELU. The trace is written once, with its patch points;
 * it reads canonical weights, where folding may have taken layer norm weights and biases away.
 */

import { addDims, type WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, PatchPoints } from '@auto-circuit/core/plugin';
import { causalAttention, type HasWeight, layerNormNamed, plainMlp, readHeads, unembedTokens } from './layers.js';
import { tokenModel } from './token-model.js';

export interface Gpt2Shape {
  readonly layers: number;
  readonly heads: number;
  readonly dModel: number;
  readonly dHead: number;
  readonly dMlp: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly epsilon: number;
  readonly activation: string;
  /** false for attention-only models. */
  readonly mlp: boolean;
}

export function traceGpt2(shape: Gpt2Shape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { layers, heads, dModel, dHead, vocabulary, positions } = shape;
  const tokens = points.input; // [batch, pos]
  const [batch, pos] = tokens.shape;
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]
  const { prefix } = points;
  const placed = b.slice(points.weight('pos.W', [positions, dModel]), 0, prefix, addDims(prefix, pos!)); // [pos, dModel]
  let residual = points.outOf('start', b.add(embedded, placed)); // [batch, pos, dModel]

  for (let l = 0; l < layers; l++) {
    const ln1 = layerNormNamed(points, has, shape, `L${l}.ln1`);
    const { q, k, v } = readHeads(points, has, { ...shape, kvHeads: heads }, `L${l}.attn`, residual, ln1);
    const z = causalAttention(points, q, k, v, `L${l}.attn`); // [heads, batch, pos, dHead]
    const written = points.outOf(`L${l}.attn`, z, points.weight(`L${l}.attn.o.W`, [heads, dHead, dModel]));
    residual = b.add(b.add(residual, written), points.weight(`L${l}.attn.o.b`, [dModel]));
    residual = points.stream(`L${l}.mid`, residual);

    if (shape.mlp) {
      const x = points.into(`L${l}.mlp`, residual, layerNormNamed(points, has, shape, `L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
      residual = b.add(residual, points.outOf(`L${l}.mlp`, plainMlp(points, shape, `L${l}.mlp`, x)));
    }
    residual = points.stream(`L${l}.post`, residual);
  }
  return b.reshape(points.into('end', residual).end!, [batch!, pos!, dModel]);
}

/** Residual [batch, q, dModel] → logits [batch, q, vocabulary]. */
export const unembedGpt2 = (shape: Gpt2Shape, has: HasWeight, points: PatchPoints, residual: AnyValue): AnyValue =>
  unembedTokens(points, has, residual, layerNormNamed(points, has, shape, 'final.ln'), shape);

/** The model as an object that can be traced. `weights` are canonical (see `checkpoint/`). */
export function gpt2Model(
  name: string,
  shape: Gpt2Shape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject {
  const { layers, heads, dModel, vocabulary, positions, mlp } = shape;
  return tokenModel({
    name,
    layout: { layers, heads, kvHeads: heads, dModel, mlp, parallel: false },
    vocabulary,
    positions,
    weights,
    processing,
    trace: (has, points) => traceGpt2(shape, has, points),
    unembed: (has, points, residual) => unembedGpt2(shape, has, points, residual),
  });
}
