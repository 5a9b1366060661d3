/** @file GPT-NeoX (Pythia): rotary positions on part of each head, layer norms, attention and MLP side by side or in turn. */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import {
  causalAttention,
  type HasWeight,
  layerNormNamed,
  plainMlp,
  readHeads,
  rotate,
  unembedTokens,
} from './layers.js';
import { tokenModel } from './token-model.js';

export interface NeoxShape {
  readonly layers: number;
  readonly heads: number;
  readonly dModel: number;
  readonly dHead: number;
  /** Dimensions of each head that are turned; the rest pass as they are. */
  readonly dRotary: number;
  readonly dMlp: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly epsilon: number;
  readonly activation: string;
  /** Whether attention and MLP of a block read the same residual. */
  readonly parallel: boolean;
}

export function traceNeox(shape: NeoxShape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { layers, heads, dModel, dHead, dRotary, vocabulary, positions } = shape;
  const tokens = points.input; // [batch, pos]
  const [batch, pos] = tokens.shape;
  const cos = points.weight('rope.cos', [positions, dRotary]);
  const sin = points.weight('rope.sin', [positions, dRotary]);
  const norm = (name: string): Norm => layerNormNamed(points, has, shape, name);
  let residual = points.outOf('start', b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0)); // [batch, pos, dModel]

  for (let l = 0; l < layers; l++) {
    const entered = residual;
    const { q, k, v } = readHeads(points, has, { ...shape, kvHeads: heads }, `L${l}.attn`, residual, norm(`L${l}.ln1`));
    const turned = (x: AnyValue): AnyValue => {
      const first = rotate(points, b.slice(x, 4, 0, dRotary), cos, sin);
      return dRotary === dHead ? first : b.concat([first, b.slice(x, 4, dRotary, dHead)], 4);
    };
    const z = causalAttention(points, turned(q), turned(k), v, `L${l}.attn`); // [heads, batch, pos, dHead]
    const written = points.outOf(`L${l}.attn`, z, points.weight(`L${l}.attn.o.W`, [heads, dHead, dModel]));
    residual = b.add(b.add(residual, written), points.weight(`L${l}.attn.o.b`, [dModel]));
    residual = points.stream(`L${l}.mid`, residual);

    const x = points.into(`L${l}.mlp`, shape.parallel ? entered : residual, norm(`L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
    residual = b.add(residual, points.outOf(`L${l}.mlp`, plainMlp(points, shape, `L${l}.mlp`, x)));
    residual = points.stream(`L${l}.post`, residual);
  }
  return b.reshape(points.into('end', residual).end!, [batch!, pos!, dModel]);
}

/** The model as an object that can be traced. `weights` are canonical (see `checkpoint/`). */
export function neoxModel(
  name: string,
  shape: NeoxShape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject {
  const { layers, heads, dModel, vocabulary, positions, parallel } = shape;
  return tokenModel({
    name,
    layout: { layers, heads, kvHeads: heads, dModel, mlp: true, parallel },
    vocabulary,
    positions,
    weights,
    processing,
    trace: (has, points) => traceNeox(shape, has, points),
    unembed: (has, points, residual) =>
      unembedTokens(points, has, residual, layerNormNamed(points, has, shape, 'final.ln'), shape),
  });
}
