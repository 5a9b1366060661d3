import { describe, expect, it } from 'vitest';
import { interpret } from '../backend/interpreter/interpreter.js';
import { memoryWeights } from '../backend/memory-weights.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue } from '../ir/program/program.js';
import { floatTensor, type Tensor } from '../tensor/tensor.js';
import { largestDifference } from '../testing/patched-logits.js';
import { joinedBias, projectHeads, splitStacked, withHeadBias } from './head-projections.js';

const [BATCH, POS, MODEL, WIDTH] = [2, 2, 3, 2];
/** Runs a program whose inputs are drawn by name and shape. */
function run(make: (b: ProgramBuilder, input: (name: string, shape: readonly number[]) => AnyValue) => void) {
  const b = new ProgramBuilder('heads');
  const feeds: Record<string, Tensor> = {};
  make(b, (name, shape) => {
    const from = Object.keys(feeds).length;
    const data = Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.cos(from + 1.3 * i));
    feeds[name] = floatTensor(data, [...shape]);
    return b.input(name, 'float', shape);
  });
  return { feeds, results: interpret(b.build(), feeds, memoryWeights({})) };
}

describe('projectHeads', () => {
  // by the rows that are read: one that all groups project, one a group, or several a group that share its projection
  it.each([
    [1, 2, 1],
    [2, 2, 1],
    [4, 2, 2],
  ])('projects %i rows by %i projections, %i to each', (rows, groups, perGroup) => {
    const { feeds, results } = run((b, input) => {
      const projection = { weight: input('weight', [groups, WIDTH, MODEL]), bias: input('bias', [groups, WIDTH]) };
      b.output('out', projectHeads(b, input('x', [rows, BATCH, POS, MODEL]), projection));
    });
    const { weight, bias, x } = feeds as Record<string, Tensor>;
    const expected: number[] = [];
    for (let g = 0; g < groups; g++) {
      for (let i = 0; i < perGroup; i++) {
        const row = rows === 1 ? 0 : g * perGroup + i;
        for (let token = 0; token < BATCH * POS; token++) {
          for (let w = 0; w < WIDTH; w++) {
            let sum = bias!.data[g * WIDTH + w]!;
            for (let d = 0; d < MODEL; d++)
              sum += x!.data[(row * BATCH * POS + token) * MODEL + d]! * weight!.data[(g * WIDTH + w) * MODEL + d]!;
            expected.push(sum);
          }
        }
      }
    }
    expect(results.out!.shape).toEqual([groups, perGroup, BATCH, POS, WIDTH]);
    expect(largestDifference(results.out!.data, expected)).toBeLessThan(1e-14);
  });
});

describe('biases of heads', () => {
  it('are added to every row and token of their group', () => {
    const { feeds, results } = run((b, input) => {
      const x = input('x', [2, 1, 1, 2, 2]);
      b.output('with', withHeadBias(b, x, input('bias', [2, 2])));
      b.output('without', withHeadBias(b, x, null));
    });
    const [x, bias] = [feeds.x!.data, feeds.bias!.data];
    expect([...results.with!.data]).toEqual([...x].map((value, i) => value + bias[2 * Math.floor(i / 4) + (i % 2)]!));
    expect(results.without!.data).toEqual(x);
  });
  it('are stacked only where Q, K and V all have one', () => {
    const { feeds, results } = run((b, input) => {
      const projection = (name: string, hasBias = true) => ({
        weight: input(`${name}W`, [1, 2, 3]),
        bias: hasBias ? input(name, [1, 2]) : null,
      });
      const all = { q: projection('q'), k: projection('k'), v: projection('v') };
      b.output('bias', joinedBias(b, all)!);
      expect(joinedBias(b, { ...all, k: projection('other', false) })).toBeNull();
    });
    expect([...results.bias!.data]).toEqual(['q', 'k', 'v'].flatMap((name) => [...feeds[name]!.data]));
  });
});

it('what is read through a stacked projection is Q, then K, then V', () => {
  const { feeds, results } = run((b, input) => {
    for (const [name, value] of Object.entries(splitStacked(b, input('all', [6, 1, 1, 1, 1])))) b.output(name, value);
  });
  const { data } = feeds.all!;
  expect([results.q!.data, results.k!.data, results.v!.data]).toEqual([
    data.slice(0, 2),
    data.slice(2, 4),
    data.slice(4),
  ]);
});
