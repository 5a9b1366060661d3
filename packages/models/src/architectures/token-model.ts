/** @file What all families are as objects: token ids in, logits out, a transformer's graph. */

import type { WeightStore } from '@auto-circuit/core/backend';
import { type AnyValue, elementCount, type ModelObject, type PatchPoints } from '@auto-circuit/core/plugin';
import type { HasWeight } from './layers.js';
import { stackHeads } from './stacked-weights.js';

/** What a model over tokens is made of. */
export interface TokenModelParts {
  readonly name: string;
  readonly shape: {
    readonly layers: number;
    readonly heads: number;
    /** Default: as many as `heads`. */
    readonly kvHeads?: number;
    readonly dModel: number;
    readonly vocabulary: number;
    /** Tokens of the longest prompt. Tables of rotary positions (`rope…`) may have fewer rows. */
    readonly positions: number;
  };
  /** Whether layers have an MLP. Default true. */
  readonly mlp?: boolean;
  /** By layer: the experts of its MLP, 0 for one that is whole. Default: all are whole. */
  readonly experts?: readonly number[];
  /** Whether attention and MLP of a layer read the same residual. Default false. */
  readonly parallel?: boolean;
  /** Both read it through one norm: the weights `ln2` are copies of `ln1`, and are not counted. Default false. */
  readonly sharedNorm?: boolean;
  /** See `ModelSpec`. Default false. */
  readonly headsWriteTogether?: boolean;
  /**
   * Whether prompts longer than this are computed with other numbers from their first token on, so that a prefix that was run by
   * itself is of no use to them; null (the default): none are.
   */
  readonly longBeyond?: number | null;
  /** Canonical (`checkpoint/canonical.ts`). */
  readonly weights: WeightStore;
  /** The steps that changed the weights on loading. */
  readonly processing: readonly string[];
  /** The forward pass from tokens int [batch, pos] to the residual [batch, pos, dModel]. */
  trace(has: HasWeight, points: PatchPoints): AnyValue;
  /** Residual [batch, q, dModel] → logits [batch, q, vocabulary]. */
  unembed(has: HasWeight, points: PatchPoints, residual: AnyValue): AnyValue;
}

/** A model over tokens as an object that can be traced. */
export function tokenModel({
  shape,
  mlp = true,
  experts,
  parallel = false,
  sharedNorm = false,
  headsWriteTogether,
  longBeyond = null,
  weights,
  trace,
  unembed,
  ...named
}: TokenModelParts): ModelObject {
  const { layers, heads, kvHeads = heads, dModel, vocabulary, positions } = shape;
  const stacked = stackHeads(weights, layers);
  const names = new Set(stacked.names);
  const has: HasWeight = (weight) => names.has(weight);
  const tables = weights.names.filter((name) => name.startsWith(TABLES));
  const rows = Math.min(positions, ...tables.map((name) => weights.entry(name).shape[0]!));
  return Object.freeze<ModelObject>({
    ...named,
    spec: {
      layout: { kind: 'transformer', layers, heads, kvHeads, dModel, mlp, parallel, ...(experts ? { experts } : {}) },
      input: { name: 'tokens', dtype: 'int', features: [] },
      outputSize: vocabulary,
      maxPositions: positions,
      ...(rows < positions ? { tablePositions: rows } : {}),
      takesPrefix: longBeyond === null || rows <= longBeyond,
      ...(headsWriteTogether ? { headsWriteTogether } : {}),
      parameters: parameterCount(weights, sharedNorm),
    },
    weights: stacked,
    trace: (points) => trace(has, rows < positions ? withRows(points, rows) : points),
    unembed: (points, residual) => unembed(has, points, residual),
  });
}

/** What the names of computed tables begin with. */
const TABLES = 'rope.';

/** A trace asks for tables of all positions, and gets those that there are. */
const withRows = (points: PatchPoints, rows: number): PatchPoints => ({
  ...points,
  weight: (name, shape) => points.weight(name, name.startsWith(TABLES) ? [rows, ...shape.slice(1)] : shape),
});

/** Numbers in all weights; tables that are computed (rotary) and copies do not count. */
const parameterCount = (weights: WeightStore, sharedNorm: boolean): number =>
  weights.names
    .filter((name) => !name.startsWith(TABLES) && !(sharedNorm && /\.ln2\.[wb]$/.test(name)))
    .reduce((n, name) => n + elementCount(weights.entry(name).shape), 0);
