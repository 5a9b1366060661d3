/** @file Norms of queries and keys: over each head, with the same or with its own weights, or over all heads together. */
import {
  type AnyValue,
  type Norm,
  normalize,
  normed,
  type PatchPoints,
  type ProgramBuilder,
} from '@auto-circuit/core/plugin';
import type { HasWeight } from './layers.js';

/**
 * What is normed together and by which weights: `shared`, every head by the same ones [dHead]; `own`, every head by its own
 * [heads, dHead]; `across`, the numbers of all heads as one vector [heads, dHead].
 */
export type HeadNorms = 'shared' | 'own' | 'across';

/** What a norm of queries or keys needs to know. */
export interface HeadNormShape {
  readonly kind: Norm['kind'];
  readonly epsilon: number;
  readonly dHead: number;
  /** Heads of the checkpoint: of queries, or of keys. */
  readonly heads: number;
  readonly norms: HeadNorms;
}

/**
 * The norm NAME of x [groups, heads per group, batch, pos, dHead], with the weights `NAME.w` and `NAME.b`, where it has them.
 * A mode may give every query head keys of its own: a norm across heads is then over all of these, which changes nothing where
 * they are equal.
 */
export function normHeads(
  points: PatchPoints,
  has: HasWeight,
  name: string,
  x: AnyValue,
  { kind, epsilon, dHead, heads, norms }: HeadNormShape,
): AnyValue {
  const { builder: b } = points;
  const shape = norms === 'shared' ? [dHead] : [heads, dHead];
  const [weight, bias] = (['w', 'b'] as const).map((part) =>
    has(`${name}.${part}`) ? points.weight(`${name}.${part}`, shape) : null,
  );
  const bare = { kind, epsilon, role: name };
  if (norms === 'shared') return normed(b, x, { ...bare, weight: weight ?? null, bias: bias ?? null });
  const value = norms === 'own' ? normalize(b, x, bare).value : acrossHeads(b, x, bare);
  const scaled = weight ? b.mul(value, forHeadsOf(b, x, weight)) : value;
  return bias ? b.add(scaled, forHeadsOf(b, x, bias)) : scaled;
}

/** x [groups, heads per group, batch, pos, dHead], all heads of a token normed as one vector. */
function acrossHeads(b: ProgramBuilder, x: AnyValue, norm: Pick<Norm, 'kind' | 'epsilon' | 'role'>): AnyValue {
  const [groups, perGroup, batch, pos, dHead] = x.shape as [number, number, ...AnyValue['shape']];
  const byToken = b.transpose(x, [2, 3, 0, 1, 4]); // [batch, pos, groups, heads per group, dHead]
  const vectors = b.reshape(byToken, [batch!, pos!, groups * perGroup * (dHead as number)]);
  const { value } = normalize(b, vectors, norm);
  return b.transpose(b.reshape(value, byToken.shape), [2, 3, 0, 1, 4]);
}

/** Weights [heads, dHead] as they fit x [groups, heads per group, …], which may hold a head of keys for each query head. */
function forHeadsOf(b: ProgramBuilder, x: AnyValue, weight: AnyValue): AnyValue {
  const [groups, perGroup] = x.shape as [number, number];
  const [heads, dHead] = weight.shape as [number, number];
  if (groups * perGroup === heads) return b.reshape(weight, [groups, perGroup, 1, 1, dHead]);
  if (groups === heads) return b.reshape(weight, [groups, 1, 1, 1, dHead]);
  const repeated = b.broadcast(b.reshape(weight, [heads, 1, dHead]), [heads, (groups * perGroup) / heads, dHead]);
  return b.reshape(repeated, [groups, perGroup, 1, 1, dHead]);
}
