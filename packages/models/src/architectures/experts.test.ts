import { interpret, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { type PatchPoints, seededRandom } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { type ExpertsForm, expertsMlp } from './experts.js';

const [E, D, F, TOKENS] = [4, 3, 5, 6];
type Numbers = Readonly<Record<string, Float32Array>>;

const SHAPES = {
  ...{ 'L0.mlp.gate.W': [E, F, D], 'L0.mlp.up.W': [E, F, D], 'L0.mlp.down.W': [E, F, D], 'L0.mlp.router.W': [E, D] },
  ...{ 'L0.mlp.gate.b': [E, F], 'L0.mlp.up.b': [E, F], 'L0.mlp.down.b': [E, D], 'L0.mlp.router.b': [E] },
} as const;

/** Random weights; `equal`: a router that gives all experts the same score. */
function weightsOf(equal: boolean): Numbers {
  const random = seededRandom(3, 'experts');
  return Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => {
      const zero = equal && name.includes('router');
      const size = shape.reduce((n, d) => n * d, 1);
      return [name, Float32Array.from({ length: size }, () => (zero ? 0 : random.normal()))];
    }),
  );
}

/** What each expert writes: [experts, 1, tokens, dModel]. */
function written(form: ExpertsForm, weights: Numbers, x: Float64Array): Float64Array {
  const b = new ProgramBuilder('experts');
  const points = {
    builder: b,
    weight: (name: string, shape: readonly number[]) => b.weight(name, shape),
  } as PatchPoints;
  const input = b.input('x', 'float', [1, 1, TOKENS, D]);
  const shape = { dModel: D, activation: 'silu' };
  b.output(
    'y',
    expertsMlp(points, shape, form, 0, { experts: input, router: input }, (name) => name in weights),
  );
  const store = memoryWeights(
    Object.fromEntries(Object.entries(SHAPES).map(([name, dims]) => [name, { shape: dims, data: weights[name]! }])),
  );
  const feeds = { x: { dtype: 'float', shape: [1, 1, TOKENS, D], data: x } } as const;
  return interpret(b.build(), feeds, store, { precision: 'float64' }).y!.data as Float64Array;
}

/** The same, token by token and expert by expert, as the formulas say. */
function slowTwin({ chosen, softmaxOver, bounded }: ExpertsForm, weights: Numbers, x: Float64Array): number[] {
  const at = (name: string, ...index: number[]): number => {
    const shape: readonly number[] = SHAPES[`L0.mlp.${name}` as keyof typeof SHAPES];
    return weights[`L0.mlp.${name}`]![index.reduce((n, i, axis) => n * shape[axis]! + i, 0)]!;
  };
  const dot = (length: number, term: (i: number) => number): number =>
    Array.from({ length }, (_, i) => term(i)).reduce((a, b) => a + b, 0);
  const out = new Array<number>(E * TOKENS * D).fill(0);
  for (let t = 0; t < TOKENS; t++) {
    const scores = Array.from(
      { length: E },
      (_, e) => dot(D, (d) => at('router.W', e, d) * x[t * D + d]!) + at('router.b', e),
    );
    const ranked = scores.map((score, e) => ({ score, e })).sort((a, b) => b.score - a.score || a.e - b.e);
    const best = ranked.slice(0, chosen).map(({ e }) => e);
    const over = softmaxOver === 'all' ? scores : best.map((e) => scores[e]!);
    const total = over.reduce((sum, score) => sum + Math.exp(score), 0);
    for (const e of best) {
      const active = Array.from({ length: F }, (_, f) => {
        const [gate, up] = ['gate', 'up'].map(
          (part) => dot(D, (d) => at(`${part}.W`, e, f, d) * x[t * D + d]!) + at(`${part}.b`, e, f),
        );
        if (!bounded) return (gate! / (1 + Math.exp(-gate!))) * up!;
        const below = Math.min(gate!, bounded.limit);
        const within = Math.max(-bounded.limit, Math.min(up!, bounded.limit));
        return (below / (1 + Math.exp(-bounded.alpha * below))) * (within + 1);
      });
      for (let d = 0; d < D; d++) {
        const value = dot(F, (f) => active[f]! * at('down.W', e, f, d)) + at('down.b', e, d);
        out[(e * TOKENS + t) * D + d] = (value * Math.exp(scores[e]!)) / total;
      }
    }
  }
  return out;
}

const random = seededRandom(5, 'experts');
const X = Float64Array.from({ length: TOKENS * D }, () => random.normal());
const FORM = { counts: [E], chosen: 2, dExpert: F, softmaxOver: 'chosen' } as const;

describe('experts', () => {
  it.each<[string, ExpertsForm, boolean]>([
    ['weights over those chosen', FORM, false],
    ['a share of a softmax over all', { ...FORM, softmaxOver: 'all', chosen: 3 }, false],
    ['one expert for each token', { ...FORM, chosen: 1 }, false],
    ['all experts', { ...FORM, chosen: E }, false],
    ['bounded activations', { ...FORM, bounded: { alpha: 1.702, limit: 0.4 } }, false],
    ['equal scores: the first ones are chosen, and no more', FORM, true],
  ])('write what the formulas say: %s', (_, form, equal) => {
    const weights = weightsOf(equal);
    const [ours, expected] = [written(form, weights, X), slowTwin(form, weights, X)];
    expect(ours).toHaveLength(expected.length);
    // float64 sums of a few numbers
    ours.forEach((y, i) => expect(y).toBeCloseTo(expected[i]!, 12));
    // an expert that is not chosen writes nothing at all
    const silent = expected.filter((y) => y === 0).length;
    expect(silent).toBe((E - form.chosen) * TOKENS * D);
    expect(ours.filter((y) => y === 0)).toHaveLength(silent);
  });
});
