/** @file The options by which gradient algorithms fix an objective of their own, in AutoCircuit's terms. */
import { AutoCircuitError, isPluginObjective, type Objective, type OptionValues } from '@auto-circuit/core/plugin';

/** Options of algorithms that fix an objective of their own; `objectiveOf` makes it. */
export const OBJECTIVE_OPTIONS = {
  tokenFunction: {
    type: 'enum',
    doc: 'what is read from the output; logit-exp is exp(logit) over a constant copy of the sum of all of them',
    values: ['logit', 'prob', 'logprob', 'logit-exp'],
    default: 'logit',
  },
  answers: {
    type: 'enum',
    doc: 'diff: answers minus wrong answers; value: answers alone; mse: squared distance to the targets of the objective mse; objective: the run’s; auto: the run’s where a plugin defines it, else diff',
    values: ['auto', 'diff', 'value', 'mse', 'objective'],
    default: 'auto',
  },
} as const;
/** Values of `OBJECTIVE_OPTIONS`. */
export type ObjectiveOptionValues = OptionValues<typeof OBJECTIVE_OPTIONS>;

const TOKEN_FUNCTIONS = { logit: 'logit', prob: 'prob', logprob: 'logprob', 'logit-exp': 'logitExp' } as const;

/**
 * The objective that the options name, or the run's. `mse` takes its targets from the run's own objective, or from the prompts.
 * @throws AutoCircuitError `conflicting-options` for `mse` when the run's objective is another.
 */
export function objectiveOf(
  where: string,
  { tokenFunction, answers }: ObjectiveOptionValues,
  runObjective: Objective,
): Objective {
  if (answers === 'objective' || (answers === 'auto' && isPluginObjective(runObjective))) return runObjective;
  const token = TOKEN_FUNCTIONS[tokenFunction];
  if (answers === 'auto') return { kind: 'answers', tokenFunction: token, value: 'diff' };
  if (answers !== 'mse') return { kind: 'answers', tokenFunction: token, value: answers };
  if (runObjective.kind === 'mse') return { ...runObjective, tokenFunction: token };
  throw new AutoCircuitError({
    code: 'conflicting-options',
    fields: { options: ['answers', 'objective'], got: runObjective.kind },
    where,
    what: 'answers "mse" needs targets',
    expected: 'the objective mse, with "targets" in the data set or in a library call',
    got: `an objective of kind "${runObjective.kind}"`,
    fix: 'use the objective mse, or answers diff or value',
  });
}
