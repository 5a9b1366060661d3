/**
 * @file The layers that architectures are made of, as program fragments. Composites are marked (`layerNorm`, `gelu`, …), so
 * that a backend may compute them in one step.
 */
import {
  type AnyValue,
  type Dim,
  multiplyDims,
  type PatchPoints,
  type ProgramBuilder,
  unknownName,
} from '@auto-circuit/core';

/** (x − mean) · rsqrt(var + epsilon) over the last axis, no weights. */
export function layerNorm(b: ProgramBuilder, x: AnyValue, epsilon: number, role: string): AnyValue {
  const centred = b.sub(x, b.mean(x, -1, true));
  const variance = b.mean(b.mul(centred, centred), -1, true);
  const scale = b.role(b.rsqrt(b.add(variance, epsilon)), `${role}.scale`);
  return b.composite(b.role(b.mul(centred, scale), `${role}.normalized`), 'layerNorm', [x], { epsilon });
}

/** x · rsqrt(mean(x²) + epsilon) over the last axis, no weights. */
export function rmsNorm(b: ProgramBuilder, x: AnyValue, epsilon: number, role: string): AnyValue {
  const scale = b.role(b.rsqrt(b.add(b.mean(b.mul(x, x), -1, true), epsilon)), `${role}.scale`);
  return b.composite(b.role(b.mul(x, scale), `${role}.normalized`), 'rmsNorm', [x], { epsilon });
}

/** What of a checkpoint is there: folding removes some weights and makes others. */
export type Has = (weight: string) => boolean;

/** Layer norm with the weights `NAME.w` and `NAME.b`, where they are not folded into the next matrix. */
export function layerNormNamed(
  points: PatchPoints,
  has: Has,
  x: AnyValue,
  { epsilon, dModel }: NormShape,
  name: string,
): AnyValue {
  return withNormWeights(points, has, layerNorm(points.builder, x, epsilon, name), dModel, name);
}
/** RMS norm with the weight `NAME.w`, where it is not folded into the next matrix. */
export function rmsNormNamed(
  points: PatchPoints,
  has: Has,
  x: AnyValue,
  { epsilon, dModel }: NormShape,
  name: string,
): AnyValue {
  return withNormWeights(points, has, rmsNorm(points.builder, x, epsilon, name), dModel, name);
}
interface NormShape {
  readonly epsilon: number;
  readonly dModel: number;
}
function withNormWeights(
  { builder: b, weight }: PatchPoints,
  has: Has,
  normalized: AnyValue,
  dModel: number,
  name: string,
): AnyValue {
  const scaled = has(`${name}.w`) ? b.mul(normalized, weight(`${name}.w`, [dModel])) : normalized;
  return has(`${name}.b`) ? b.add(scaled, weight(`${name}.b`, [dModel])) : scaled;
}

/** Normalized residual [batch, q, dModel] → logits [batch, q, vocabulary]; tied models have no unembedding of their own. */
export function unembedTokens(
  points: PatchPoints,
  has: Has,
  x: AnyValue,
  shape: { readonly vocabulary: number; readonly dModel: number },
): AnyValue {
  const { builder: b } = points;
  const [batch, q] = x.shape;
  const weight = points.weight(has('unembed.W') ? 'unembed.W' : 'embed.W', [shape.vocabulary, shape.dModel]);
  const logits = b.matmul(asMatrix(b, x), weight, { transposeB: true }); // [batch·q, vocabulary]
  const biased = has('unembed.b') ? b.add(logits, points.weight('unembed.b', [shape.vocabulary])) : logits;
  return b.reshape(biased, [batch!, q!, shape.vocabulary]);
}

const GELU_TANH = { scale: Math.sqrt(2 / Math.PI), cubic: 0.044715 };

/** Activations by the name that config.json gives them. */
export const ACTIVATIONS: Readonly<Record<string, (b: ProgramBuilder, x: AnyValue) => AnyValue>> = {
  relu: (b, x) => b.relu(x),
  gelu: (b, x) => b.composite(b.mul(b.mul(x, 0.5), b.add(b.erf(b.mul(x, Math.SQRT1_2)), 1)), 'gelu', [x]),
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  silu: (b, x) => b.composite(b.mul(x, b.sigmoid(x)), 'silu', [x]),
};
/** @throws AutoCircuitError for an activation that is not built */
export function activationNamed(name: string): string {
  if (!(name in ACTIVATIONS)) throw unknownName('checkpoint', 'activation function', name, Object.keys(ACTIVATIONS));
  return name;
}
/** x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³))). */
function geluTanh(b: ProgramBuilder, x: AnyValue): AnyValue {
  const cubic = b.add(b.mul(b.mul(b.mul(x, x), x), GELU_TANH.cubic), x);
  const gate = b.add(b.tanh(b.mul(cubic, GELU_TANH.scale)), 1);
  return b.composite(b.mul(b.mul(x, 0.5), gate), 'geluTanh', [x]);
}

/**
 * One projection for each head, grouped: x [heads or groups or 1, batch, pos, dModel] and a weight [groups, width, dModel]
 * → [groups, heads per group or 1, batch, pos, width].
 */
export function headProjection(b: ProgramBuilder, x: AnyValue, weight: AnyValue, bias: AnyValue | null): AnyValue {
  const [rows, batch, pos, dModel] = x.shape as [number, Dim, Dim, Dim];
  const [groups, width] = weight.shape as [number, number];
  const tokens = multiplyDims(batch, pos);
  const [outer, inner] = rows === 1 ? [1, 1] : [groups, rows / groups];
  const flat = b.reshape(x, [outer, inner, tokens, dModel]); // [groups or 1, heads per group, batch·pos, dModel]
  let out = b.matmul(flat, b.reshape(weight, [groups, 1, width, dModel]), { transposeB: true }); // [groups, heads per group, batch·pos, width]
  if (bias) out = b.add(out, b.reshape(bias, [groups, 1, 1, width]));
  return b.reshape(out, [groups, inner, batch, pos, width]);
}

