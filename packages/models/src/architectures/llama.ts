/** @file Llama, Qwen 2, Mistral: rotary positions, RMS norm, grouped queries, SwiGLU; some with sliding windows. */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { causalAttention, gatedMlp, type HasWeight, readHeads, rmsNormNamed, rotate, unembedTokens } from './layers.js';
import { tokenModel } from './token-model.js';

export interface LlamaShape {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dModel: number;
  readonly dHead: number;
  readonly dMlp: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly epsilon: number;
  readonly activation: string;
  /** How many keys the queries of each layer see; null for all. Default all, in every layer. */
  readonly windows?: readonly (number | null)[];
}

export function traceLlama(shape: LlamaShape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { layers, heads, dModel, dHead, vocabulary, positions, windows } = shape;
  const tokens = points.input; // [batch, pos]
  const [batch, pos] = tokens.shape;
  const cos = points.weight('rope.cos', [positions, dHead]);
  const sin = points.weight('rope.sin', [positions, dHead]);
  const norm = (name: string): Norm => rmsNormNamed(points, has, shape, name);
  let residual = points.outOf('start', b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0)); // [batch, pos, dModel]

  for (let l = 0; l < layers; l++) {
    const { q, k, v } = readHeads(points, has, shape, `L${l}.attn`, residual, norm(`L${l}.ln1`));
    const turned = [rotate(points, q, cos, sin), rotate(points, k, cos, sin)] as const;
    const z = causalAttention(points, ...turned, v, `L${l}.attn`, { window: windows?.[l] ?? null }); // [heads, batch, pos, dHead]
    residual = b.add(residual, points.outOf(`L${l}.attn`, z, points.weight(`L${l}.attn.o.W`, [heads, dHead, dModel])));
    if (has(`L${l}.attn.o.b`)) residual = b.add(residual, points.weight(`L${l}.attn.o.b`, [dModel]));
    residual = points.stream(`L${l}.mid`, residual);

    const read = points.into(`L${l}.mlp`, residual, norm(`L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
    residual = b.add(residual, points.outOf(`L${l}.mlp`, gatedMlp(points, shape, `L${l}.mlp`, read)));
    residual = points.stream(`L${l}.post`, residual);
  }
  return b.reshape(points.into('end', residual).end!, [batch!, pos!, dModel]);
}

/** The model as an object that can be traced. `weights` are canonical (see `checkpoint/`). */
export function llamaModel(
  name: string,
  shape: LlamaShape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject {
  const { layers, heads, kvHeads, dModel, vocabulary, positions } = shape;
  return tokenModel({
    name,
    layout: { layers, heads, kvHeads, dModel, mlp: true, parallel: false },
    vocabulary,
    positions,
    weights,
    processing,
    trace: (has, points) => traceLlama(shape, has, points),
    unembed: (has, points, residual) =>
      unembedTokens(points, has, residual, rmsNormNamed(points, has, shape, 'final.ln'), shape),
  });
}
