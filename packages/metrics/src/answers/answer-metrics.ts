/** @file How metrics of answers are made from a token function: the mean over prompts, or its share of the whole model's. */
import {
  type AnswerValue,
  defineMetric,
  type Explained,
  type Metric,
  type TokenFunction,
} from '@auto-circuit/core/plugin';
import { answerValues } from '../shared/prompt-values.js';
import { meanValue, ratioOfMeans } from '../shared/statistics.js';

/** A metric of answers, in terms of a token function. */
export interface AnswerMetricSpec extends Explained {
  readonly name: string;
  readonly doc: string;
  readonly tokenFunction: TokenFunction;
  readonly value: AnswerValue;
  readonly unit: string;
}

const WANTS_WRONG: Readonly<Record<AnswerValue, boolean>> = { diff: true, value: false, wrong: true };
/** A circuit that likes wrong answers is a worse one. */
const HIGHER_IS_BETTER: Readonly<Record<AnswerValue, boolean>> = { diff: true, value: true, wrong: false };

/** The mean over prompts of each prompt's answer value. Standard error over prompts. */
export const answerMetric = ({ tokenFunction, value, unit, ...words }: AnswerMetricSpec): Metric =>
  defineMetric({
    ...words,
    options: {},
    higherIsBetter: HIGHER_IS_BETTER[value],
    needsWrongAnswers: WANTS_WRONG[value],
    unit,
    reads: ['answers'],
    measure: ({ circuit, outputSize }) =>
      meanValue(words.name, answerValues(circuit, outputSize, tokenFunction, value)),
  });

/** A metric that is a percentage of the model's own difference. */
export interface PercentMetricSpec extends Explained {
  readonly name: string;
  readonly doc: string;
  readonly tokenFunction: TokenFunction;
  /** The difference in words, for the error when the model has none. */
  readonly what: string;
}

/** 100 · (mean difference of the circuit) / (mean difference of the model). Standard error by the delta method. */
export const percentMetric = ({ tokenFunction, what, ...words }: PercentMetricSpec): Metric =>
  defineMetric({
    ...words,
    options: {},
    higherIsBetter: true,
    needsWrongAnswers: true,
    unit: '%',
    reads: ['answers'],
    measure({ circuit, clean, outputSize }) {
      const numerators = answerValues(circuit, outputSize, tokenFunction, 'diff');
      const denominators = answerValues(clean, outputSize, tokenFunction, 'diff');
      return ratioOfMeans(words.name, { numerators, denominators, scale: 100, what });
    },
  });
