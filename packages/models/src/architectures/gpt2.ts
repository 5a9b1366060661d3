/**
 * @file GPT-2: learned positions, layer norm before attention and MLP, GELU. The trace is written once, with its patch points;
 * it reads canonical weights, where folding may have taken layer norm weights and biases away.
 */
import type { AnyValue, ModelObject, PatchPoints, WeightStore } from '@auto-circuit/core';
import {
  ACTIVATIONS,
  asMatrix,
  causalAttention,
  type Has,
  layerNormNamed,
  readHeads,
  unembedTokens,
} from './layers.js';
import { parameterCount } from './parameters.js';
import { stackHeads } from './stacked-weights.js';

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

export function traceGpt2(shape: Gpt2Shape, has: Has, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { layers, heads, dModel, dHead, dMlp, vocabulary, positions } = shape;
  const tokens = points.input; // [batch, pos]
  const [batch, pos] = tokens.shape;
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]
  const placed = b.slice(points.weight('pos.W', [positions, dModel]), 0, 0, pos!); // [pos, dModel]
  let residual = points.outOf('start', b.add(embedded, placed)); // [batch, pos, dModel]

  for (let l = 0; l < layers; l++) {
    const { q, k, v } = readHeads(points, has, shape, `L${l}.attn`, residual, (x) =>
      layerNormNamed(points, has, x, shape, `L${l}.ln1`),
    );
    const z = causalAttention(b, q, k, v, `L${l}.attn`); // [heads, batch, pos, dHead]
    const written = points.outOf(`L${l}.attn`, z, points.weight(`L${l}.attn.o.W`, [heads, dHead, dModel]));
    residual = b.add(b.add(residual, written), points.weight(`L${l}.attn.o.b`, [dModel]));
    residual = points.stream(`L${l}.mid`, residual);

    if (shape.mlp) {
      const x = layerNormNamed(points, has, points.into(`L${l}.mlp`, residual).mlp!, shape, `L${l}.ln2`); // [1, batch, pos, dModel]
      const inner = b.add(
        b.matmul(asMatrix(b, x), points.weight(`L${l}.mlp.in.W`, [dModel, dMlp])),
        points.weight(`L${l}.mlp.in.b`, [dMlp]),
      );
      const active = b.role(ACTIVATIONS[shape.activation]!(b, inner), `L${l}.mlp.act`); // [batch·pos, dMlp]
      const out = b.add(
        b.matmul(active, points.weight(`L${l}.mlp.out.W`, [dMlp, dModel])),
        points.weight(`L${l}.mlp.out.b`, [dModel]),
      );
      residual = b.add(residual, points.outOf(`L${l}.mlp`, b.reshape(out, [batch!, pos!, dModel])));
    }
    residual = points.stream(`L${l}.post`, residual);
  }
  return b.reshape(points.into('end', residual).end!, [batch!, pos!, dModel]);
}

/** Residual [batch, q, dModel] → logits [batch, q, vocabulary]. */
export const unembedGpt2 = (shape: Gpt2Shape, has: Has, points: PatchPoints, residual: AnyValue): AnyValue =>
  unembedTokens(points, has, layerNormNamed(points, has, residual, shape, 'final.ln'), shape);

/** The model as an object that can be traced. `weights` are canonical (see `checkpoint/`). */
export function gpt2Model(
  name: string,
  shape: Gpt2Shape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject {
  const stacked = stackHeads(weights, shape.layers);
  const names = new Set(stacked.names);
  const has: Has = (weight) => names.has(weight);
  return Object.freeze<ModelObject>({
    name,
    spec: {
      layout: {
        kind: 'transformer',
        layers: shape.layers,
        heads: shape.heads,
        kvHeads: shape.heads,
        dModel: shape.dModel,
        mlp: shape.mlp,
        parallel: false,
      },
      input: { name: 'tokens', dtype: 'int', features: [] },
      outputSize: shape.vocabulary,
      maxPositions: shape.positions,
      parameters: parameterCount(weights),
    },
    weights: stacked,
    processing,
    trace: (points) => traceGpt2(shape, has, points),
    unembed: (points, residual) => unembedGpt2(shape, has, points, residual),
  });
}
