/**
 * @file Front door `@auto-circuit/prune-algos`: pruning algorithms, which give every edge of a transformer one number. One
 * file each, in rooms by what they are made of: `gradient` (mask gradients), `forward` (one forward pass), `search` (patched
 * runs), `training` (learned masks), `combined` (scores of other runs), `baselines`; `shared` is what they have in common. `pruneAlgosPlugin` holds them all.
 * @module
 */
import { definePlugin, type Plugin } from '@auto-circuit/core/plugin';
import { knownEdges } from './baselines/known-edges.js';
import { random } from './baselines/random.js';
import { ensemble } from './combined/ensemble.js';
import { activationMagnitude } from './forward/activation-magnitude.js';
import { informationFlowRoutes } from './forward/information-flow-routes.js';
import { atpStar } from './gradient/atp-star.js';
import { cleanCorrupted } from './gradient/clean-corrupted.js';
import { eap } from './gradient/eap.js';
import { eapIgActivations } from './gradient/eap-ig-activations.js';
import { eapIgInputs } from './gradient/eap-ig-inputs.js';
import { gim, gimRules } from './gradient/gim.js';
import { integratedEdgeGradients } from './gradient/integrated-edge-gradients.js';
import { maskGradient } from './gradient/mask-gradient.js';
import { nodeAttribution } from './gradient/node-attribution.js';
import { relp, relpRules } from './gradient/relp.js';
import { acdc } from './search/acdc.js';
import { cdT } from './search/cd-t.js';
import { exact } from './search/exact.js';
import { subsetSampling } from './search/subset-sampling.js';
import { adversarialKnockouts } from './training/adversarial-knockouts.js';
import { circuitProbing } from './training/circuit-probing.js';
import { edgePruning } from './training/edge-pruning.js';
import { ibcircuit } from './training/ibcircuit.js';
import { subnetworkProbing } from './training/subnetwork-probing.js';
import { ugs } from './training/ugs.js';

/** All algorithms of this package, for a registry. */
export const pruneAlgosPlugin: Plugin = definePlugin({
  name: '@auto-circuit/prune-algos',
  contributes: [
    eap,
    eapIgInputs,
    eapIgActivations,
    relp,
    gim,
    atpStar,
    informationFlowRoutes,
    nodeAttribution,
    cleanCorrupted,
    maskGradient,
    integratedEdgeGradients,
    exact,
    cdT,
    subsetSampling,
    acdc,
    subnetworkProbing,
    circuitProbing,
    ugs,
    edgePruning,
    ibcircuit,
    activationMagnitude,
    random,
    knownEdges,
    adversarialKnockouts,
    ensemble,
  ],
});

export { PRESETS, type Preset, type PresetSetting, presetNamed, presetOptions } from './presets.js';
export {
  type AcdcAtTau,
  type AcdcFaithfulness,
  type AcdcResult,
  type AcdcSettings,
  acdcOrder,
  acdcSearch,
  TAU_GRIDS,
} from './search/acdc-search.js';
export { type CircuitProbingRequest, circuitProbingScores } from './training/circuit-probing.js';
export type { FaithfulnessTarget } from './training/faithfulness-targets.js';
export { KnockoutTraining, type KnockoutTrainingSettings, OUTSIDE } from './training/knockout-training.js';
export { type MaskNoise, seededNoise } from './training/mask-noise.js';
export { MaskTraining, type MaskTrainingSettings, type TrainingCurves } from './training/mask-training.js';
export {
  acdc,
  activationMagnitude,
  adversarialKnockouts,
  atpStar,
  cdT,
  circuitProbing,
  cleanCorrupted,
  eap,
  eapIgActivations,
  eapIgInputs,
  edgePruning,
  exact,
  gim,
  gimRules,
  ibcircuit,
  informationFlowRoutes,
  integratedEdgeGradients,
  knownEdges,
  maskGradient,
  nodeAttribution,
  random,
  relp,
  relpRules,
  subnetworkProbing,
  subsetSampling,
  ugs,
};
