/**
 * @file A mixture of experts in place of an MLP (Shazeer et al. 2017, https://arxiv.org/abs/1701.06538): a router gives every token
 * to a few of many gated MLPs, and the output is the sum of theirs, each times a weight. All experts are computed for all tokens,
 * and those that are not chosen have weight 0: the router may choose others in every run, and at every mask.
 */
import { type Dim, multiplyDims } from '@auto-circuit/core/backend';
import type { AnyValue, PatchPoints } from '@auto-circuit/core/plugin';
import { ACTIVATIONS, asMatrix, type HasWeight } from './layers.js';

/** The mixture of a model. */
export interface ExpertsForm {
  /** By layer: how many experts there are; 0 for one MLP. */
  readonly counts: readonly number[];
  /** How many of them a token goes to. */
  readonly chosen: number;
  /** Width inside of an expert. */
  readonly dExpert: number;
  /** What the weights of a token's experts are: a softmax over those chosen, or their part of a softmax over all. */
  readonly softmaxOver: 'chosen' | 'all';
  /**
   * The activation of gpt-oss in place of the model's own: gate · σ(alpha · gate) · (up + 1), gate bounded above and up both ways.
   */
  readonly bounded?: { readonly alpha: number; readonly limit: number };
}
/** What experts need to know. */
export interface ExpertsShape {
  readonly dModel: number;
  readonly activation: string;
}
/** What the experts read [experts or 1, batch, pos, dModel], and what the router reads [1, batch, pos, dModel]. */
export type ExpertInputs = Readonly<Record<string, AnyValue>>;

/**
 * What each expert writes, its output times its weight: [experts, batch, pos, dModel]. Weights: `SITE.gate.W`, `SITE.up.W`,
 * `SITE.down.W` [experts, dExpert, dModel], `SITE.router.W` [experts, dModel], and biases `SITE.gate.b`, … where there are any.
 */
export function expertsMlp(
  points: PatchPoints,
  { dModel, activation }: ExpertsShape,
  form: ExpertsForm,
  layer: number,
  inputs: ExpertInputs,
  has: HasWeight,
): AnyValue {
  const { builder: b, weight } = points;
  const { dExpert, bounded } = form;
  const [site, count] = [`L${layer}.mlp`, form.counts[layer]!];
  const [rows, batch, pos] = inputs.experts!.shape as [Dim, Dim, Dim];
  const x = b.reshape(inputs.experts!, [rows, multiplyDims(batch, pos), dModel]); // [experts or 1, tokens, dModel]
  const biased = (y: AnyValue, name: string, width: number): AnyValue =>
    has(name) ? b.add(y, b.reshape(weight(name, [count, width]), [count, 1, width])) : y;
  const matrix = (part: string): AnyValue => weight(`${site}.${part}.W`, [count, dExpert, dModel]);
  const read = (part: 'gate' | 'up'): AnyValue =>
    biased(b.matmul(x, matrix(part), { transposeB: true }), `${site}.${part}.b`, dExpert); // [experts, tokens, dExpert]
  const own = { gate: read('gate'), up: read('up') };
  const { gate, up } = bounded
    ? boundedGate(points, site, own, bounded)
    : { gate: ACTIVATIONS[activation]!(b, own.gate, site), up: own.up };
  const active = b.role(b.mul(b.role(gate, `${site}.gate`), b.role(up, `${site}.up`)), `${site}.act`); // [experts, tokens, dExpert]
  const out = biased(b.matmul(active, matrix('down')), `${site}.down.b`, dModel); // [experts, tokens, dModel]
  const weights = routerWeights(points, form, site, count, inputs.router!, dModel, has); // [tokens, experts]
  const factors = b.reshape(b.transpose(weights, [1, 0]), [count, multiplyDims(batch, pos), 1]);
  return b.reshape(b.mul(out, factors), [count, batch, pos, dModel]);
}

/** gate and up [experts, tokens, dExpert] as gpt-oss bounds and multiplies them. */
function boundedGate(
  { builder: b }: PatchPoints,
  site: string,
  { gate, up }: Readonly<Record<'gate' | 'up', AnyValue>>,
  { alpha, limit }: NonNullable<ExpertsForm['bounded']>,
) {
  const below = b.minimum(gate, limit);
  const slope = b.role(b.sigmoid(b.mul(below, alpha)), `${site}.slope`);
  return { gate: b.mul(below, slope), up: b.add(b.minimum(b.maximum(up, -limit), limit), 1) };
}

/** The weight of every expert for every token, 0 for those that are not chosen: x [1, batch, pos, dModel] → [tokens, experts]. */
function routerWeights(
  points: PatchPoints,
  { chosen, softmaxOver }: ExpertsForm,
  site: string,
  count: number,
  x: AnyValue,
  dModel: number,
  has: HasWeight,
): AnyValue {
  const { builder: b, weight } = points;
  const products = b.matmul(asMatrix(b, x), weight(`${site}.router.W`, [count, dModel]), { transposeB: true }); // [tokens, experts]
  const biased = has(`${site}.router.b`) ? b.add(products, weight(`${site}.router.b`, [count])) : products;
  const scores = b.role(biased, `${site}.router`);
  const among = firstFew(points, scores, chosen); // bool [tokens, experts]
  if (softmaxOver === 'chosen') return b.role(b.softmax(b.where(among, scores, LEAST)), `${site}.routing`);
  return b.role(b.where(among, b.role(b.softmax(scores), `${site}.softmax`), 0), `${site}.routing`);
}
/** Far below any score, so that exp gives exactly 0, and finite. */
const LEAST = -1e9;

/**
 * Which of each row's entries are among its `few` largest: x [rows, n] → bool [rows, n]. Of equal ones the first, so that there
 * are never more. The choice is a step: no gradient passes through it.
 */
function firstFew({ builder: b }: PatchPoints, x: AnyValue, few: number): AnyValue {
  const [rows, n] = x.shape as [Dim, number];
  const [own, other] = [b.reshape(x, [rows, n, 1]), b.reshape(x, [rows, 1, n])];
  const earlier = b.less(b.iota([1, n], 1), b.iota([n, 1], 0)); // bool [n, n]: whether the other comes before
  const beaten = b.or(b.less(own, other), b.and(b.equal(own, other), earlier)); // bool [rows, n, n]
  const before = b.sum(b.cast(beaten, 'float'), 2); // how many come before each entry, [rows, n]
  return b.less(before, few);
}
