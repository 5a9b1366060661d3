import { describe, expect, it } from 'vitest';
import { interpret } from '../backend/interpreter/interpreter.js';
import { memoryWeights } from '../backend/memory-weights.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import type { PromptBatch } from '../prompts/types.js';
import { floatTensor, intTensor, type Tensor } from '../tensor/tensor.js';
import { OBJECTIVE_INPUTS, objectiveFragment } from './fragment.js';
import type { Objective } from './objective.js';
import { objectiveOnLogits } from './on-logits.js';

const OUTPUTS = 3;
const logits = (shape: number[]): Tensor<Float64Array> =>
  floatTensor(
    Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(3 * i + 1) * 2),
    shape,
  );

/** The loss of each prompt as the program has it, in float64. */
function lossesOf(
  objective: Objective,
  given: Tensor<Float64Array>,
  feeds: Readonly<Record<string, Tensor>>,
): number[] {
  const b = new ProgramBuilder('loss');
  const shape = ['batch', ...given.shape.slice(1)];
  b.output('loss', objectiveFragment(b, objective, b.input('logits', 'float', shape)));
  const { loss } = interpret(b.build(), { logits: given, ...feeds }, memoryWeights({}), { precision: 'float64' });
  return [...loss!.data];
}

/** Two prompts: answer 2 against 0 and 1, and answer 0 against 2; the filling has weight 0. */
const batch: PromptBatch = {
  length: 2,
  prompts: [
    { index: 0, clean: [1, 2], corrupt: [1, 3], answers: [2], wrongAnswers: [0, 1] },
    { index: 1, clean: [1, 2], corrupt: [1, 3], answers: [0], wrongAnswers: [2] },
  ],
};
const picked = {
  [OBJECTIVE_INPUTS.tokens]: intTensor([2, 0, 1, 0, 2, 0], [2, 3]),
  [OBJECTIVE_INPUTS.weights]: floatTensor(Float32Array.of(1, -0.5, -0.5, 1, -1, 0), [2, 3]),
};

describe('objectiveFragment gives the loss that objectiveOnLogits gives', () => {
  it.each(['logit', 'prob', 'logprob', 'logitExp'] as const)('of answers, by %s', (tokenFunction) => {
    const objective = { kind: 'answers', tokenFunction, value: 'diff' } as const;
    const given = logits([2, OUTPUTS]);
    const expected = objectiveOnLogits(objective, given, batch);
    lossesOf(objective, given, picked).forEach((loss, i) => expect(loss).toBeCloseTo(expected[i]!, 12));
  });

  it.each([[[2, OUTPUTS]], [[2, 4, OUTPUTS]]])('of targets and of reference logits %j', (shape) => {
    const given = logits(shape);
    const dense = floatTensor(
      Float32Array.from(given.data, (x, i) => Math.fround(x / 2 + (i % 4) / 8)),
      shape,
    );
    const feeds = { [OBJECTIVE_INPUTS.dense]: dense };
    const mse = { kind: 'mse', tokenFunction: 'prob', targets: dense } as const;
    const kl = { kind: 'kl', referenceLogits: dense } as const;
    for (const objective of [mse, kl]) {
      const expected = objectiveOnLogits(objective, given, batch);
      lossesOf(objective, given, feeds).forEach((loss, i) => expect(loss).toBeCloseTo(expected[i]!, 12));
    }
  });

  it('of logits that are large, without overflow', () => {
    const large = floatTensor(Float64Array.of(800, 0, 0, 0, 0, 800), [2, OUTPUTS]);
    const objective = { kind: 'answers', tokenFunction: 'logitExp', value: 'diff' } as const;
    expect(lossesOf(objective, large, picked)).toEqual([0.5, 1]);
  });
});
