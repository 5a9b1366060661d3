import { describe, expect, it } from 'vitest';
import { unflattenScores } from '../graph/score-index.js';
import { stagedGraph } from '../testing/graphs.js';
import { checkedMeasurement, checkedScores } from './check-results.js';

const graph = stagedGraph();
const scores = unflattenScores(graph, new Float32Array(graph.edgeCount));
const failed = (kind: string, member: string) =>
  expect.objectContaining({ code: 'plugin-failed', fields: { plugin: 'mine', kind, member } });

describe('what a metric gives', () => {
  const measured = (given: unknown) => checkedMeasurement('mine', 2, () => given);

  it('is taken where it is a measurement, infinite values and lists of any kind included', () => {
    for (const given of [
      { value: 1 },
      { value: Number.POSITIVE_INFINITY, standardError: 0 },
      { value: 1, prompts: { values: Float64Array.of(1, 1), weights: [1, 1] }, parts: { best: 2 } },
    ]) {
      expect(measured(given)).toBe(given);
    }
  });

  it.each([
    [3, /no measurement.*got 3/],
    [null, /no measurement/],
    [{ value: '1' }, /no measurement/],
    [Promise.resolve({ value: 1 }), /Promise/],
    [{ value: 1, standardError: '0' }, /standard error/],
    [{ value: 1, standardError: -1 }, /negative/],
    [{ value: 1, prompts: [1, 1] }, /without values/],
    [{ value: 1, prompts: { values: [1] } }, /one for each prompt.*2 numbers.*list of 1/],
    [{ value: 1, prompts: { values: [1, 1], weights: [1] } }, /prompts\.weights/],
    [{ value: 1, prompts: { values: [1, Number.NaN] } }, /not a number/],
    [{ value: 1, parts: { best: '2' } }, /parts/],
  ])('is refused where it is %j', (given, words) => {
    expect(() => measured(given)).toThrow(failed('metric', 'measure'));
    expect(() => measured(given)).toThrow(words);
  });

  it('is said to be no number where it is NaN, as of models that overflow', () => {
    expect(() => measured({ value: Number.NaN })).toThrow(expect.objectContaining({ code: 'not-finite' }));
  });

  it('is an error of the plugin where its code throws', () => {
    const broken = () => checkedMeasurement('mine', 2, () => (undefined as unknown as { x: number }).x);
    expect(broken).toThrow(failed('metric', 'measure'));
    expect(broken).toThrow(/TypeError/);
  });
});

describe('what an algorithm gives', () => {
  it('is said to be no number where it is NaN, as from options that are too large', () => {
    const [[module, tensor]] = Object.entries(scores) as [[string, (typeof scores)[string]]];
    const nan = { ...scores, [module]: { ...tensor, data: tensor.data.map(() => Number.NaN) } };
    expect(() => checkedScores('mine', graph, { scores: nan })).toThrow(
      expect.objectContaining({ code: 'not-finite', where: 'mine', fields: { algo: 'mine', part: 'scores' } }),
    );
  });

  it('is taken in the precision of the files', () => {
    expect(checkedScores('mine', graph, { scores, curves: { loss: [1, 2] } })).toMatchObject({
      curves: { loss: [1, 2] },
    });
  });

  it.each([
    [undefined, /no scores/],
    [{ score: scores }, /no scores/],
    [{ scores: {} }, /"scores" that do not fit.*missing/],
    [{ scores, standardErrors: { nowhere: 1 } }, /"standardErrors" that do not fit/],
    [{ scores, curves: { loss: 3 } }, /curve "loss"/],
    [{ scores, curves: { loss: [1, Number.NaN] } }, /curve "loss".*index 1/],
    [{ scores, figures: { kind: 'bars' } }, /figure that cannot be drawn: figures: /],
    [
      { scores, figures: [{ kind: 'bars', title: 'a', bars: [{ name: 'x', value: Number.NaN }] }] },
      /figures\[0\]\.bars\[0\]\.value: .*got NaN/,
    ],
    [
      { scores, figures: [{ kind: 'heat-map', title: 'a', rows: ['x'], columns: ['y'], values: [[1, 2]] }] },
      /a cell for each row and column/,
    ],
  ])('is refused where it is %j', (given, words) => {
    expect(() => checkedScores('mine', graph, given)).toThrow(failed('pruning algorithm', 'score'));
    expect(() => checkedScores('mine', graph, given)).toThrow(words);
  });
});
