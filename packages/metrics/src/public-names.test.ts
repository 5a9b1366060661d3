import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as door from './index.js';

it('the door has these values and no others: what changes here, users see', () => {
  expect(Object.keys(door).sort().join('\n')).toMatchInlineSnapshot(`
    "LEAST_SILHOUETTE
    MIB_FRACTIONS
    answerLogit
    answerLogprob
    answerProb
    areaUnderCurve
    circuitRates
    faithfulness
    groupCentres
    groupPrompts
    groupScores
    kl
    klCorrupt
    knockoutsAbove
    knownOverlap
    logitDiff
    logitDiffPercent
    logprobDiff
    logprobDiffPercent
    metricsPlugin
    mibEdgeCounts
    mibRocArea
    mibRocCounts
    mibScores
    mse
    ndf
    nearestGroups
    overlapMatrix
    percentCorrect
    percentCorrectAboveWrong
    probDiff
    probDiffPercent
    promptSimilarities
    rankCorrelation
    rocArea
    rocAreaMetric
    rocCurve
    rocPointAt
    sameUnderKnockouts
    silhouettes
    topOverlap
    wrongAnswerLogit"
  `);
});

it('the door has these types and no others: what changes here, users see', () => {
  const text = readFileSync(new URL('index.ts', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) => names!.split(','));
  const types = listed
    .map((name) => name.trim().replace(/^type /, ''))
    .filter((name) => name !== '' && !(name in door));
  expect(text).not.toContain('export *');
  expect(types.sort().join('\n')).toMatchInlineSnapshot(`
    "AreaOptions
    CircuitRates
    CurvePoint
    FaithfulnessPoint
    GroupCentres
    GroupingOptions
    KnockoutRequest
    KnockoutResult
    MibScores
    Overlap
    PromptGroups
    RocOptions
    RocPoint
    Similarities"
  `);
});
