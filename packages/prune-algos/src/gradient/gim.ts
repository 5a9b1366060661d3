/** @file Gradient interaction modifications: EAP with gradients corrected for what interacting factors hide from each other. */
import { type BackwardOverride, definePruneAlgo } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { gradientScores, rulesThatHold } from './gradient-scores.js';

/**
 * A norm's 1/σ is a constant; the softmax of attention passes gradients as at `temperature` (without the factor
 * 1/temperature), since at 1 strong keys hide each other's effect; factors of a product share their gradient: gate and up
 * half each, values half, queries and keys a quarter.
 */
export const gimRules = (temperature: number): readonly BackwardOverride[] => [
  { kind: 'stop', role: 'scale' },
  { kind: 'softmaxTemperature', role: 'attn.pattern', temperature },
  { kind: 'scale', role: 'attn.q', factor: 0.25 },
  { kind: 'scale', role: 'attn.k', factor: 0.25 },
  { kind: 'scale', role: 'attn.v', factor: 0.5 },
  { kind: 'scale', role: 'mlp.gate', factor: 0.5 },
  { kind: 'scale', role: 'mlp.up', factor: 0.5 },
];

/**
 * GIM (Edin et al. 2025, "GIM: Improved Interpretability for Large Language Models", https://arxiv.org/abs/2505.17630):
 * score(u→v) = Σ (patch_u − clean_u) · g_v, where g_v is the gradient at v under the rules above. Mean over prompts, in the
 * unit of M, the run's objective.
 *
 * Use it where attention is saturated, so that plain gradients through its softmax vanish, at the price of `eap`: two forward
 * passes and one backward.
 */
export const gim = definePruneAlgo({
  name: 'gim',
  doc: 'EAP with gradient interaction modifications: norms fixed, softer attention, products sharing their gradient',
  formula:
    'score(u→v) = Σ (patch_u − clean_u) · g_v; g_v is ∂M/∂in_v with norm scales constant, the softmax at a higher temperature, and gradients shared between the factors of a product',
  use: 'When attention is saturated and plain gradients vanish in its softmax. It costs as much as eap.',
  papers: [PAPERS.gim],
  options: {
    temperature: {
      type: 'number',
      doc: 'temperature of the attention softmax in the backward pass; 1 is the softmax itself',
      default: 2,
      min: 0.01,
    },
  },
  byPrompt: true,
  units: batchUnits,
  score: (context, { temperature }) =>
    gradientScores(context, {
      key: ['gim', temperature],
      objective: context.objective,
      points: [{}],
      backward: rulesThatHold(context.model, gimRules(temperature)),
    }),
});
