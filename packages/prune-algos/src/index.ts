/** @file Pruning algorithms: one number for each edge of a transformer. One file each; `pruneAlgosPlugin` holds them all. */
import { definePlugin, type Plugin } from '@auto-circuit/core';
import { acdc } from './acdc.js';
import { activationMagnitude } from './activation-magnitude.js';
import { adversarialKnockouts } from './adversarial-knockouts.js';
import { circuitProbing } from './circuit-probing.js';
import { cleanCorrupted } from './clean-corrupted.js';
import { eap } from './eap.js';
import { eapIgActivations } from './eap-ig-activations.js';
import { eapIgInputs } from './eap-ig-inputs.js';
import { edgePruning } from './edge-pruning.js';
import { exact } from './exact.js';
import { gim, gimRules } from './gim.js';
import { informationFlowRoutes } from './information-flow-routes.js';
import { integratedEdgeGradients } from './integrated-edge-gradients.js';
import { knownEdges } from './known-edges.js';
import { maskGradient } from './mask-gradient.js';
import { nodeAttribution } from './node-attribution.js';
import { random } from './random.js';
import { relp, relpRules } from './relp.js';
import { subnetworkProbing } from './subnetwork-probing.js';
import { ugs } from './ugs.js';

/** All algorithms of this package, for a registry. */
export const pruneAlgosPlugin: Plugin = definePlugin({
  name: '@auto-circuit/prune-algos',
  contributes: [
    eap,
    eapIgInputs,
    eapIgActivations,
    relp,
    gim,
    informationFlowRoutes,
    nodeAttribution,
    cleanCorrupted,
    maskGradient,
    integratedEdgeGradients,
    exact,
    acdc,
    subnetworkProbing,
    circuitProbing,
    ugs,
    edgePruning,
    activationMagnitude,
    random,
    knownEdges,
    adversarialKnockouts,
  ],
});

export * from './acdc-search.js';
export { type CircuitProbingRequest, circuitProbingScores } from './circuit-probing.js';
export { FAITHFULNESS_TARGETS, type FaithfulnessTarget } from './faithfulness-targets.js';
export * from './knockout-training.js';
export { type MaskNoise, seededNoise } from './mask-noise.js';
export * from './mask-training.js';
export * from './presets.js';
export {
  acdc,
  activationMagnitude,
  adversarialKnockouts,
  circuitProbing,
  cleanCorrupted,
  eap,
  eapIgActivations,
  eapIgInputs,
  edgePruning,
  exact,
  gim,
  gimRules,
  informationFlowRoutes,
  integratedEdgeGradients,
  knownEdges,
  maskGradient,
  nodeAttribution,
  random,
  relp,
  relpRules,
  subnetworkProbing,
  ugs,
};
