/** @file What learned masks are trained to keep: losses of the circuit's output against the model's output, or against the answers. */
import {
  type AnswerSides,
  AutoCircuitError,
  inputOf,
  meanOverAnswers,
  type Objective,
  type PatchableModel,
  type PromptBatch,
  positionRows,
  promptAnswerValue,
  type Tensor,
} from '@auto-circuit/core/plugin';

/** One batch as the engine is to run it, and what each prompt's M becomes: the mean of that over prompts is minimised. */
export interface BatchTarget {
  readonly batch: PromptBatch;
  readonly objective: Objective;
  /** From the M of the `item`-th prompt. */
  value(m: number, item: number): number;
  /** ∂value/∂M. */
  slope(m: number, item: number): number;
}

/**
 * @param targets [prompts, outputs] for `mse`; the clean logits when there are none
 * @param objective of the batch, for `objective`
 */
export type PrepareTarget = (
  model: PatchableModel,
  batch: PromptBatch,
  targets?: Tensor<Float32Array>,
  objective?: Objective,
) => Promise<BatchTarget>;

const asItIs = { value: (m: number) => m, slope: () => 1 };
const cleanLogits = (model: PatchableModel, batch: PromptBatch) => model.run(inputOf(batch, 'clean')); // [prompts, outputs]

/** What a circuit can be trained to keep, by the name that the option `target` has for it. */
export const FAITHFULNESS_TARGETS = {
  /** KL(clean output ‖ circuit), mean over prompts. */
  kl: async (model, batch) => ({
    batch,
    objective: { kind: 'kl', referenceLogits: await cleanLogits(model, batch) },
    ...asItIs,
  }),
  /** Mean squared difference of logits to the clean ones, or to the targets given. */
  mse: async (model, batch, targets) => ({
    batch,
    objective: { kind: 'mse', tokenFunction: 'logit', targets: targets ?? (await cleanLogits(model, batch)) },
    ...asItIs,
  }),
  /** Minus the logit of the answer. */
  answer: async (_model, batch) => ({ batch, objective: ANSWER_LOGIT, ...asItIs }),
  /** The run's objective, as it is: a loss. */
  objective: async (_model, batch, _targets, objective = ANSWER_LOGIT) => ({ batch, objective, ...asItIs }),
  /** Minus the logit of the wrong answer: finds what supports it. */
  'wrong-answer': async (_model, batch) => ({ batch: swapped(batch), objective: ANSWER_LOGIT, ...asItIs }),
  /** 100 minus the percent correct that is expected when answers are drawn from the output's probabilities. */
  'percent-correct': async (_model, batch) => ({
    batch,
    objective: { kind: 'answers', tokenFunction: 'prob', value: 'value' },
    value: (m) => 100 * (1 + m),
    slope: () => 100,
  }),
  /** How far the logit difference is from the clean one, in percent of it, prompt by prompt (as AutoCircuit does). */
  'logit-diff-percent': async (model, batch) => {
    const clean = await logitDifferences(model, batch); // [prompts]
    return {
      batch,
      objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' }, // M is minus the difference
      value: (m, item) => Math.abs(100 + (100 * m) / clean[item]!),
      slope: (m, item) => Math.sign(100 + (100 * m) / clean[item]!) * (100 / clean[item]!),
    };
  },
} as const satisfies Readonly<Record<string, PrepareTarget>>;
/** The name of a target. */
export type FaithfulnessTarget = keyof typeof FAITHFULNESS_TARGETS;

const ANSWER_LOGIT: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'value' };

/** The batch with answers and wrong answers swapped. @throws AutoCircuitError `missing-wrong-answers` */
function swapped({ prompts, length }: PromptBatch): PromptBatch {
  const lacking = prompts.find((prompt) => prompt.wrongAnswers.length === 0);
  if (lacking) {
    throw new AutoCircuitError({
      code: 'missing-wrong-answers',
      fields: { prompt: lacking.index },
      where: 'learned masks',
      what: `the target "wrong-answer" needs wrong answers, and prompt ${lacking.index} has none`,
      fix: 'choose another target, or add wrong_answers to the data',
    });
  }
  return {
    length,
    prompts: prompts.map((prompt) => ({
      ...prompt,
      ...swappedSides(prompt),
      ...(prompt.byPosition ? { byPosition: prompt.byPosition.map(swappedSides) } : {}),
    })),
  };
}

const swappedSides = ({ index, answers, wrongAnswers }: AnswerSides): AnswerSides => ({
  index,
  answers: wrongAnswers,
  wrongAnswers: answers,
});

/** The clean logit difference of each prompt. @throws AutoCircuitError `undefined-metric` where it is 0 */
async function logitDifferences(model: PatchableModel, batch: PromptBatch): Promise<number[]> {
  const rows = positionRows(await cleanLogits(model, batch), batch);
  return batch.prompts.map((prompt, i) => {
    const difference = meanOverAnswers(rows[i]!, prompt, (row, sides) =>
      promptAnswerValue(row, sides, 'logit', 'diff'),
    );
    if (difference !== 0) return difference;
    throw new AutoCircuitError({
      code: 'undefined-metric',
      fields: { metric: 'logit-diff-percent', prompt: prompt.index },
      where: 'learned masks',
      what: `the model's logit difference on prompt ${prompt.index} is 0, so nothing can be a percentage of it`,
      fix: 'choose another target, or prompts on which the model can do the task',
    });
  });
}
