/**
 * @file The layers that architectures are made of, as program fragments. Composites are marked (`gelu`, `silu`, …), so that a
 * backend may compute them in one step.
 */

import { addDims, type Dim, dimsEqual, geluTanhSlope, multiplyDims } from '@auto-circuit/core/backend';
import {
  type AnyValue,
  type HeadInputs,
  type HeadProjection,
  joinedBias,
  type Norm,
  normed,
  type PatchPoints,
  type ProgramBuilder,
} from '@auto-circuit/core/plugin';
import { unsupportedName } from '../checkpoint/errors.js';

/** Whether the model has a weight of this name: folding removes some weights and adds others. */
export type HasWeight = (weight: string) => boolean;

interface NormShape {
  readonly epsilon: number;
  readonly dModel: number;
}
/** A norm with the weights `NAME.w` and `NAME.b`, where they are not folded into the next matrix. */
const namedNorm =
  (kind: Norm['kind']) =>
  (points: PatchPoints, has: HasWeight, { epsilon, dModel }: NormShape, name: string): Norm => {
    const weight = (part: 'w' | 'b'): AnyValue | null =>
      has(`${name}.${part}`) ? points.weight(`${name}.${part}`, [dModel]) : null;
    return { kind, epsilon, weight: weight('w'), bias: weight('b'), role: name };
  };
/**
 * The layer norm NAME over [..., dModel]: its weight `NAME.w` and bias `NAME.b` [dModel], each null where it is folded away.
 */
export const layerNormNamed = namedNorm('layerNorm');
/** The RMS norm NAME over [..., dModel]: its weight `NAME.w` [dModel], null where it is folded away. */
export const rmsNormNamed = namedNorm('rmsNorm');

/** Residual [batch, q, dModel] → logits [batch, q, vocabulary]; tied models have no unembedding of their own. */
export function unembedTokens(
  points: PatchPoints,
  has: HasWeight,
  residual: AnyValue,
  norm: Norm,
  shape: { readonly vocabulary: number; readonly dModel: number },
): AnyValue {
  const { builder: b } = points;
  const [batch, q] = residual.shape;
  const x = normed(b, residual, norm);
  const weight = points.weight(has('unembed.W') ? 'unembed.W' : 'embed.W', [shape.vocabulary, shape.dModel]);
  const logits = b.matmul(asMatrix(b, x), weight, { transposeB: true }); // [batch·q, vocabulary]
  const biased = has('unembed.b') ? b.add(logits, points.weight('unembed.b', [shape.vocabulary])) : logits;
  return b.reshape(biased, [batch!, q!, shape.vocabulary]);
}

/**
 * Activations by the name that config.json gives them. Each is x times a slope, act(x)/x, which has the role `SITE.slope`
 * (erf GELU: twice it). relu has none: its derivative is act(x)/x.
 */
export const ACTIVATIONS: Readonly<Record<string, (b: ProgramBuilder, x: AnyValue, site: string) => AnyValue>> = {
  relu: (b, x) => b.relu(x),
  /** relu(x)² = x · relu(x). */
  relu2: (b, x, site) => b.mul(x, b.role(b.relu(x), `${site}.slope`)),
  gelu: geluErf,
  gelu_python: geluErf,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_accurate: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  gelu_python_tanh: geluTanh,
  /** x · σ(1.702·x) (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415). */
  quick_gelu: (b, x, site) => b.mul(x, b.role(b.sigmoid(b.mul(x, 1.702)), `${site}.slope`)),
  silu,
  swish: silu,
};
/** @throws AutoCircuitError for an activation that is not built */
export function activationNamed(name: string): string {
  if (!Object.hasOwn(ACTIVATIONS, name))
    throw unsupportedName('hidden_act', 'activation function', name, Object.keys(ACTIVATIONS));
  return name;
}
/** x · Φ(x), by the error function. */
function geluErf(b: ProgramBuilder, x: AnyValue, site: string): AnyValue {
  const twice = b.role(b.add(b.erf(b.mul(x, Math.SQRT1_2)), 1), `${site}.slope`);
  return b.composite(b.mul(x, b.mul(twice, 0.5)), 'gelu', [x]);
}
/** x · σ(x). */
function silu(b: ProgramBuilder, x: AnyValue, site: string): AnyValue {
  return b.composite(b.mul(x, b.role(b.sigmoid(x), `${site}.slope`)), 'silu', [x]);
}
/** x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))). */
function geluTanh(b: ProgramBuilder, x: AnyValue, site: string): AnyValue {
  return b.composite(b.mul(x, b.role(geluTanhSlope(b, x), `${site}.slope`)), 'geluTanh', [x]);
}

/** How many heads there are, and their size. */
export interface AttentionShape {
  readonly heads: number;
  /** Heads of keys and values; queries share them in groups. */
  readonly kvHeads: number;
  readonly dModel: number;
  readonly dHead: number;
}

/**
 * Queries, keys and values after the norm: q [kvHeads, heads per KV head, batch, pos, dHead], k and v the same, or with 1 for
 * heads per KV head. One product for the three where graph and weights allow it (`SITE.qkv.W` [3 · heads, dHead, dModel]).
 */
