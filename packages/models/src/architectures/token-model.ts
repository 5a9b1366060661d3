/** @file What the families share as objects: token ids in, logits out, a transformer's graph. */

import type { WeightStore } from '@auto-circuit/core/backend';
import {
  type AnyValue,
  elementCount,
  type ModelObject,
  type PatchPoints,
  type TransformerLayout,
} from '@auto-circuit/core/plugin';
import type { HasWeight } from './layers.js';
import { stackHeads } from './stacked-weights.js';

export interface TokenModelParts {
  readonly name: string;
  readonly layout: Omit<TransformerLayout, 'kind'>;
  readonly vocabulary: number;
  readonly positions: number;
  /** See `ModelSpec`. */
  readonly headsWriteTogether?: boolean;
  /** Canonical (see `checkpoint/`). */
  readonly weights: WeightStore;
  readonly processing: readonly string[];
  trace(has: HasWeight, points: PatchPoints): AnyValue;
  unembed(has: HasWeight, points: PatchPoints, residual: AnyValue): AnyValue;
}

export function tokenModel({
  name,
  layout,
  vocabulary,
  positions,
  headsWriteTogether,
  weights,
  processing,
  trace,
  unembed,
}: TokenModelParts): ModelObject {
  const stacked = stackHeads(weights, layout.layers);
  const names = new Set(stacked.names);
  const has: HasWeight = (weight) => names.has(weight);
  return Object.freeze<ModelObject>({
    name,
    spec: {
      layout: { kind: 'transformer', ...layout },
      input: { name: 'tokens', dtype: 'int', features: [] },
      outputSize: vocabulary,
      maxPositions: positions,
      takesPrefix: true,
      ...(headsWriteTogether ? { headsWriteTogether } : {}),
      parameters: parameterCount(weights),
    },
    weights: stacked,
    processing,
    trace: (points) => trace(has, points),
    unembed: (points, residual) => unembed(has, points, residual),
  });
}

/** Numbers in all weights; tables that are computed (rotary) do not count. */
const parameterCount = (weights: WeightStore): number =>
  weights.names
    .filter((name) => !name.startsWith('rope.'))
    .reduce((n, name) => n + elementCount(weights.entry(name).shape), 0);
