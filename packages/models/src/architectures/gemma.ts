/**
 * @file Gemma 2 and 3: scaled embeddings, RMS norms before and after attention and MLP, sliding windows in most layers, a gated
 * MLP; Gemma 2 caps its scores and logits, Gemma 3 norms its queries and keys and turns them by layer with another base.
 */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { contribution, normalize, normed, withNormWeights } from '@auto-circuit/core/plugin';
import {
  type AttentionForm,
  causalAttention,
  gatedMlp,
  type HasWeight,
  readHeads,
  rmsNormNamed,
  rotate,
  softCap,
  unembedTokens,
} from './layers.js';
import { tokenModel } from './token-model.js';

export interface GemmaShape {
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
  /** How many keys the queries of each layer see; null for all. */
  readonly windows: readonly (number | null)[];
  /** What q·k is multiplied by. */
  readonly attentionScale: number;
  /** Bounds of the scores and of the logits; null for none. */
  readonly scoreCap: number | null;
  readonly logitCap: number | null;
}

export function traceGemma(shape: GemmaShape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { layers, heads, dModel, dHead, vocabulary, positions, windows } = shape;
  const tokens = points.input; // [batch, pos]
  const [batch, pos] = tokens.shape;
  const norm = (name: string, size = dModel): Norm => rmsNormNamed(points, has, { ...shape, dModel: size }, name);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]
  let residual = points.outOf('start', b.mul(embedded, Math.sqrt(dModel)));

  for (let l = 0; l < layers; l++) {
    const [window, attn] = [windows[l]!, `L${l}.attn`];
    const rope = window !== null && has('rope.local.cos') ? 'rope.local' : 'rope'; // sliding layers may have a base of their own
    const turn = (x: AnyValue, input: 'q' | 'k'): AnyValue => {
      const y = has(`${attn}.${input}.norm.w`) ? normed(b, x, norm(`${attn}.${input}.norm`, dHead)) : x;
      return rotate(
        points,
        y,
        points.weight(`${rope}.cos`, [positions, dHead]),
        points.weight(`${rope}.sin`, [positions, dHead]),
      );
    };
    const form: AttentionForm = { scale: shape.attentionScale, softCap: shape.scoreCap, window };
    const { q, k, v } = readHeads(points, has, shape, attn, residual, norm(`L${l}.ln1`));
    const z = causalAttention(points, turn(q, 'q'), turn(k, 'k'), v, attn, form); // [heads, batch, pos, dHead]
    const output = points.weight(`${attn}.o.W`, [heads, dHead, dModel]);
    residual = b.add(residual, writeNormed(points, attn, z, output, norm(`${attn}.post`)));
    residual = points.stream(`L${l}.mid`, residual);

    const read = points.into(`L${l}.mlp`, residual, norm(`L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
    const out = gatedMlp(points, shape, `L${l}.mlp`, read); // [1, batch, pos, dModel]
    residual = b.add(residual, points.outOf(`L${l}.mlp`, normed(b, out, norm(`L${l}.mlp.post`))));
    residual = points.stream(`L${l}.post`, residual);
  }
  return b.reshape(points.into('end', residual).end!, [batch!, pos!, dModel]);
}

/** Residual [batch, q, dModel] → logits [batch, q, vocabulary]. */
function unembedGemma(shape: GemmaShape, has: HasWeight, points: PatchPoints, residual: AnyValue): AnyValue {
  const logits = unembedTokens(points, has, residual, rmsNormNamed(points, has, shape, 'final.ln'), shape);
  return shape.logitCap === null ? logits : softCap(points.builder, logits, shape.logitCap);
}

/** The model as an object that can be traced. `weights` are canonical (see `checkpoint/`). */
export function gemmaModel(
  name: string,
  shape: GemmaShape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject {
  const { layers, heads, kvHeads, dModel, vocabulary, positions } = shape;
  return tokenModel({
    name,
    layout: { layers, heads, kvHeads, dModel, mlp: true, parallel: false },
    vocabulary,
    positions,
    headsWriteTogether: true,
    weights,
    processing,
    trace: (has, points) => traceGemma(shape, has, points),
    unembed: (has, points, residual) => unembedGemma(shape, has, points, residual),
  });
}

/**
 * A norm follows the sum over heads, so a head's share of the residual is what it writes times that norm's factor [batch, pos, 1]
 * in this run; the norm's weight goes into the projection. Gives the sum of all shares: the normed sum.
 */
function writeNormed(points: PatchPoints, site: string, z: AnyValue, projection: AnyValue, norm: Norm): AnyValue {
  const { builder: b } = points;
  const sum = contribution(b, { value: z, projection }); // [batch, pos, dModel]
  const { value, scale } = normalize(b, sum, norm);
  const scaled = norm.weight ? b.mul(projection, norm.weight) : projection; // [heads, dHead, dModel]
  return points.outOf(site, b.mul(z, scale), scaled, withNormWeights(b, value, norm));
}
