/**
 * @file GPT-2: learned positions, layer norm before attention and MLP, GELU. The trace is written once, with its patch points;
 * it reads canonical weights, where folding may have taken layer norm weights and biases away.
 */

import { addDims, type WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { addHeads, type DecoderShape, traceBlocks } from './blocks.js';
import {
  type AttentionForm,
  causalAttention,
  type HasWeight,
  layerNormNamed,
  plainMlp,
  readHeads,
  unembedTokens,
} from './layers.js';
import { tokenModel } from './token-model.js';

/** Sizes and settings of a GPT-2. */
export interface Gpt2Shape extends DecoderShape {
  /** false for attention-only models. */
  readonly mlp: boolean;
  /** By layer: what q·k is multiplied by. Default 1/√dHead in all. */
  readonly attentionScales?: readonly number[];
}

/** The forward pass. Gives the residual [batch, pos, dModel] that the final norm reads. */
export function traceGpt2(shape: Gpt2Shape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b, prefix } = points;
  const { heads, dModel, vocabulary, positions } = shape;
  const tokens = points.input; // [batch, pos]
  const norm = (name: string): Norm => layerNormNamed(points, has, shape, name);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]
  const stop = addDims(prefix, tokens.shape[1]!);
  const placed = b.slice(points.weight('pos.W', [positions, dModel]), 0, prefix, stop); // [pos, dModel]

  return traceBlocks(points, shape, b.add(embedded, placed), {
    attention(l, residual) {
      const site = `L${l}.attn`;
      const { q, k, v } = readHeads(points, has, { ...shape, kvHeads: heads }, site, residual, norm(`L${l}.ln1`));
      const form: AttentionForm = shape.attentionScales ? { scale: shape.attentionScales[l]! } : {};
      const z = causalAttention(points, q, k, v, site, form); // [heads, batch, pos, dHead]
      return addHeads(points, site, residual, z, shape, true);
    },
    mlp(l, residual) {
      if (!shape.mlp) return residual;
      const site = `L${l}.mlp`;
      const x = points.into(site, residual, norm(`L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, plainMlp(points, shape, site, x)));
    },
  });
}

/** Residual [batch, q, dModel] → logits [batch, q, vocabulary]. */
export const unembedGpt2 = (shape: Gpt2Shape, has: HasWeight, points: PatchPoints, residual: AnyValue): AnyValue =>
  unembedTokens(points, has, residual, layerNormNamed(points, has, shape, 'final.ln'), shape);

/** The model as an object that can be traced. `weights` are canonical (`checkpoint/canonical.ts`). */
export const gpt2Model = (
  name: string,
  shape: Gpt2Shape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject =>
  tokenModel({
    ...{ name, shape, weights, processing },
    mlp: shape.mlp,
    trace: (has, points) => traceGpt2(shape, has, points),
    unembed: (has, points, residual) => unembedGpt2(shape, has, points, residual),
  });
