import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { layerSite, type Site, START_SITE, siteText } from '../../graph/sites.js';
import type { SourceBlock } from '../../graph/types.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import { largestDifference } from '../../testing/patched-logits.js';
import { ActivationDifferences, batchFirst, contractScores, edgeSum, type MaskAxes } from './activation-differences.js';

const [BATCH, POS, MODEL] = [2, 3, 4];
const draw = (shape: readonly number[], from: number): Tensor => {
  const data = Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(from + 1.7 * i));
  return floatTensor(data, [...shape]);
};
const block = (at: Site, start: number, stop: number): SourceBlock => ({
  site: siteText(at),
  at,
  module: siteText(at),
  layer: 0,
  start,
  stop,
});
/** The input, and `layers` layers of two heads (with a projection from width 3) and an MLP. */
const blocksOf = (layers: number): SourceBlock[] => [
  block(START_SITE, 0, 1),
  ...Array.from({ length: layers }, (_, l) => [
    block(layerSite(l, 'attn'), 1 + 3 * l, 3 + 3 * l),
    block(layerSite(l, 'mlp'), 3 + 3 * l, 4 + 3 * l),
  ]).flat(),
];

/** An input of a program that is fed numbers of its own. */
type Input = (name: string, shape: readonly number[]) => AnyValue;
/** Adds these blocks' differences from fed activations; `make` puts out what is looked at. */
function run(
  blocks: readonly SourceBlock[],
  isBatchFirst: boolean,
  make: (b: ProgramBuilder, differences: ActivationDifferences, input: Input) => void,
) {
  const b = new ProgramBuilder('differences');
  const differences = new ActivationDifferences(b, isBatchFirst);
  const feeds: Record<string, Tensor> = {};
  const input: Input = (name, shape) => {
    feeds[name] = draw(shape, Object.keys(feeds).length);
    return b.input(name, 'float', shape);
  };
  for (const own of blocks) {
    const rows = own.stop - own.start;
    const shape = [rows, BATCH, POS, own.at.kind === 'attn' ? 3 : MODEL];
    const projection = own.at.kind === 'attn' ? input(`${own.site} projection`, [rows, 3, MODEL]) : null;
    differences.add(
      { block: own, value: input(`${own.site} current`, shape), projection },
      input(`${own.site} patch`, shape),
    );
  }
  make(b, differences, input);
  const program = b.build();
  const used = new Set(
    program.values.flatMap(({ op, attributes }) => (op === 'input' ? [(attributes as { name: string }).name] : [])),
  );
  const results = interpret(
    program,
    Object.fromEntries(Object.entries(feeds).filter(([name]) => used.has(name))),
    memoryWeights({}),
  );
  return { feeds, results };
}
/** D of one source at one token and number, by hand. */
function difference(
  feeds: Readonly<Record<string, Tensor>>,
  { site, at, start }: SourceBlock,
  source: number,
  token: number,
  d: number,
): number {
  const row = source - start;
  const of = (name: string, width: number, w: number): number =>
    feeds[`${site} ${name}`]!.data[(row * BATCH * POS + token) * width + w]!;
  if (at.kind !== 'attn') return of('patch', MODEL, d) - of('current', MODEL, d);
  return [0, 1, 2].reduce(
    (sum, w) =>
      sum + (of('patch', 3, w) - of('current', 3, w)) * feeds[`${site} projection`]!.data[(row * 3 + w) * MODEL + d]!,
    0,
  );
}
const tokens = Array.from({ length: BATCH * POS }, (_, token) => token);
const numbers = Array.from({ length: MODEL }, (_, d) => d);

describe('differences', () => {
  const all = blocksOf(3);
  const blocks = all.slice(0, 5); // those of the first two layers, which are one once the third writes
  const { feeds, results } = run(all, false, (b, differences) => {
    for (const { start, stop } of blocks) b.output(`block ${start}`, differences.bySourceBlock(start, stop)[0]!.value);
    const [merged] = differences.covering(0, 7);
    b.output('merged', merged!.value);
    b.output('some', differences.covering(2, 4)[0]!.value);
    b.output('sums', differences.sums(7));
  });
  const expected = blocks.map((own) =>
    Array.from({ length: own.stop - own.start }, (_, row) =>
      tokens.map((token) => numbers.map((d) => difference(feeds, own, own.start + row, token, d))),
    ),
  );
  it('are patch − current of every source block, heads after their projection', () => {
    for (const [i, { start }] of blocks.entries())
      expect(largestDifference(results[`block ${start}`]!.data, expected[i]!.flat(3))).toBeLessThan(1e-14);
  });
  it('are the same where blocks are merged, and where only some of them are asked for', () => {
    expect(largestDifference(results.merged!.data, expected.flat(4))).toBeLessThan(1e-14);
    expect(largestDifference(results.some!.data, expected.flat(1).slice(2, 4).flat(2))).toBeLessThan(1e-14);
  });
  it('have the sums over the numbers of the stream', () => {
    const sums = expected
      .flat(1)
      .flat(1)
      .map((row) => row.reduce((a, x) => a + x, 0));
    expect(results.sums!.shape).toEqual([7, BATCH, POS]);
    expect(largestDifference(results.sums!.data, sums)).toBeLessThan(1e-13);
  });
});

