/** @file Llama, Qwen 2, Mistral: rotary positions, RMS norm, grouped queries, SwiGLU; some with sliding windows. */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { addHeads, type DecoderShape, traceBlocks } from './blocks.js';
import { causalAttention, gatedMlp, type HasWeight, readHeads, rmsNormNamed, rotate, unembedTokens } from './layers.js';
import { tokenModel } from './token-model.js';

/** Sizes and settings of a Llama. */
export interface LlamaShape extends DecoderShape {
  /** Heads of keys and values; query heads share them in groups. */
  readonly kvHeads: number;
  /** How many keys the queries of each layer see; null for all. Default all, in every layer. */
  readonly windows?: readonly (number | null)[];
}

/** The forward pass. Gives the residual [batch, pos, dModel] that the final norm reads. */
export function traceLlama(shape: LlamaShape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { dModel, dHead, vocabulary, positions, windows } = shape;
  const tokens = points.input; // [batch, pos]
  const cos = points.weight('rope.cos', [positions, dHead / 2]);
  const sin = points.weight('rope.sin', [positions, dHead / 2]);
  const norm = (name: string): Norm => rmsNormNamed(points, has, shape, name);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]

  return traceBlocks(points, shape, embedded, {
    attention(l, residual) {
      const site = `L${l}.attn`;
      const { q, k, v } = readHeads(points, has, shape, site, residual, norm(`L${l}.ln1`));
      const rotated = [rotate(points, q, cos, sin), rotate(points, k, cos, sin)] as const;
      const z = causalAttention(points, ...rotated, v, site, { window: windows?.[l] ?? null }); // [heads, batch, pos, dHead]
      return addHeads(points, site, residual, z, shape, has(`${site}.o.b`));
    },
    mlp(l, residual) {
      const site = `L${l}.mlp`;
      const x = points.into(site, residual, norm(`L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, gatedMlp(points, shape, site, x, has)));
    },
  });
}

/** The model as an object that can be traced. `weights` are canonical (`checkpoint/canonical.ts`). */
export const llamaModel = (
  name: string,
  shape: LlamaShape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject =>
  tokenModel({
    ...{ name, shape, weights, processing },
    trace: (has, points) => traceLlama(shape, has, points),
    unembed: (has, points, residual) =>
      unembedTokens(points, has, residual, rmsNormNamed(points, has, shape, 'final.ln'), shape),
  });
