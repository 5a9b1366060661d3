import type { BatchOutputs, MetricContext } from '@auto-circuit/core/plugin';
import { buildGraph } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import {
  faithfulness,
  kl,
  logitDiff,
  logitDiffPercent,
  mse,
  ndf,
  percentCorrect,
  percentCorrectAboveWrong,
} from './index.js';

type Rows = readonly (readonly number[])[];
/** Prompts with answers and wrong answers; logits by run, one row a prompt. */
function context(
  answers: readonly [number[], number[]][],
  runs: { circuit: Rows; clean?: Rows; empty?: Rows; model?: Rows },
): MetricContext {
  const prompts = answers.map(([right, wrong], index) => ({
    index,
    clean: [0],
    corrupt: [0],
    answers: right,
    wrongAnswers: wrong,
  }));
  const outputs = (rows: Rows): readonly BatchOutputs[] => [
    { batch: { prompts, length: 1 }, logits: Float32Array.from(rows.flat()) },
  ];
  const { circuit, clean = circuit, empty = circuit, model = clean } = runs;
  return {
    graph: buildGraph({ kind: 'staged', layers: 1, heads: 1, dModel: 2 }),
    outputSize: circuit[0]!.length,
    circuit: outputs(circuit),
    clean: outputs(clean),
    corrupt: outputs(empty),
    empty: outputs(empty),
    model: outputs(model),
  };
}
const PAIR: [number[], number[]] = [[0], [1]];

describe('means over prompts', () => {
  it('weighs prompts alike, whatever the number of their answers', () => {
    // prompt 0: mean(1, 3) − 0 = 2; prompt 1: 5 − mean(1, 3) = 3
    const two = context([[[0, 1], [2]], [[0], [1, 2]]], { circuit: [[1, 3, 0], [5, 1, 3]] }); // biome-ignore format: rows
    expect(logitDiff.measure(two, {})).toEqual({ value: 2.5, standardError: 0.5, prompts: { values: [2, 3] } }); // √((¼ + ¼)/2)
  });
  it('KL is from the model to the circuit', () => {
    // model [1/2, 1/2], circuit [1/4, 3/4]: ½ ln 2 + ½ ln ⅔ = ½ ln(4/3); the other way round it would be 0.1308
    const value = kl.measure(context([PAIR], { clean: [[0, 0]], circuit: [[0, Math.log(3)]] }), {});
    expect(value.value).toBeCloseTo(Math.log(4 / 3) / 2, 6); // logits are float32
    expect('standardError' in value).toBe(false);
  });
});

describe('outputs at several positions', () => {
  const prompts = [[[0], [1]] as const, [[1], [0]] as const].map(([first, last], index) => {
    const at = (right: readonly number[], wrong: readonly number[]) => ({ index, answers: right, wrongAnswers: wrong });
    return { ...at(last, first), clean: [0], corrupt: [0], byPosition: [at(first, last), at(last, first)] };
  });
  const outputs = (logits: readonly number[]) => [{ batch: { prompts, length: 2 }, logits: Float32Array.from(logits) }];
  const graph = buildGraph({ kind: 'staged', layers: 1, heads: 1, dModel: 2 });
  // two prompts, two positions, two outputs
  const circuit = outputs([3, 1, 0, 4, 1, 1, 2, 0]);
  const clean = outputs([1, 1, 0, 0, 1, 1, 2, 2]);
  const both = { graph, outputSize: 2, circuit, clean, corrupt: clean, empty: clean, model: clean };

  it('a prompt counts as the mean over its positions, each with its own answers', () => {
    // prompt 0: 3 − 1 = 2 and 4 − 0 = 4; prompt 1: 1 − 1 = 0 and 2 − 0 = 2
    expect(logitDiff.measure(both, {})).toMatchObject({ value: 2, prompts: { values: [3, 1] } });
    expect(percentCorrect.measure(both, {})).toMatchObject({ value: 75, prompts: { values: [100, 50] } });
    // squares: (4 + 0)/2 and 16/2, 0 and 4/2
    expect(mse.measure(both, {})).toMatchObject({ value: 3, prompts: { values: [5, 1] } });
    // the clean model is undecided everywhere: ln 2 less the entropy … = −½ ln(4 p q) at each position
    const kls = [2, 4, 0, 2].map((gap) => -Math.log(4 / ((1 + Math.exp(gap)) * (1 + Math.exp(-gap)))) / 2);
    expect(kl.measure(both, {}).value).toBeCloseTo(kls.reduce((a, b) => a + b) / 4, 6); // logits are float32
  });
  it('needs answers for every position', () => {
    const one = [
      {
        batch: { prompts: prompts.map(({ byPosition: _, ...prompt }) => prompt), length: 2 },
        logits: circuit[0]!.logits,
      },
    ];
    expect(() => logitDiff.measure({ ...both, circuit: one }, {})).toThrow(/does not have answers for every position/);
  });
});