it('blocks are merged as in a binary counter, by whole layers: a row is copied log n times', () => {
  const sizes: number[][] = [];
  const b = new ProgramBuilder('merging');
  const differences = new ActivationDifferences(b);
  for (const own of blocksOf(5)) {
    const value = b.input(own.site, 'float', [own.stop - own.start, 'batch', 'pos', MODEL]);
    differences.add({ block: own, value, projection: null }, null);
    if (own.at.kind === 'mlp') sizes.push(differences.covering(0, own.stop).map(({ start, stop }) => stop - start));
  }
  // the input goes with layer 0, and a layer is merged with others once the next one writes
  expect(sizes).toEqual([[4], [4, 3], [7, 3], [7, 3, 3], [13, 3]]);
});

it('blocks larger than the most are not merged', () => {
  const b = new ProgramBuilder('merging');
  const differences = new ActivationDifferences(b, false, 4);
  for (const own of blocksOf(3))
    differences.add(
      {
        block: own,
        value: b.input(own.site, 'float', [own.stop - own.start, 'batch', 'pos', MODEL]),
        projection: null,
      },
      null,
    );
  expect(differences.covering(0, 10).map(({ start, stop }) => [start, stop])).toEqual([
    [0, 4],
    [4, 7],
    [7, 10],
  ]);
});

const AXES: readonly MaskAxes[] = [false, true].flatMap((perItem) =>
  [false, true].map((perPosition) => ({ perItem, perPosition })),
);
describe.each(AXES)('with a mask that has the axes %o', (axes) => {
  const first = batchFirst(axes);
  const lead = axes.perPosition ? [axes.perItem ? BATCH : 1, POS] : axes.perItem ? [BATCH] : [];
  const blocks = blocksOf(1);
  const { feeds, results } = run(blocks, first, (b, differences, input) => {
    const weights = input('weights', [...lead, 2, 4]); // two rows that read four sources
    const terms = blocks.map(({ start, stop }) => ({
      weights: b.slice(weights, -1, start, stop),
      sources: differences.bySourceBlock(start, stop)[0]!.value,
    }));
    b.output('sums', edgeSum(b, axes, terms));
    const gradient = input('gradient', [2, BATCH, POS, MODEL]);
    b.output('scores', contractScores(b, axes.perPosition, gradient, differences.covering(0, 4), first));
  });
  const sources = blocks.flatMap((own) =>
    Array.from({ length: own.stop - own.start }, (_, row) => [own, own.start + row] as const),
  );
  const differenceAt = (source: number, token: number, d: number): number =>
    difference(feeds, ...sources[source]!, token, d);
  const [ofItem, ofPosition] = [axes.perItem ? 1 : 0, axes.perPosition ? 1 : 0];

  it('edge sums are Σ mask · D by row, token and number', () => {
    const weightOf = (row: number, source: number, token: number): number => {
      const [item, position] = [ofItem * Math.floor(token / POS), ofPosition * (token % POS)];
      return feeds.weights!.data[((item * (axes.perPosition ? POS : 1) + position) * 2 + row) * 4 + source]!;
    };
    const expected = [0, 1].flatMap((row) =>
      tokens.flatMap((token) =>
        numbers.map((d) =>
          sources.reduce((sum, _, source) => sum + weightOf(row, source, token) * differenceAt(source, token, d), 0),
        ),
      ),
    );
    expect(results.sums!.shape).toEqual([2, BATCH, POS, MODEL]);
    expect(largestDifference(results.sums!.data, expected)).toBeLessThan(1e-13);
  });

  it('scores are gradient · D by prompt, and by position where these have edges of their own', () => {
    const product = (row: number, source: number, token: number): number =>
      numbers.reduce(
        (sum, d) =>
          sum + feeds.gradient!.data[(row * BATCH * POS + token) * MODEL + d]! * differenceAt(source, token, d),
        0,
      );
    const groups = axes.perPosition
      ? tokens.map((token) => [token])
      : [0, 1].map((item) => tokens.slice(item * POS, (item + 1) * POS));
    const expected = groups.flatMap((group) =>
      [0, 1].flatMap((row) =>
        sources.map((_, source) => group.reduce((sum, token) => sum + product(row, source, token), 0)),
      ),
    );
    expect(results.scores!.shape).toEqual([...(axes.perPosition ? [BATCH, POS] : [BATCH]), 2, 4]);
    expect(largestDifference(results.scores!.data, expected)).toBeLessThan(1e-13);
  });
});
