/** @file What the algorithms that learn masks share: their options, and the settings of a training made from them. */
import {
  AutoCircuitError,
  edgesByName,
  type Graph,
  HARD_CONCRETE,
  type MaskFunctionName,
  type OptionValues,
  type PatchDescription,
  type PruneAlgoContext,
} from '@auto-circuit/core/plugin';
import { seededNoise } from './mask-noise.js';
import type { MaskTrainingSettings } from './mask-training.js';

/** Where masks usually start: ln(p / (1 − p)) with p = (0.9 − left) / (right − left). */
export const USUAL_INIT = Math.log((0.9 - HARD_CONCRETE.left) / (HARD_CONCRETE.right - 0.9));

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
    doc: 'what the circuit is to keep: the clean output (kl, mse), the answer, the wrong answer, or a percentage of the model',
    values: ['kl', 'mse', 'answer', 'wrong-answer', 'percent-correct', 'logit-diff-percent'],
    default: 'kl',
  },
  maskFunction: {
    type: 'enum',
    doc: 'from parameters to masks: sampled around 0 and 1, a sigmoid, or the parameter itself',
    values: ['hard-concrete', 'sigmoid', 'none'],
    default: 'hard-concrete',
  },
  learningRate: { type: 'number', doc: 'the learning rate of Adam', default: 0.1, min: 0 },
  epochs: { type: 'int', doc: 'times through the prompts; a step a batch', default: 200, min: 1 },
  dropout: {
    type: 'number',
    doc: 'mask dropout: how likely a step leaves an edge of a prompt unpatched; the others are scaled by 1/(1 − p)',
    default: 0,
    min: 0,
    max: 0.99,
  },
  avoid: { type: 'string', doc: 'names of edges to keep out of the circuit, with commas between them', default: '' },
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
  rest: Pick<MaskTrainingSettings, 'init' | 'lambda' | 'size' | 'countBy'>,
): MaskTrainingSettings {
  const { patchType, target, maskFunction, learningRate, epochs, dropout, avoid, avoidLambda } = options;
  const side = SIDES[patchType];
  return {
    ...rest,
    patchType,
    input: side.input,
    patch: side.patch(where, patch),
    target,
    targets: objective.kind === 'mse' ? objective.targets : undefined,
    maskFunction,
    noise: seededNoise(seed, purpose),
    dropout,
    learningRate,
    epochs,
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

const edgeList = (graph: Graph, text: string): number[] =>
  text.trim() === '' ? [] : text.split(',').flatMap((name) => edgesByName(graph, name.trim()));
