/** @file The options by which gradient algorithms fix an objective of their own, in AutoCircuit's terms. */
import { AutoCircuitError, type Objective, type OptionValues } from '@auto-circuit/core';

export const OBJECTIVE_OPTIONS = {
  tokenFunction: {
    type: 'enum',
    doc: 'what is read off the output; logit-exp is exp(logit) over a constant copy of the sum of all of them',
    values: ['logit', 'prob', 'logprob', 'logit-exp'],
    default: 'logit',
  },
  answers: {
    type: 'enum',
    doc: 'diff: answers minus wrong answers; value: answers alone; mse: squared distance to dense targets (library only)',
    values: ['diff', 'value', 'mse'],
    default: 'diff',
  },
} as const;
export type ObjectiveOptionValues = OptionValues<typeof OBJECTIVE_OPTIONS>;

const TOKEN_FUNCTIONS = { logit: 'logit', prob: 'prob', logprob: 'logprob', 'logit-exp': 'logitExp' } as const;

/**
 * The objective that the options name. `mse` takes its targets `[all prompts, vocab]` from the run's own objective.
 * @throws AutoCircuitError for `mse` when the run's objective has no targets, which no command line can give.
 */
export function objectiveOf(
  where: string,
  { tokenFunction, answers }: ObjectiveOptionValues,
  runObjective: Objective,
): Objective {
  const token = TOKEN_FUNCTIONS[tokenFunction];
  if (answers !== 'mse') return { kind: 'answers', tokenFunction: token, value: answers };
  if (runObjective.kind === 'mse') return { kind: 'mse', tokenFunction: token, targets: runObjective.targets };
  throw new AutoCircuitError({
    where,
    what: 'answers "mse" needs dense targets, which only a library call can give',
    expected: "an objective { kind: 'mse', targets: [prompts, vocab] }",
    got: `an objective of kind "${runObjective.kind}"`,
    fix: 'use diff or value',
  });
}
