/** @file Relevance patching: EAP with the backward rules of layer-wise relevance propagation. */
import { type BackwardOverride, definePruneAlgo } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { gradientScores, rulesThatHold } from './gradient-scores.js';

/**
 * The rules of relevance propagation in transformers, as gradients: a norm's 1/σ is a constant (LN rule); an activation is
 * z times the constant act(z)/z (identity rule); a product of gate and up passes half to each (half rule); and on demand an
 * attention pattern is a constant (AH rule). Linear layers need none (0 rule).
 */
export const relpRules = (frozenPattern: boolean): readonly BackwardOverride[] => [
  { kind: 'stop', role: 'scale' },
  { kind: 'stop', role: 'mlp.slope' },
  { kind: 'scale', role: 'mlp.gate', factor: 0.5 },
  { kind: 'scale', role: 'mlp.up', factor: 0.5 },
  ...(frozenPattern ? [{ kind: 'stop', role: 'attn.pattern' } as const] : []),
];

/**
 * RelP (Jafari et al. 2025, "RelP: Faithful and Efficient Circuit Discovery via Relevance Patching",
 * https://arxiv.org/abs/2508.21258): score(u→v) = Σ (patch_u − clean_u) · r_v, where r_v is what the gradient at v becomes
 * under the rules above. Equal to EAP where the model is linear. Mean over prompts, in the unit of M, the run's objective.
 *
 * Use it where local slopes of norms and activations mislead `eap`, at the same price: two forward passes and one backward.
 */
export const relp = definePruneAlgo({
  name: 'relp',
  doc: 'relevance patching: EAP with the gradient replaced by relevance coefficients (norms and activations held fixed)',
  formula:
    'score(u→v) = Σ (patch_u − clean_u) · r_v; r_v is ∂M/∂in_v with norm scales and act(z)/z held constant and products halved',
  use: 'When the local slopes of norms and activations mislead eap, at the same price. Where the model is linear, the two are equal.',
  papers: [PAPERS.relp],
  options: {
    frozenPattern: {
      type: 'boolean',
      doc: 'also hold attention patterns fixed; edges into queries and keys then score 0',
      default: false,
    },
  },
  byPrompt: true,
  units: batchUnits,
  score: (context, { frozenPattern }) =>
    gradientScores(context, {
      key: ['relp', frozenPattern],
      objective: context.objective,
      points: [{}],
      backward: rulesThatHold(context.model, relpRules(frozenPattern)),
    }),
});
