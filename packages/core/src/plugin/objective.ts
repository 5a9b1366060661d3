/** @file What an objective is as a contribution: what scores are gradients of, and masks are trained on. */
import { AutoCircuitError } from '../errors/error.js';
import type { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue } from '../ir/program/program.js';
import { OBJECTIVES, type ObjectiveName } from '../objectives/names.js';
import type { Objective, ObjectiveBatch } from '../objectives/objective.js';
import type { PromptBatch } from '../prompts/types.js';
import type { FloatArray, Tensor } from '../tensor/tensor.js';
import type { Explained } from './explained.js';
import { optionDefaults } from './option-values.js';
import type { OptionTable, OptionValues } from './options.js';
import { optionsText } from './options-text.js';

/** What every objective says of itself. */
interface ObjectiveBase<T extends OptionTable> extends Explained {
  readonly kind: 'objective';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  /** Whether prompts need wrong answers for it. Default: no. */
  readonly needsWrongAnswers?: boolean;
}

/**
 * What scores are gradients of: one loss for each prompt, higher where the answer is worse. In one of three forms:
 * - `of`: a program fragment (`LossFragment`), whose gradient follows and which every backend computes;
 * - `value` and `gradient`: functions of the logits on the host, for what no program says; the model runs twice;
 * - `standard`: one of the engine's own.
 */
export type ObjectiveDefinition<T extends OptionTable = OptionTable> = ObjectiveBase<T> &
  (
    | {
        /**
         * @param logits [batch, outputs], or [batch, positions, outputs] where several positions are read
         * @param reference the clean run's, shaped like `logits`
         * @returns the loss of each prompt, float [batch], or [batch, positions], of which the mean is taken
         */
        of(
          builder: ProgramBuilder,
          logits: AnyValue,
          reference: AnyValue,
          batch: ObjectiveBatch,
          options: OptionValues<T>,
        ): AnyValue;
      }
    | {
        /** The loss of each prompt [prompts], from logits [prompts, positions?, outputs]. */
        value(logits: Tensor<FloatArray>, batch: PromptBatch, options: OptionValues<T>): ArrayLike<number>;
        /** ∂(its prompt's loss)/∂logits, as many numbers as there are logits and in their order. */
        gradient(logits: Tensor<FloatArray>, batch: PromptBatch, options: OptionValues<T>): ArrayLike<number>;
      }
    | { readonly standard: Objective }
  );

/** Leaves a union as it is, where `Omit` would join its members. */
type WithoutKind<D> = D extends unknown ? Omit<D, 'kind'> : never;

/**
 * An objective as a contribution. The option table's type is erased: the table itself checks values when they arrive.
 * @example
 * defineObjective({ name: 'wrong-prob', doc: 'probability of the wrong answers', options: {},
 *   of: (b, logits, _reference, { wrongAnswers }) => b.sum(b.mul(b.softmax(logits), wrongAnswers), -1) });
 */
export const defineObjective = <const T extends OptionTable>(
  objective: WithoutKind<ObjectiveDefinition<T>>,
): ObjectiveDefinition => Object.freeze({ kind: 'objective', ...objective }) as unknown as ObjectiveDefinition;

/** An objective with its options, as a run takes it. */
export interface ChosenObjective {
  /** Its name, with the options that are not at their defaults: `year-prob(years=5)`. */
  readonly text: string;
  readonly needsWrongAnswers: boolean;
  readonly objective: Objective;
}

/**
 * An objective with its options, as runs and algorithms take it.
 * @param options checked by the table; default: its defaults
 */
export function chooseObjective(
  definition: ObjectiveDefinition,
  options: Readonly<Record<string, string | number | boolean>> = optionDefaults(definition.options),
): ChosenObjective {
  const { name, needsWrongAnswers = false } = definition;
  return { text: optionsText(name, definition.options, options), needsWrongAnswers, objective: made() };

  function made(): Objective {
    if ('standard' in definition) return definition.standard;
    if ('of' in definition) {
      return {
        kind: 'fragment',
        name,
        of: (b, logits, reference, batch) => definition.of(b, logits, reference, batch, options),
      };
    }
    return {
      kind: 'host',
      name,
      value: (logits, batch) => definition.value(logits, batch, options),
      gradient: (logits, batch) => definition.gradient(logits, batch, options),
    };
  }
}

/** The objective of a request: a built-in one by its name, or one with its options. */
export function objectiveChosen(asked: ObjectiveName | ChosenObjective): ChosenObjective {
  if (typeof asked !== 'string') return asked;
  const known = BUILT_IN_OBJECTIVES.find(({ name }) => name === asked);
  if (known) return chooseObjective(known);
  throw new AutoCircuitError({
    code: 'unknown-name',
    where: 'run',
    what: `there is no built-in objective "${String(asked)}"`,
    expected: Object.keys(OBJECTIVES).join(', '),
    fields: { what: 'objective', name: asked, nearest: [], known: Object.keys(OBJECTIVES) },
  });
}

/** The objectives that core contributes. */
export const BUILT_IN_OBJECTIVES: readonly ObjectiveDefinition[] = Object.freeze(
  Object.entries(OBJECTIVES).map(([name, { doc, needsWrongAnswers, objective }]) =>
    defineObjective({ name, doc, options: {}, needsWrongAnswers, standard: objective }),
  ),
);
