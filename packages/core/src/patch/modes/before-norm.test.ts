import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { gradient } from '../../ir/autodiff/gradient.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import { projectHeads } from '../../model/head-projections.js';
import { type Norm, normed } from '../../model/norm.js';
import { seededRandom } from '../../numeric/seeded-random.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import { largestDifference } from '../../testing/patched-logits.js';
import { projectedRows, readBeforeScale, scaledRows } from './before-norm.js';

const [ROWS, BATCH, POS, MODEL, WIDTH] = [3, 2, 2, 5, 4];
const SHAPES = {
  residual: [1, BATCH, POS, MODEL],
  weight: [MODEL],
  bias: [MODEL],
  projection: [ROWS, WIDTH, MODEL],
  projectionBias: [ROWS, WIDTH],
  difference: [1, BATCH, POS, MODEL],
  cost: [ROWS, BATCH, POS, MODEL],
};
const random = seededRandom(2, 'before-norm');
const FEEDS: Readonly<Record<string, Tensor>> = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape]) => {
    const data = Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => random.normal());
    return [name, floatTensor(data, shape)];
  }),
);
/** Runs a program over these feeds; only those that it takes. */
function run(
  kind: Norm['kind'],
  hasWeights: boolean,
  make: (b: ProgramBuilder, x: (name: keyof typeof SHAPES) => AnyValue, norm: Norm) => void,
) {
  const b = new ProgramBuilder('before-norm');
  const used = new Set<string>();
  const x = (name: keyof typeof SHAPES): AnyValue => {
    used.add(name);
    return b.input(name, 'float', SHAPES[name]);
  };
  const [weight, bias] = hasWeights ? [x('weight'), x('bias')] : [null, null];
  make(b, x, { kind, epsilon: 1e-3, weight, bias, role: 'L0.ln1' });
  return interpret(b.build(), Object.fromEntries([...used].map((name) => [name, FEEDS[name]!])), memoryWeights({}));
}

describe.each(['layerNorm', 'rmsNorm'] as const)('a %s taken apart', (kind) => {
  it.each([false, true])('scales every row as the whole norm does, weights: %s', (hasWeights) => {
    const { apart, whole } = run(kind, hasWeights, (b, x, norm) => {
      b.output('apart', scaledRows(b, readBeforeScale(b, x('residual'), norm, ROWS), norm));
      b.output('whole', b.broadcast(normed(b, x('residual'), norm), SHAPES.cost));
    });
    expect(apart!.shape).toEqual(SHAPES.cost);
    expect(largestDifference(apart!.data, whole!.data)).toBeLessThan(1e-13);
  });

  it.each([false, true])('projects before it scales, and gives the heads the same, weights: %s', (hasWeights) => {
    const { apart, whole, centre } = run(kind, hasWeights, (b, x, norm) => {
      const projection = { weight: x('projection'), bias: x('projectionBias') };
      const { value, projected } = projectedRows(b, readBeforeScale(b, x('residual'), norm, ROWS), norm, projection);
      expect(projected).toMatchObject({ weight: projection.weight, normWeight: norm.weight });
      b.output('apart', value);
      b.output('centre', projected.value);
      b.output('whole', projectHeads(b, b.broadcast(normed(b, x('residual'), norm), SHAPES.cost), projection));
    });
    expect(largestDifference(apart!.data, whole!.data)).toBeLessThan(1e-13);
    expect(centre!.shape).toEqual([ROWS, 1, BATCH, POS, WIDTH]);
  });

  it('has the gradient at its input in the gradients at its factors', () => {
    // M is a sum over what the rows read, with a cost of their own for each number, bent so that scales matter
    const loss = (b: ProgramBuilder, rows: AnyValue, cost: AnyValue): AnyValue =>
      b.sum(b.mul(b.tanh(rows), cost), [0, 1, 2, 3]);
    const { direct, along, mean, scale } = run(kind, true, (b, x, norm) => {
      const difference = x('difference'); // [1, batch, pos, dModel]
      const dot = (a: AnyValue, d: AnyValue): AnyValue => b.sum(b.mul(a, d), 3); // [rows, batch, pos]
      const rows = b.broadcast(x('residual'), SHAPES.cost);
      const [whole] = gradient(b, loss(b, normed(b, rows, norm), x('cost')), [rows]);
      b.output('direct', dot(whole!, difference));
      const factors = readBeforeScale(b, x('residual'), norm, ROWS);
      const { centred, scale: scales } = factors.rows;
      const [atCentre, atScale] = gradient(b, loss(b, scaledRows(b, factors, norm), x('cost')), [centred, scales]);
      b.output('along', dot(atCentre!, difference));
      b.output('mean', b.mul(b.mean(atCentre!, 3), b.sum(difference, 3)));
      const cubed = b.mul(factors.scale, b.mul(factors.scale, factors.scale)); // [1, batch, pos, 1]
      const inner = b.reshape(dot(factors.centred, difference), [1, BATCH, POS, 1]);
      b.output('scale', b.reshape(b.mul(b.mul(atScale!, b.mul(cubed, 1 / MODEL)), inner), [ROWS, BATCH, POS]));
    });
    const formula = along!.data.map((x, i) => x - (kind === 'layerNorm' ? mean!.data[i]! : 0) - scale!.data[i]!);
    expect(largestDifference(direct!.data, formula as Float64Array)).toBeLessThan(1e-12);
    expect(Math.max(...scale!.data.map(Math.abs))).toBeGreaterThan(1e-2);
  });
});
