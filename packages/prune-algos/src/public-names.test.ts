import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as door from './index.js';

it('the door has these values and no others: what changes here, users see', () => {
  expect(Object.keys(door).sort().join('\n')).toMatchInlineSnapshot(`
    "KnockoutTraining
    MaskTraining
    OUTSIDE
    PRESETS
    TAU_GRIDS
    acdc
    acdcOrder
    acdcSearch
    activationMagnitude
    adversarialKnockouts
    atpStar
    cdT
    circuitProbing
    circuitProbingScores
    cleanCorrupted
    eap
    eapIgActivations
    eapIgInputs
    edgePruning
    exact
    gim
    gimRules
    ibcircuit
    informationFlowRoutes
    integratedEdgeGradients
    knownEdges
    maskGradient
    nodeAttribution
    presetNamed
    presetOptions
    pruneAlgosPlugin
    random
    relp
    relpRules
    seededNoise
    subnetworkProbing
    subsetSampling
    ugs"
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
    "AcdcAtTau
    AcdcFaithfulness
    AcdcResult
    AcdcSettings
    CircuitProbingRequest
    FaithfulnessTarget
    KnockoutTrainingSettings
    MaskNoise
    MaskTrainingSettings
    Preset
    PresetSetting
    TrainingCurves"
  `);
});