export function readHeads(
  points: PatchPoints,
  has: HasWeight,
  { heads, kvHeads, dModel, dHead }: AttentionShape,
  site: string,
  residual: AnyValue,
  norm: Norm | null,
): HeadInputs {
  const { builder: b } = points;
  const projection = (input: 'q' | 'k' | 'v', count: number): HeadProjection => ({
    weight: points.weight(`${site}.${input}.W`, [count, dHead, dModel]),
    bias: has(`${site}.${input}.b`) ? points.weight(`${site}.${input}.b`, [count, dHead]) : null,
  });
  const apart = { q: projection('q', heads), k: projection('k', kvHeads), v: projection('v', kvHeads) };
  const stacked = has(`${site}.qkv.W`)
    ? { weight: points.weight(`${site}.qkv.W`, [3 * heads, dHead, dModel]), bias: joinedBias(b, apart) }
    : null;
  const { q, k, v } = points.intoHeads(site, residual, norm, { ...apart, stacked });
  const [groups, , batch, pos] = k.shape as [Dim, Dim, Dim, Dim];
  if (dimsEqual(q.shape[0]!, groups)) return { q, k, v };
  return { q: b.reshape(q, [groups, heads / kvHeads, batch, pos, dHead]), k, v };
}

/** What some families change about attention. */
export interface AttentionForm {
  /** What q·k is multiplied by. Default 1/√dHead. */
  readonly scale?: number;
  /** Bounds the scores smoothly (Gemma 2). Default none. */
  readonly softCap?: number | null;
  /** How many keys a query sees, its own position among them (sliding windows). Default all before it. */
  readonly window?: number | null;
  /** Attention with linear biases (Press et al. 2021, https://arxiv.org/abs/2108.12409): by head, what a score falls by for each position between query and key. Default none. All heads must be there. */
  readonly slopes?: readonly number[] | null;
  /** A score for each head [heads] beside those of the keys, for a share of the softmax that brings no value. Default none. */
  readonly sinks?: AnyValue | null;
}

/**
 * Causal attention. q [groups, heads per group, batch, pos, dHead]; k and v the same, or with 1 for heads per group.
 * Gives z, every head's weighted values before the output projection: [heads, batch, pos, dHead].
 */
export function causalAttention(
  points: PatchPoints,
  q: AnyValue,
  ownKeys: AnyValue,
  ownValues: AnyValue,
  role: string,
  { scale, softCap: cap = null, window = null, slopes = null, sinks = null }: AttentionForm = {},
): AnyValue {
  const { builder: b, prefix } = points;
  const [groups, perGroup, batch, pos, dHead] = q.shape as [Dim, Dim, Dim, Dim, number];
  const { k, v } = points.withPrefix(role, ownKeys, ownValues); // [groups, heads per group or 1, batch, keys, dHead]
  const [query, key, value] = [b.role(q, `${role}.q`), b.role(k, `${role}.k`), b.role(v, `${role}.v`)];
  const products = b.matmul(b.mul(query, scale ?? 1 / Math.sqrt(dHead)), key, { transposeB: true }); // [groups, heads per group, batch, pos, pos]
  const capped = cap === null ? products : softCap(b, products, cap);
  const biased = slopes ? b.add(capped, linearBiases(b, slopes, q.shape, prefix)) : capped;
  const scores = b.role(biased, `${role}.scores`);
  const visible = b.where(visibleKeys(b, pos, prefix, window), scores, HIDDEN);
  const pattern = b.role(b.softmax(sinks ? withSinks(b, visible, sinks) : visible), `${role}.pattern`);
  const ofKeys = sinks ? b.slice(pattern, 4, 0, addDims(prefix, pos)) : pattern;
  const z = b.matmul(ofKeys, value); // [groups, heads per group, batch, pos, dHead]
  return b.role(b.reshape(z, [multiplyDims(groups, perGroup), batch, pos, dHead]), `${role}.z`);
}
/** Far below any score, so that exp gives exactly 0, and finite, so that no runtime makes NaN of it. */
const HIDDEN = -1e9;

/** Scores [groups, heads per group, batch, pos, keys], and after the keys one more: the sink of each head. */
function withSinks(b: ProgramBuilder, scores: AnyValue, sinks: AnyValue): AnyValue {
  const [groups, perGroup, batch, pos] = scores.shape as [Dim, Dim, Dim, Dim];
  const byHead = b.reshape(sinks, [groups, perGroup, 1, 1, 1]);
  return b.concat([scores, b.broadcast(byHead, [groups, perGroup, batch, pos, 1])], 4);
}

/** −slope · (query − key) of each head: [groups, heads per group, 1, pos, keys]. Keys after the query are hidden anyway. */
function linearBiases(b: ProgramBuilder, slopes: readonly number[], q: AnyValue['shape'], prefix: number): AnyValue {
  const [groups, perGroup, , pos] = q as [Dim, Dim, Dim, Dim];
  const [own, key] = [b.iota([pos, 1], 0), b.iota([1, addDims(prefix, pos)], 1)];
  const distance = b.cast(b.sub(key, b.add(own, prefix)), 'float'); // [pos, keys]
  return b.mul(distance, b.constant(slopes, [groups, perGroup, 1, 1, 1]));
}

