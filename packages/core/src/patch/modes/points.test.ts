import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { blocksAt } from '../../graph/site-blocks.js';
import type { GraphOptions } from '../../graph/types.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import { floatTensor } from '../../tensor/tensor.js';
import { graphOf, largestDifference } from '../../testing/patched-logits.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import {
  contribution,
  type ModeRules,
  makePoints,
  oneRow,
  outputsByRow,
  readsQkvSeparately,
  rowsOf,
} from './points.js';

const MODEL = tinyTransformer();

/** The points of a mode that marks what each group reads with 1, 2, … and multiplies by 10 what is written. */
function marked(options: Partial<GraphOptions> = {}) {
  const builder = new ProgramBuilder('points');
  const graph = graphOf(MODEL, options);
  let marks = 0;
  const rules: ModeRules = {
    read: (_site, groups, residual) => groups.map(() => builder.add(oneRow(builder, residual), ++marks)),
    write: (source) => builder.mul(contribution(builder, source), 10),
  };
  const input = builder.input('input', 'int', ['batch', 'pos']);
  const points = makePoints({ builder, graph, input, weight: (name, shape) => builder.weight(name, shape) }, rules);
  return { points, graph, residual: builder.input('x', 'float', ['batch', 'pos', 1]), b: builder };
}
const numbers = (b: ProgramBuilder, values: Readonly<Record<string, AnyValue>>): Record<string, number> => {
  for (const [name, value] of Object.entries(values)) b.output(name, value);
  const feeds = {
    x: floatTensor(Float64Array.of(100), [1, 1, 1]),
    input: { dtype: 'int', shape: [1, 1], data: Int32Array.of(0) },
  } as const;
  const results = interpret(b.build(), feeds, memoryWeights({}));
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data[0]!]));
};

describe('makePoints', () => {
  it('gives each block of a site what its mode reads there, and any other input the plain residual', () => {
    const { b, points, residual } = marked();
    expect(numbers(b, points.into('L0.attn', residual))).toMatchObject({ q: 101, k: 102, v: 103, mlp: 100 });
  });
  it('gives joint Q, K and V the same', () => {
    const { b, points, residual } = marked({ splitQkv: false });
    expect(numbers(b, points.into('L0.attn', residual))).toMatchObject({ attn: 101, q: 101, k: 101, v: 101 });
  });
  it('leaves sites that the graph does not have as the model has them', () => {
    const { b, points, residual } = marked();
    const { q } = points.into('L9.attn', residual);
    const values = {
      read: q!,
      other: points.outOf('L9.mlp', residual),
      own: points.outOf('L0.mlp', residual),
      stream: points.stream('L0.mid', residual),
    };
    expect(numbers(b, values)).toEqual({ read: 100, other: 100, own: 1000, stream: 100 });
  });
  it('reads and rewrites the residual stream where it is a node', () => {
    const { b, points, residual } = marked({ factorized: false });
    expect(numbers(b, { stream: points.stream('L0.mid', residual) })).toEqual({ stream: 1010 });
  });
});

describe('blocks that are read together', () => {
  it('have a row a head, or one', () => {
    const graph = graphOf(tinyTransformer({ heads: 4, kvHeads: 2 }), { kvInputs: 'kv-head' });
    expect([blocksAt(graph, 'L0.attn'), blocksAt(graph, 'L0.mlp')].map(rowsOf)).toEqual([4 + 2 + 2, 1]);
  });
  it('are Q, K and V with a row for each query head, and nothing else', () => {
    const separate = (shape: Parameters<typeof tinyTransformer>[0], options: Partial<GraphOptions>, site = 'L0.attn') =>
      readsQkvSeparately(blocksAt(graphOf(tinyTransformer(shape), options), site));
    expect(separate({}, {})).toBe(true);
    expect(separate({}, { splitQkv: false })).toBe(false);
    expect(separate({ heads: 4, kvHeads: 2 }, { kvInputs: 'kv-head' })).toBe(false);
    expect(separate({}, {}, 'L0.mlp')).toBe(false);
  });
});

describe('what a source block adds to the residual', () => {
  const b = new ProgramBuilder('written');
  const value = b.input('value', 'float', [2, 'batch', 'pos', 3]);
  const projection = b.input('projection', 'float', [2, 3, 4]);
  const sum = b.input('sum', 'float', ['batch', 'pos', 4]);
  b.output('added', contribution(b, { value, projection }));
  b.output('rows', outputsByRow(b, { value, projection }));
  b.output('bare', contribution(b, { value, projection: null }));
  b.output('given', contribution(b, { value, projection, summed: { of: value, sum } }));
  b.output('outdated', contribution(b, { value, projection, summed: { of: b.neg(value), sum } }));
  const draw = (length: number, from: number): Float64Array =>
    Float64Array.from({ length }, (_, i) => Math.sin(from + i));
  const feeds = {
    value: floatTensor(draw(2 * 2 * 2 * 3, 1), [2, 2, 2, 3]),
    projection: floatTensor(draw(2 * 3 * 4, 2), [2, 3, 4]),
    sum: floatTensor(draw(2 * 2 * 4, 3), [2, 2, 4]),
  };
  const results = interpret(b.build(), feeds, memoryWeights({}));
  /** Row r, token t, number d of the output, by hand. */
  const output = (r: number, t: number, d: number): number =>
    [0, 1, 2].reduce(
      (n, w) => n + feeds.value.data[(r * 4 + t) * 3 + w]! * feeds.projection.data[(r * 3 + w) * 4 + d]!,
      0,
    );
  const tokens = [0, 1, 2, 3];

  it('is every row’s value by its own projection', () => {
    const expected = [0, 1].flatMap((r) => tokens.flatMap((t) => tokens.map((d) => output(r, t, d))));
    expect(largestDifference(results.rows!.data, expected)).toBeLessThan(1e-14);
  });
  it('is the sum of these', () => {
    const expected = tokens.flatMap((t) => tokens.map((d) => output(0, t, d) + output(1, t, d)));
    expect(largestDifference(results.added!.data, expected)).toBeLessThan(1e-14);
  });
  it('is the sum of values where there is no projection', () => {
    const { data } = feeds.value;
    expect(
      largestDifference(
        results.bare!.data,
        data.slice(0, 12).map((x, i) => x + data[12 + i]!),
      ),
    ).toBeLessThan(1e-15);
  });
  it('is the sum that the trace has, as long as it is of this value', () => {
    expect(results.given!.data).toEqual(feeds.sum.data);
    expect(results.outdated!.data).toEqual(results.added!.data);
  });
});
