/** @file GPT-NeoX (Pythia): rotary positions on part of each head, layer norms, attention and MLP in parallel or one after the other. */

import type { WeightStore } from '@auto-circuit/core/backend';
import type { AnyValue, ModelObject, Norm, PatchPoints } from '@auto-circuit/core/plugin';
import { addHeads, type DecoderShape, traceBlocks } from './blocks.js';
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

/** Sizes and settings of a GPT-NeoX. */
export interface NeoxShape extends DecoderShape {
  /** Dimensions of each head that are rotated; the rest pass as they are. */
  readonly dRotary: number;
  /** Whether attention and MLP of a block read the same residual. */
  readonly parallel: boolean;
}

/** The forward pass. Gives the residual [batch, pos, dModel] that the final norm reads. */
export function traceNeox(shape: NeoxShape, has: HasWeight, points: PatchPoints): AnyValue {
  const { builder: b } = points;
  const { heads, dModel, dHead, dRotary, vocabulary, positions } = shape;
  const tokens = points.input; // [batch, pos]
  const cos = points.weight('rope.cos', [positions, dRotary / 2]);
  const sin = points.weight('rope.sin', [positions, dRotary / 2]);
  const norm = (name: string): Norm => layerNormNamed(points, has, shape, name);
  const embedded = b.gather(points.weight('embed.W', [vocabulary, dModel]), tokens, 0); // [batch, pos, dModel]
  /** x [groups, heads per group, batch, pos, dHead] with its first `dRotary` dimensions rotated. */
  const rotated = (x: AnyValue): AnyValue => {
    const first = rotate(points, b.slice(x, 4, 0, dRotary), cos, sin);
    return dRotary === dHead ? first : b.concat([first, b.slice(x, 4, dRotary, dHead)], 4);
  };

  return traceBlocks(points, shape, embedded, {
    attention(l, residual) {
      const site = `L${l}.attn`;
      const { q, k, v } = readHeads(points, has, { ...shape, kvHeads: heads }, site, residual, norm(`L${l}.ln1`));
      const z = causalAttention(points, rotated(q), rotated(k), v, site); // [heads, batch, pos, dHead]
      return addHeads(points, site, residual, z, shape, has(`${site}.o.b`));
    },
    mlp(l, residual, before) {
      const site = `L${l}.mlp`;
      const x = points.into(site, shape.parallel ? before : residual, norm(`L${l}.ln2`)).mlp!; // [1, batch, pos, dModel]
      return b.add(residual, points.outOf(site, plainMlp(points, shape, site, x)));
    },
  });
}

/** The model as an object that can be traced. `weights` are canonical (`checkpoint/canonical.ts`). */
export const neoxModel = (
  name: string,
  shape: NeoxShape,
  weights: WeightStore,
  processing: readonly string[] = [],
): ModelObject =>
  tokenModel({
    ...{ name, shape, weights, processing },
    parallel: shape.parallel,
    trace: (has, points) => traceNeox(shape, has, points),
    unembed: (has, points, residual) =>
      unembedTokens(points, has, residual, layerNormNamed(points, has, shape, 'final.ln'), shape),
  });