describe('ratios of means', () => {
  // differences: circuit 1, 2, 6 (mean 3); model 2, 4, 6 (mean 4)
  const runs = { circuit: [[1, 0], [2, 0], [6, 0]], clean: [[2, 0], [4, 0], [6, 0]], empty: [[0, 1], [0, 1], [0, 1]] }; // biome-ignore format: rows
  const answers = [PAIR, PAIR, PAIR];

  it('percent: mean of the circuit over mean of the model, with the delta method', () => {
    const { value, standardError, prompts } = logitDiffPercent.measure(context(answers, runs), {});
    expect(value).toBe(75);
    expect(prompts).toEqual({ values: [100, 200, 600], weights: [2, 4, 6] });
    // residuals (x − ¾·y)/4: −1/8, −2/8, 3/8, mean 0; √((1 + 4 + 9)/64 / (3·2))
    expect(standardError).toBeCloseTo(100 * Math.sqrt(14 / 64 / 6), 12);
  });
  it('ndf: the share of the way that is missing or too much, prompt by prompt, at most all of it', () => {
    const answers = Array.from({ length: 6 }, () => PAIR);
    const empty = [[0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 1]]; // biome-ignore format: rows
    const model = [[4, 0], [4, 0], [4, 0], [4, 0], [0, 0], [0, 5]]; // biome-ignore format: rows
    const circuit = [[3, 0], [5, 0], [0, 1], [9, 0], [0, 0], [0, 4]]; // biome-ignore format: rows
    const { value, prompts } = ndf.measure(context(answers, { circuit, empty, model }), {});
    expect(prompts!.values).toEqual([0.75, 0.75, 0, 0, 1, 0.75]);
    expect(value).toBeCloseTo(3.25 / 6, 12);
    const moved = context([PAIR], { circuit: [[1, 0]], empty: [[0, 0]], model: [[0, 0]] });
    expect(ndf.measure(moved, {}).value).toBe(0);
  });

  it('faithfulness: from the empty circuit to the model', () => {
    // minus −1 everywhere: circuit 2, 3, 7 (mean 4), model 3, 5, 7 (mean 5)
    const { value, standardError } = faithfulness.measure(context(answers, runs), {});
    expect(value).toBeCloseTo(0.8, 12);
    // residuals (x − 0.8·y)/5: −0.08, −0.2, 0.28
    expect(standardError).toBeCloseTo(Math.sqrt((0.08 ** 2 + 0.2 ** 2 + 0.28 ** 2) / 6), 12);
  });
  it('faithfulness: the whole model is that of the side circuits run on', () => {
    // reversed: circuits run on the corrupt prompts, and everything patched is the clean run
    const reversed = { ...runs, empty: runs.clean, model: runs.empty };
    // circuit 1, 2, 6 (mean 3), empty 2, 4, 6 (mean 4), model −1: (3 − 4)/(−1 − 4)
    expect(faithfulness.measure(context(answers, reversed), {}).value).toBeCloseTo(0.2, 12);
  });
  it('says so when there is nothing to measure against', () => {
    const flat = { circuit: [[1, 0]], clean: [[1, 1]] }; // biome-ignore format: rows
    expect(() => logitDiffPercent.measure(context([PAIR], flat), {})).toThrow(
      expect.objectContaining({ code: 'undefined-metric', fields: { metric: 'logit-diff-percent' } }),
    );
    const unsure = { circuit: runs.circuit, clean: [[3, 0], [0, 2], [1, 0]], empty: [[0, 0], [0, 0], [0, 0]] }; // biome-ignore format: rows
    // gaps 3, −2, 1: mean ⅔, standard error 1.45
    expect(() => faithfulness.measure(context(answers, unsure), {})).toThrow(
      expect.objectContaining({
        code: 'undefined-metric',
        message: expect.stringMatching(/not reliably different.*0\.667 ± 1\.45/),
      }),
    );
    expect(() => faithfulness.measure(context([PAIR], { circuit: [[1, 0]] }), {})).toThrow(
      expect.objectContaining({
        code: 'undefined-metric',
        fields: { metric: 'faithfulness', gap: 0, standardError: 0 },
      }),
    );
  });
});

describe('percent correct', () => {
  const answers: [number[], number[]][] = [
    [[0], [1]],
    [[0], [1]],
    [[0, 2], [1]],
    [[0], [1]],
  ];
  // right · beaten only by a token that is no wrong answer · second answer is best · tie with the wrong answer
  const circuit = [[2, 1, 0], [2, 1, 3], [0, 1, 2], [1, 1, 0]]; // biome-ignore format: rows
  it('counts answers above everything, and above the wrong answers', () => {
    expect(percentCorrect.measure(context(answers, { circuit }), {}).value).toBe(50);
    expect(percentCorrectAboveWrong.measure(context(answers, { circuit }), {}).value).toBe(75);
  });
});
