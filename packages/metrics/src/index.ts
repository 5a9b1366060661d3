/**
 * @file Metrics: how faithful a circuit is. One file each; `metricsPlugin` holds them all. Beside them, what is said of
 * prune scores and of whole curves: ROC, overlap, areas, completeness.
 * @module
 */
import { definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { answerLogit } from './answer-logit.js';
import { answerLogprob } from './answer-logprob.js';
import { answerProb } from './answer-prob.js';
import { faithfulness } from './faithfulness.js';
import { kl } from './kl.js';
import { klCorrupt } from './kl-corrupt.js';
import { logitDiff } from './logit-diff.js';
import { logitDiffPercent } from './logit-diff-percent.js';
import { logprobDiff } from './logprob-diff.js';
import { logprobDiffPercent } from './logprob-diff-percent.js';
import { mse } from './mse.js';
import { percentCorrect } from './percent-correct.js';
import { percentCorrectAboveWrong } from './percent-correct-above-wrong.js';
import { probDiff } from './prob-diff.js';
import { probDiffPercent } from './prob-diff-percent.js';
import { wrongAnswerLogit } from './wrong-answer-logit.js';

/** All metrics of this package, for a registry. */
export const metricsPlugin: Plugin = definePlugin({
  name: '@auto-circuit/metrics',
  contributes: [
    kl,
    klCorrupt,
    mse,
    logitDiff,
    logitDiffPercent,
    probDiff,
    probDiffPercent,
    logprobDiff,
    logprobDiffPercent,
    answerLogit,
    wrongAnswerLogit,
    answerProb,
    answerLogprob,
    percentCorrect,
    percentCorrectAboveWrong,
    faithfulness,
  ],
});

export * from './area-under-curve.js';
export * from './completeness.js';
export * from './mib.js';
export * from './overlap.js';
export * from './roc.js';
export {
  answerLogit,
  answerLogprob,
  answerProb,
  faithfulness,
  kl,
  klCorrupt,
  logitDiff,
  logitDiffPercent,
  logprobDiff,
  logprobDiffPercent,
  mse,
  percentCorrect,
  percentCorrectAboveWrong,
  probDiff,
  probDiffPercent,
  wrongAnswerLogit,
};
