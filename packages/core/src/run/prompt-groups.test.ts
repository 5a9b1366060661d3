/** What follows from the values of circuits by prompt, by hand; whole commands are tested with the command `clusters`. */
import { describe, expect, it } from 'vitest';
import { promptNdf } from '../statistics/ndf.js';
import { percentileInterval } from '../statistics/paired-bootstrap.js';
import { comparedOnGroups } from './prompt-groups.js';

const indices = [5, 6, 7, 8, 9, 10];
const groups = [0, 0, 0, 1, 1, 1];
/** What the model has more than the empty circuit, by prompt; 2 for each. */
const weights = [2, 2.1, 1.9, 2, 2.1, 1.9];
/** A circuit that keeps these shares of the first group's prompts and of the second's. */
const keeps = (first: number, second: number) => ({
  values: weights.map((weight, p) => weight * (p < 3 ? first : second)),
  weights,
});

describe('groups of prompts', () => {
  it('faithfulness by group and circuit, gains over the shared circuit, what is kept of each prompt', () => {
    const values = [keeps(0.5, 0.8), keeps(1.1, 0), keeps(-1, 0.9)];
    const found = comparedOnGroups('logit-diff', indices, groups, values, 0);
    const numbers = found.faithfulness.map((row) => row!.map(({ value }) => Math.round(1e9 * Number(value)) / 1e9));
    expect(numbers).toEqual([
      [0.5, 1.1, -1],
      [0.8, 0, 0.9],
    ]);
    // |1 − 0.5| − |1 − 1.1| and |1 − 0.8| − |1 − 0.9|, in every resample
    expect(found.gains[0]!.low).toBeCloseTo(0.4, 12);
    expect(found.gains[0]!.high).toBeCloseTo(0.4, 12);
    expect(found.gains[1]!.value).toBeCloseTo(0.1, 12);
    expect(found.verdict).toBe('several');
    const rounded = found.measured.map(({ kept, ...rest }) => ({
      ...rest,
      kept: kept.map((x) => Math.round(1e9 * x) / 1e9),
    }));
    expect(rounded[0]).toEqual({ index: 5, group: 0, kept: [0.5, 0.9, 0] });
    expect(rounded[5]).toEqual({ index: 10, group: 1, kept: [0.8, 0, 0.9] });
  });

  it('some, or no group is served better; one group needs no second circuit', () => {
    const verdict = (first: number, second: number) =>
      comparedOnGroups('logit-diff', indices, groups, [keeps(0.5, 0.5), keeps(first, 0), keeps(0, second)], 0).verdict;
    expect([verdict(0.9, 0.9), verdict(0.9, 0.5), verdict(0.9, 0.1), verdict(0.5, 0.5)]).toEqual(['several', 'some', 'some', 'one']); // biome-ignore format: one line
    const alone = groups.map(() => 0);
    expect(comparedOnGroups('logit-diff', indices, alone, [keeps(0.5, 0.5), keeps(1, 1)], 0).verdict).toBe('one');
  });

  it('a distance that is left counts the other way: 0 is the whole model', () => {
    const values = [keeps(0.5, 0.4), keeps(0.2, 1), keeps(1, 0.4)];
    const found = comparedOnGroups('kl', indices, groups, values, 0);
    expect(found.gains[0]!.value).toBeCloseTo(0.3, 12);
    expect(found.gains[1]!.value).toBeCloseTo(0, 12);
    expect(found.verdict).toBe('some');
    expect(found.measured[0]!.kept[1]).toBeCloseTo(0.8, 12);
  });

  it('a group whose model and empty circuit are alike has no faithfulness and decides nothing', () => {
    const unsure = { values: [1, 1, 1, 0, 0, 0], weights: [2, 2.1, 1.9, 3, -3, 0.1] };
    const better = { values: [2, 2, 2, 0, 0, 0], weights: unsure.weights };
    const found = comparedOnGroups('logit-diff', indices, groups, [unsure, better, better], 0);
    expect(found.faithfulness[1]).toBeNull();
    expect(found.gains[1]).toBeNull();
    expect(found.verdict).toBe('several');
    const empty = comparedOnGroups('logit-diff', indices, groups.map(() => 0), [unsure, better, better], 0); // biome-ignore format: one line
    expect(empty.faithfulness[1]).toBeNull();
  });
});

describe('intervals of a number of all prompts', () => {
  it('are those of its resamples: of a mean, about 1.96 standard errors', () => {
    const values = Array.from({ length: 100 }, (_, i) => Math.sin(1000 * i));
    const mean = (places: readonly number[]) => places.reduce((sum, place) => sum + values[place]!, 0) / places.length;
    const { value, low, high } = percentileInterval(100, 3, mean);
    expect(value).toBe(mean([...values.keys()]));
    const error = Math.sqrt(values.reduce((sum, x) => sum + (x - value) ** 2, 0)) / 100;
    // Percentiles of 1,000 resamples move by about 5 % of the error; of 200,000 they would be 1.96 errors away.
    expect((value - low) / error).toBeGreaterThan(1.75);
    expect((value - low) / error).toBeLessThan(2.2);
    expect((high - value) / error).toBeGreaterThan(1.75);
    expect((high - value) / error).toBeLessThan(2.2);
    expect(percentileInterval(100, 3, mean)).toEqual({ value, low, high });
  });
});

it('promptNdf is the share of the way that is neither missing nor too much', () => {
  expect([promptNdf(3, 4), promptNdf(5, 4), promptNdf(-1, 4), promptNdf(9, 4), promptNdf(-3, -4)]).toEqual([0.75, 0.75, 0, 0, 0.75]); // biome-ignore format: one line
  expect([promptNdf(0, 0), promptNdf(1e-9, 0), promptNdf(Number.POSITIVE_INFINITY, 1)]).toEqual([1, 0, 0]);
});
