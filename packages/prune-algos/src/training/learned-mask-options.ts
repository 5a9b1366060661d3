/** @file What the algorithms that learn masks share: their options, and the settings of a training made from them. */
import {
  AutoCircuitError,
  type Graph,
  HARD_CONCRETE,
  isPluginObjective,
  type MaskFunctionName,
  type OptionValues,
  type Pace,
  type PatchDescription,
  type PruneAlgoContext,
} from '@auto-circuit/core/plugin';
import { edgeList } from '../shared/edge-list.js';
import { seededNoise } from './mask-noise.js';
import type { MaskTrainingSettings } from './mask-training.js';
import { WARM_START_OPTIONS } from './warm-start.js';

/** Where masks usually start: ln(p / (1 − p)) with p = (0.9 − left) / (right − left). */
export const USUAL_INIT = Math.log((0.9 - HARD_CONCRETE.left) / (HARD_CONCRETE.right - 0.9));

/**
 * Weight of a size that is asked for, in nats: what a circuit of twice the size costs. Above the KL that a circuit without
 * edges has (1 to 3 nats on most tasks), so that no edge beyond the size is worth its price.
 */
export const SIZE_WEIGHT = 2;

/** How the learning rates of a training change: options of every algorithm that trains masks. */
export const PACE_OPTIONS = {
  rateWarmup: { type: 'int', doc: 'steps over which learning rates rise from near 0', default: 0, min: 0 },
  rateDecay: {
    type: 'enum',
    doc: 'from there on: learning rates stay (none), or fall in a straight line to near 0 at the last step (linear)',
    values: ['linear', 'none'],
    default: 'linear',
  },
} as const;

/** The pace that these options ask for. */
export const paceOf = ({ rateWarmup, rateDecay }: OptionValues<typeof PACE_OPTIONS>): Pace => ({
  warmup: rateWarmup,
  decay: rateDecay,
});

/** @throws AutoCircuitError `invalid-option` for a size (0: none) above the graph's number of edges */
export function checkSize(where: string, graph: Graph, size: number): void {
  if (size <= graph.edgeCount) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'size', got: size },
    where,
    what: 'option "size" is more than the graph has edges',
    expected: `a number of edges up to ${graph.edgeCount}`,
    got: `${size}`,
  });
}

/** Options that every algorithm that learns masks by `MaskTraining` has. */
export const LEARNED_MASK_OPTIONS = {
  patchType: {
    type: 'enum',
    doc: 'tree: clean prompts, what is outside the circuit is patched; edge: corrupt prompts, the circuit is patched from the clean ones',
    values: ['tree', 'edge'],
    default: 'tree',
  },
  target: {
    type: 'enum',
    doc: 'what the circuit is to keep: the clean output (kl, mse), the answer, the wrong answer, a percentage of the model, or what makes the run’s objective small; auto: objective where a plugin defines it, else kl',
    values: ['auto', 'kl', 'mse', 'answer', 'wrong-answer', 'percent-correct', 'logit-diff-percent', 'objective'],
    default: 'auto',
  },
  maskFunction: {
    type: 'enum',
    doc: 'from parameters to masks: sampled around 0 and 1, a sigmoid, or the parameter itself',
    values: ['hard-concrete', 'sigmoid', 'none'],
    default: 'hard-concrete',
  },
  learningRate: { type: 'number', doc: 'the learning rate of Adam', default: 0.1, min: 0 },
  epochs: { type: 'int', doc: 'passes over the prompts; one step per batch', default: 100, min: 1 },
  ...PACE_OPTIONS,
  descent: {
    type: 'number',
    doc: 'share of the steps over which the size shrinks from all edges to the one requested; 0: requested at once',
    default: 0.5,
    min: 0,
    max: 1,
  },
  countBy: {
    type: 'enum',
    doc: 'how the edges of the circuit are counted: by their probability, or in one sample of the mask',
    values: ['probability', 'sample'],
    default: 'probability',
  },
  dropout: {
    type: 'number',
    doc: 'mask dropout: how likely a step leaves an edge of a prompt unpatched; the others are scaled by 1/(1 − p)',
    default: 0,
    min: 0,
    max: 0.99,
  },
  ...WARM_START_OPTIONS,
  avoid: { type: 'string', doc: 'names of edges to keep out of the circuit, separated by commas', default: '' },
  avoidLambda: { type: 'number', doc: 'weight of the edges to avoid, next to that of the size', default: 1 },
} as const;
/** Values of `LEARNED_MASK_OPTIONS`, with any mask function. */
export type LearnedMaskValues = Omit<OptionValues<typeof LEARNED_MASK_OPTIONS>, 'maskFunction'> & {
  readonly maskFunction: MaskFunctionName;
};

/**
 * Settings of a training on a run's prompts; noise by the run's seed and `purpose`.
 * @throws AutoCircuitError `conflicting-options` for an edge patch with another ablation than resample
 */
export function trainingSettings(
  where: string,
  purpose: string,
  { graph, objective, patch, seed }: Pick<PruneAlgoContext, 'graph' | 'objective' | 'patch' | 'seed'>,
  options: LearnedMaskValues,
  rest: Pick<MaskTrainingSettings, 'init' | 'lambda' | 'size' | 'warmStart'>,
): MaskTrainingSettings {
  const { patchType, target, maskFunction, learningRate, epochs, dropout, avoid, avoidLambda } = options;
  const { descent, countBy } = options;
  const side = SIDES[patchType];
  return {
    ...rest,
    patchType,
    input: side.input,
    patch: side.patch(where, patch),
    target: target === 'auto' ? (isPluginObjective(objective) ? 'objective' : 'kl') : target,
    objective,
    targets: objective.kind === 'mse' ? objective.targets : undefined,
    maskFunction,
    noise: seededNoise(seed, purpose),
    dropout,
    learningRate,
    epochs,
    descent,
    countBy,
    pace: paceOf(options),
    avoid: edgeList(graph, avoid),
    avoidLambda,
  };
}

/** An edge patch is from the clean prompts into the corrupt ones; another ablation would remove the circuit from a corrupt run. */
const SIDES = {
  tree: { input: 'clean', patch: (_where: string, patch: PatchDescription): PatchDescription => patch },
  edge: {
    input: 'corrupt',
    patch(where: string, patch: PatchDescription): PatchDescription {
      if (patch.kind === 'resample') return { kind: 'resample', from: 'clean' };
      throw new AutoCircuitError({
        code: 'conflicting-options',
        fields: { options: ['patchType', 'ablation'], got: patch.kind },
        where,
        what: 'an edge patch with another ablation than resample would remove the circuit from a corrupt run',
        expected: 'the ablation resample',
        got: `an ablation of kind "${patch.kind}"`,
        fix: 'use the patch type tree, or resample',
      });
    },
  },
} as const;