/**
 * Which keys a query sees: those up to its own position, and of these the last `window`. bool [pos query, keys]; the keys of
 * a prefix come first.
 */
function visibleKeys(b: ProgramBuilder, pos: Dim, prefix: number, window: number | null): AnyValue {
  const [own, key] = [b.iota([pos, 1], 0), b.iota([1, addDims(prefix, pos)], 1)];
  const query = prefix === 0 ? own : b.add(own, prefix);
  const causal = b.lessEqual(key, query);
  return window === null ? causal : b.and(causal, b.less(query, b.add(key, window)));
}

/** cap · tanh(x / cap): near x where x is small, and never beyond ±cap. */
export const softCap = (b: ProgramBuilder, x: AnyValue, cap: number): AnyValue => b.mul(b.tanh(b.mul(x, 1 / cap)), cap);

/** What an MLP needs to know. */
export interface MlpShape {
  readonly dModel: number;
  readonly dMlp: number;
  readonly activation: string;
}
/**
 * act(x·W_in + b_in)·W_out + b_out with the weights `SITE.in` and `SITE.out`: x [rows, batch, pos, dModel] → the same.
 * @param has which biases there are; default both
 */
export function plainMlp(
  points: PatchPoints,
  { dModel, dMlp, activation }: MlpShape,
  site: string,
  x: AnyValue,
  has: HasWeight = () => true,
): AnyValue {
  const { builder: b, weight } = points;
  const biased = biasedBy(points, has);
  const inner = biased(b.matmul(asMatrix(b, x), weight(`${site}.in.W`, [dModel, dMlp])), `${site}.in.b`, dMlp);
  const active = b.role(ACTIVATIONS[activation]!(b, inner, site), `${site}.act`); // [tokens, dMlp]
  const out = biased(b.matmul(active, weight(`${site}.out.W`, [dMlp, dModel])), `${site}.out.b`, dModel);
  return b.reshape(out, x.shape);
}

/**
 * (act(x·W_gateᵀ) ⊙ x·W_upᵀ)·W_downᵀ with the weights `SITE.gate`, `SITE.up`, `SITE.down`: x [rows, batch, pos, dModel] → the
 * same.
 * @param has which biases there are (`SITE.gate.b`, …); default none
 */
export function gatedMlp(
  points: PatchPoints,
  { dModel, dMlp, activation }: MlpShape,
  site: string,
  x: AnyValue,
  has: HasWeight = () => false,
): AnyValue {
  const { builder: b, weight } = points;
  const biased = biasedBy(points, has);
  const rows = asMatrix(b, x); // [tokens, dModel]
  const read = (part: 'gate' | 'up'): AnyValue =>
    biased(
      b.matmul(rows, weight(`${site}.${part}.W`, [dMlp, dModel]), { transposeB: true }),
      `${site}.${part}.b`,
      dMlp,
    ); // [tokens, dMlp]
  const gate = ACTIVATIONS[activation]!(b, read('gate'), site);
  const up = b.role(read('up'), `${site}.up`);
  const active = b.role(b.mul(b.role(gate, `${site}.gate`), up), `${site}.act`); // [tokens, dMlp]
  const product = b.matmul(active, weight(`${site}.down.W`, [dModel, dMlp]), { transposeB: true }); // [tokens, dModel]
  return b.reshape(biased(product, `${site}.down.b`, dModel), x.shape);
}
/** x [..., size] with the bias of that name, where there is one. */
const biasedBy =
  ({ builder: b, weight }: PatchPoints, has: HasWeight) =>
  (x: AnyValue, name: string, size: number): AnyValue =>
    has(name) ? b.add(x, weight(name, [size])) : x;

/**
 * Rotary positions (RoFormer, Su et al. 2021, https://arxiv.org/abs/2104.09864; the rotate-half convention): x·cos +
 * (−second half, first half)·sin. The tables [positions, dHead / 2], the same for both halves, are applied to
 * x [groups, heads, batch, pos, dHead].
 */
export function rotate({ builder: b, prefix }: PatchPoints, x: AnyValue, cos: AnyValue, sin: AnyValue): AnyValue {
  const stop = addDims(prefix, x.shape[3]!);
  const half = (x.shape[4] as number) / 2;
  const ofBoth = (table: AnyValue): AnyValue => {
    const rows = b.slice(table, 0, prefix, stop); // [pos, dHead / 2]
    return b.concat([rows, rows], 1); // [pos, dHead]
  };
  const swapped = b.concat([b.neg(b.slice(x, 4, half, 2 * half)), b.slice(x, 4, 0, half)], 4); // [groups, heads, batch, pos, dHead]
  return b.add(b.mul(x, ofBoth(cos)), b.mul(swapped, ofBoth(sin)));
}

/** x [..., dModel] as a matrix [tokens, dModel]. */
export const asMatrix = (b: ProgramBuilder, x: AnyValue): AnyValue =>
  b.reshape(x, [multiplyDims(...x.shape.slice(0, -1)), x.shape.at(-1)!]);