/** What attention needs to know of itself. */
export interface AttentionShape {
  readonly heads: number;
  readonly dModel: number;
  readonly dHead: number;
}
export type HeadInputs = Readonly<Record<'q' | 'k' | 'v', AnyValue>>;

/**
 * Queries, keys and values of all heads, each [heads, 1, batch, pos, dHead]: with one product for the three where the graph
 * and the weights allow it (`PREFIX.qkv.W` [3 · heads, dHead, dModel]).
 * @param norm the norm before attention; applied to whatever shape is read
 */
export function readHeads(
  points: PatchPoints,
  has: Has,
  { heads, dModel, dHead }: AttentionShape,
  site: string,
  residual: AnyValue,
  norm: (x: AnyValue) => AnyValue,
): HeadInputs {
  const { builder: b } = points;
  const bias = (input: string): AnyValue | null =>
    has(`${site}.${input}.b`) ? points.weight(`${site}.${input}.b`, [heads, dHead]) : null;
  const stacked = has(`${site}.qkv.W`) ? points.intoStacked(site, residual) : null; // [3 · heads or 1, batch, pos, dModel]
  if (stacked) {
    const biases = [bias('q'), bias('k'), bias('v')];
    const joined = biases.every((x) => x !== null) ? b.concat(biases, 0) : null; // [3 · heads, dHead]
    const all = headProjection(b, norm(stacked), points.weight(`${site}.qkv.W`, [3 * heads, dHead, dModel]), joined);
    return {
      q: b.slice(all, 0, 0, heads),
      k: b.slice(all, 0, heads, 2 * heads),
      v: b.slice(all, 0, 2 * heads, 3 * heads),
    };
  }
  const reads = points.into(site, residual); // each [heads or 1, batch, pos, dModel]
  const head = (input: 'q' | 'k' | 'v'): AnyValue =>
    headProjection(b, norm(reads[input]!), points.weight(`${site}.${input}.W`, [heads, dHead, dModel]), bias(input));
  return { q: head('q'), k: head('k'), v: head('v') };
}

/**
 * Causal attention. q [groups, heads per group, batch, pos, dHead]; k and v the same, or with 1 for heads per group.
 * Gives z, every head's weighted values before the output projection: [heads, batch, pos, dHead].
 */
export function causalAttention(b: ProgramBuilder, q: AnyValue, k: AnyValue, v: AnyValue, role: string): AnyValue {
  const [groups, perGroup, batch, pos, dHead] = q.shape as [number, number, Dim, Dim, number];
  const scores = b.matmul(b.mul(q, 1 / Math.sqrt(dHead)), k, { transposeB: true }); // [groups, heads per group, batch, pos, pos]
  const visible = b.lessEqual(b.iota([1, pos], 1), b.iota([pos, 1], 0)); // [pos query, pos key]
  const pattern = b.role(b.softmax(b.where(visible, scores, HIDDEN)), `${role}.pattern`);
  const z = b.matmul(pattern, v); // [groups, heads per group, batch, pos, dHead]
  return b.role(b.reshape(z, [groups * perGroup, batch, pos, dHead]), `${role}.z`);
}
/** Far below any score, so that exp gives exactly 0, and finite, so that no runtime makes NaN of it. */
const HIDDEN = -1e9;

/** What a plain MLP needs to know of itself. */
export interface MlpShape {
  readonly dModel: number;
  readonly dMlp: number;
  readonly activation: string;
}
/** act(x·W_in + b_in)·W_out + b_out with the weights `SITE.in` and `SITE.out`: x [1, batch, pos, dModel] → [batch, pos, dModel]. */
export function plainMlp(
  points: PatchPoints,
  { dModel, dMlp, activation }: MlpShape,
  site: string,
  x: AnyValue,
): AnyValue {
  const { builder: b, weight } = points;
  const [batch, pos] = x.shape.slice(-3) as [Dim, Dim, Dim];
  const inner = b.add(b.matmul(asMatrix(b, x), weight(`${site}.in.W`, [dModel, dMlp])), weight(`${site}.in.b`, [dMlp]));
  const active = b.role(ACTIVATIONS[activation]!(b, inner), `${site}.act`); // [batch·pos, dMlp]
  const out = b.add(b.matmul(active, weight(`${site}.out.W`, [dMlp, dModel])), weight(`${site}.out.b`, [dModel]));
  return b.reshape(out, [batch, pos, dModel]);
}

/** Rotary tables [positions, dHead] applied to x [groups, heads, batch, pos, dHead]: x·cos + (−second half, first half)·sin. */
export function rotate(b: ProgramBuilder, x: AnyValue, cos: AnyValue, sin: AnyValue): AnyValue {
  const pos = x.shape[3]!;
  const half = (x.shape[4] as number) / 2;
  const turned = b.concat([b.neg(b.slice(x, 4, half, 2 * half)), b.slice(x, 4, 0, half)], 4);
  return b.add(b.mul(x, b.slice(cos, 0, 0, pos)), b.mul(turned, b.slice(sin, 0, 0, pos)));
}

/** The tokens of [rows, batch, pos, dModel] (rows 1) or [batch, pos, dModel] as a matrix [batch·pos, dModel]. */
export function asMatrix(b: ProgramBuilder, x: AnyValue): AnyValue {
  const [batch, pos, dModel] = x.shape.slice(-3) as [Dim, Dim, Dim];
  return b.reshape(x, [multiplyDims(batch, pos), dModel]);
}
