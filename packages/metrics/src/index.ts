/**
 * @file Front door `@auto-circuit/metrics`: how faithful a circuit is. One file a metric: those of answers in `answers`, the
 * distances of whole outputs in `divergences`; `metricsPlugin` holds them all. Beside them, what is said of a curve of
 * circuits (`curves`: areas, CPR and CMD), of scores or circuits against others (`compare`: ROC, overlap, completeness), and of
 * prompts whose scores are alike (`groups`).
 * @module
 */

import { definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { answerLogit } from './answers/answer-logit.js';
import { answerLogprob } from './answers/answer-logprob.js';
import { answerProb } from './answers/answer-prob.js';
import { faithfulness } from './answers/faithfulness.js';
import { logitDiff } from './answers/logit-diff.js';
import { logitDiffPercent } from './answers/logit-diff-percent.js';
import { logprobDiff } from './answers/logprob-diff.js';
import { logprobDiffPercent } from './answers/logprob-diff-percent.js';
import { ndf } from './answers/ndf.js';
import { percentCorrect } from './answers/percent-correct.js';
import { percentCorrectAboveWrong } from './answers/percent-correct-above-wrong.js';
import { probDiff } from './answers/prob-diff.js';
import { probDiffPercent } from './answers/prob-diff-percent.js';
import { wrongAnswerLogit } from './answers/wrong-answer-logit.js';
import { knownOverlap, rocAreaMetric } from './compare/known-circuit.js';
import { kl } from './divergences/kl.js';
import { klCorrupt } from './divergences/kl-corrupt.js';
import { mse } from './divergences/mse.js';

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
    ndf,
    rocAreaMetric,
    knownOverlap,
  ],
});

export {
  type KnockoutRequest,
  type KnockoutResult,
  knockoutsAbove,
  sameUnderKnockouts,
} from './compare/completeness.js';
export { knownOverlap, rocAreaMetric } from './compare/known-circuit.js';
export { type Overlap, overlapMatrix, rankCorrelation, topOverlap } from './compare/overlap.js';
export { type RocOptions, type RocPoint, rocArea, rocCurve, rocPointAt } from './compare/roc.js';
export { type AreaOptions, areaUnderCurve, type CurvePoint } from './curves/area-under-curve.js';
export {
  type FaithfulnessPoint,
  MIB_FRACTIONS,
  type MibScores,
  mibEdgeCounts,
  mibScores,
} from './curves/mib.js';
export { type CircuitRates, circuitRates, mibRocArea, mibRocCounts } from './curves/mib-roc.js';
export { type GroupCentres, groupCentres, groupScores, nearestGroups } from './groups/centres.js';
export { type GroupingOptions, groupPrompts, LEAST_SILHOUETTE, type PromptGroups } from './groups/group-prompts.js';
export { silhouettes } from './groups/silhouette.js';
export { promptSimilarities, type Similarities } from './groups/similarity.js';
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
  ndf,
  percentCorrect,
  percentCorrectAboveWrong,
  probDiff,
  probDiffPercent,
  wrongAnswerLogit,
};
