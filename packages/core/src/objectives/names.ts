/** @file The objectives of runs, by the names that requests and option tables use. */
import type { Objective } from './objective.js';

/** What runs can maximise, by name. */
export const OBJECTIVES = {
  'logit-diff': {
    doc: 'logit of the answer − logit of the wrong answer',
    needsWrongAnswers: true,
    objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
  },
  'prob-diff': {
    doc: 'probability of the answer − of the wrong answer',
    needsWrongAnswers: true,
    objective: { kind: 'answers', tokenFunction: 'prob', value: 'diff' },
  },
  'logprob-diff': {
    doc: 'log probability of the answer − of the wrong answer',
    needsWrongAnswers: true,
    objective: { kind: 'answers', tokenFunction: 'logprob', value: 'diff' },
  },
  'answer-logit': {
    doc: 'logit of the answer',
    needsWrongAnswers: false,
    objective: { kind: 'answers', tokenFunction: 'logit', value: 'value' },
  },
  'answer-prob': {
    doc: 'probability of the answer',
    needsWrongAnswers: false,
    objective: { kind: 'answers', tokenFunction: 'prob', value: 'value' },
  },
  'answer-logprob': {
    doc: 'log probability of the answer',
    needsWrongAnswers: false,
    objective: { kind: 'answers', tokenFunction: 'logprob', value: 'value' },
  },
  mse: {
    doc: 'squared difference to the prompts’ targets',
    needsWrongAnswers: false,
    objective: { kind: 'mse', tokenFunction: 'logit' },
  },
  kl: { doc: 'KL divergence from the clean output', needsWrongAnswers: false, objective: { kind: 'kl' } },
} as const satisfies Readonly<Record<string, { doc: string; needsWrongAnswers: boolean; objective: Objective }>>;
/** An objective, by name. */
export type ObjectiveName = keyof typeof OBJECTIVES;
