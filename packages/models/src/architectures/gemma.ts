/**
 * @file Gemma 2 and 3: scaled embeddings, RMS norms before and after attention and MLP, sliding windows in most layers, a gated
 * MLP; Gemma 2 caps its scores and logits, Gemma 3 norms its queries and keys and rotates them with another base in sliding layers.
 */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { normed } from '@auto-circuit/core/plugin';
import { type DecoderShape, traceBlocks, writeNormed } from './blocks.js';
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

/** Sizes and settings of a Gemma. */
export interface GemmaShape extends DecoderShape {
  /** Heads of keys and values; query heads share them in groups. */
  readonly kvHeads: number;
  /** How many keys the queries of each layer see; null for all. */
  readonly windows: readonly (number | null)[];
  /** What q·k is multiplied by. */
  readonly attentionScale: number;
  /** Bounds of the scores and of the logits; null for none. */
  readonly scoreCap: number | null;
  readonly logitCap: number | null;
}

/** The forward pass. Gives the residual [batch, pos, dModel] that the final norm reads. */
export function traceGemma(shape: GemmaShape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { heads, dModel, dHead, vocabulary, positions, windows } = shape;
  const tokens = points.input; // [batch, pos]
  const norm = (name: string, size = dModel): Norm => rmsNormNamed(points, has, { ...shape, dModel: size }, name);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]

  return traceBlocks(points, shape, b.mul(embedded, Math.sqrt(dModel)), {
    attention(l, residual) {
      const [window, site] = [windows[l]!, `L${l}.attn`];
      const rope = window !== null && has('rope.local.cos') ? 'rope.local' : 'rope'; // sliding layers may have a base of their own
      /** x [groups, heads per group, batch, pos, dHead], normed where the model norms it, and rotated. */
      const rotated = (x: AnyValue, input: 'q' | 'k'): AnyValue => {
        const y = has(`${site}.${input}.norm.w`) ? normed(b, x, norm(`${site}.${input}.norm`, dHead)) : x;
        const [cos, sin] = ['cos', 'sin'].map((name) => points.weight(`${rope}.${name}`, [positions, dHead / 2]));
        return rotate(points, y, cos!, sin!);
      };
      const form: AttentionForm = { scale: shape.attentionScale, softCap: shape.scoreCap, window };
      const { q, k, v } = readHeads(points, has, shape, site, residual, norm(`L${l}.ln1`));
      const z = causalAttention(points, rotated(q, 'q'), rotated(k, 'k'), v, site, form); // [heads, batch, pos, dHead]
      const output = points.weight(`${site}.o.W`, [heads, dHead, dModel]);
      return b.add(residual, writeNormed(points, site, z, output, norm(`${site}.post`)));
    },
    mlp(l, residual) {
      const site = `L${l}.mlp`;
      const x = points.into(site, residual, norm(`L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
      const out = gatedMlp(points, shape, site, x); // [1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, normed(b, out, norm(`${site}.post`))));
    },
  });
}

/** Residual [batch, q, dModel] → logits [batch, q, vocabulary]. */
function unembedGemma(shape: GemmaShape, has: HasWeight, points: PatchPoints, residual: AnyValue): AnyValue {
  const logits = unembedTokens(points, has, residual, rmsNormNamed(points, has, shape, 'final.ln'), shape);
  return shape.logitCap === null ? logits : softCap(points.builder, logits, shape.logitCap);
}

/** The model as an object that can be traced. `weights` are canonical (`checkpoint/canonical.ts`). */
export const gemmaModel = (
  name: string,
  shape: GemmaShape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject =>
  tokenModel({
    ...{ name, shape, weights, processing },
    headsWriteTogether: true,
    trace: (has, points) => traceGemma(shape, has, points),
    unembed: (has, points, residual) => unembedGemma(shape, has, points, residual),
  });
