import { describe, expect, it } from 'vitest';
import type { BatchOutputs } from '../plugin/metric.js';
import { chooseKept, faithfulnessScale } from './faithfulness.js';

/** Two outputs a prompt; answer 0, wrong answer 1. */
const outputs = (rows: readonly (readonly [number, number])[], wrongAnswers = [1]): BatchOutputs[] => [
  {
    batch: {
      length: 1,
      prompts: rows.map((_, index) => ({ index, clean: [0], corrupt: [1], answers: [0], wrongAnswers })),
    },
    logits: Float32Array.from(rows.flat()),
  },
];
const references = (model: BatchOutputs[], empty: BatchOutputs[]) => ({ model, empty, clean: model, corrupt: empty });

describe('faithfulnessScale', () => {
  it('averages logit differences over prompts first, then divides', () => {
    const model = outputs([
      [5, 1],
      [8, 0],
    ]); // differences 4 and 8: mean 6
    const empty = outputs([
      [0, 1],
      [1, 0],
    ]); // −1 and 1: mean 0; gaps 5 and 7 → 6 ± 1
    const scale = faithfulnessScale(references(model, empty), 2);
    if (scale.kind !== 'scale') throw scale.error;
    expect(
      scale.of(
        outputs([
          [2, 0],
          [4, 0],
        ]),
      ),
    ).toBe(0.5); // (3 − 0) / 6; the mean of the ratios would be (3/5 + 3/7)/2
    expect(scale.isFaithful(0.9)).toBe(true);
    expect(scale.isFaithful(1.11)).toBe(false);
  });

  it('says so when the gap is within two standard errors', () => {
    const model = outputs([
      [3, 0],
      [-1, 0],
    ]); // gaps 3 and −1: 1 ± 2
    const scale = faithfulnessScale(
      references(
        model,
        outputs([
          [0, 0],
          [0, 0],
        ]),
      ),
      2,
    );
    if (scale.kind === 'scale') throw new Error('there should be none');
    expect(scale.error.message).toMatch(
      /cannot be told apart.*more than 2 standard errors, got 1\.00 ± 2\.00 over 2 prompts/,
    );
    const clear = outputs([
      [3, 0],
      [2, 0],
    ]); // 2.5 ± 0.5
    expect(
      faithfulnessScale(
        references(
          clear,
          outputs([
            [0, 0],
            [0, 0],
          ]),
        ),
        2,
      ).kind,
    ).toBe('scale');
  });

  it('goes by KL where prompts have no wrong answers', () => {
    // p = (1/2, 1/2); q = (1/4, 3/4): KL = ln 2 − ½ ln 3 … of itself 0
    const model = outputs([[0, 0]], []);
    const empty = outputs([[0, Math.log(3)]], []);
    const scale = faithfulnessScale(references(model, empty), 2);
    if (scale.kind !== 'scale') throw scale.error;
    expect(scale.by).toBe('kl');
    expect(scale.of(model)).toBe(0);
    expect(scale.of(empty)).toBe(1);
    // q = (1/3, 2/3): KL = ½ ln(9/8) = 0.058892, against ½ ln(4/3) = 0.143841: 40.9 %
    const between = scale.of(outputs([[0, Math.log(2)]], []));
    expect(between).toBeCloseTo(Math.log(9 / 8) / Math.log(4 / 3), 6);
    expect([scale.isFaithful(0.1), scale.isFaithful(between)]).toEqual([true, false]);
  });
});

describe('chooseKept', () => {
  const sizes = (...faithful: boolean[]) => faithful.map((f, edges) => ({ edges, faithful: f }));
  it('takes the smallest size that is faithful together with the next, else the largest', () => {
    expect(chooseKept(sizes(false, true, false, true, true), 9)).toEqual({ index: 3, found: true });
    expect(chooseKept(sizes(false, true, false, false, true), 9)).toEqual({ index: 4, found: false });
  });
  it('never takes the whole model, which is always faithful, where a circuit is measured', () => {
    expect(chooseKept(sizes(false, true, false, false, true), 4)).toEqual({ index: 3, found: false });
    expect(chooseKept(sizes(false, false, false, true, true), 4)).toEqual({ index: 3, found: true });
    expect(chooseKept([{ edges: 4, faithful: true }], 4)).toEqual({ index: 0, found: false });
  });
});
