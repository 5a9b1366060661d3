/** @file AutoCircuit's named configurations, as an algorithm of ours with options each. */
import { AutoCircuitError, unknownName } from '@auto-circuit/core/plugin';
import { USUAL_INIT } from './training/learned-mask-options.js';

/** What some configurations need to know beside the options. */
export interface PresetSetting {
  /** Edges of the graph: sizes that it does not have are left out. */
  readonly edgeCount: number;
  /** Number of edges of the known circuit, where the configuration aims at its size. Algorithms that search never see the circuit itself. */
  readonly trueSize?: number;
  /** Names of the edges of the known circuit, for the configuration that is that circuit. */
  readonly trueEdges?: readonly string[];
}
/** A configuration of AutoCircuit. */
export interface Preset {
  /** `tree-probing` */
  readonly name: string;
  /** AutoCircuit's own name for it: `Tree Probing`. */
  readonly title: string;
  readonly algo: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** Sizes for circuit probing; `true` is that of the known circuit. */
  readonly sizes?: readonly (number | 'true')[];
  /** Whether it is the known circuit itself: its option `edges` names the edges. */
  readonly isKnownCircuit?: boolean;
}

const gradient = (tokenFunction: string, answers: string) => ({ tokenFunction, answers, mask: 0 });
/** AutoCircuit's training: one learning rate, the size asked for at once, its edges counted in a sample of the mask. */
const training = (patchType: string, epochs: number, lambda: number, target = 'kl') => ({
  patchType,
  epochs,
  lambda,
  target,
  learningRate: 0.1,
  rateWarmup: 0,
  rateDecay: 'none',
  descent: 0,
  countBy: 'sample',
});
/** Its subnetwork probing starts with small circuits, its circuit probing with large ones. */
const subnetwork = (...settings: Parameters<typeof training>) => ({ ...training(...settings), init: USUAL_INIT });
const circuits = (...settings: Parameters<typeof training>) => ({ ...training(...settings), init: -USUAL_INIT });

/**
 * The configurations of AutoCircuit 1.0.1. Where ours differs by
 * design: patched in is the run's ablation, not always corrupt means; `mse` compares logits with the clean ones when the run's
 * objective brings no targets; scores are means over prompts.
 */
export const PRESETS: readonly Preset[] = Object.freeze([
  { name: 'official-circuit', title: 'Official Circuit', algo: 'known-edges', options: {}, isKnownCircuit: true },
  { name: 'act-mag', title: 'Act Mag', algo: 'activation-magnitude', options: {} },
  { name: 'random', title: 'Random', algo: 'random', options: {} },
  {
    name: 'edge-attribution-patching',
    title: 'Edge Attribution Patching',
    algo: 'mask-gradient',
    options: gradient('logit', 'diff'),
  },
  { name: 'acdc-kl', title: 'ACDC', algo: 'acdc', options: { faithfulness: 'kl', taus: '1e-6,1e-5,1e-4,1e-3' } },
  {
    name: 'acdc-mse',
    title: 'MSE ACDC',
    algo: 'acdc',
    options: { faithfulness: 'mse', taus: '1e-10,1e-9,1e-8,1e-7,1e-6,1e-5,1e-4,1e-3,1e-2,1e-1' },
  },
  {
    name: 'integrated-edge-gradients-logit-diff',
    title: 'Integrated Edge Gradients (Logit Diff)',
    algo: 'integrated-edge-gradients',
    options: { tokenFunction: 'logit', answers: 'diff', samples: 1000 },
  },
  {
    name: 'log-prob-gradient',
    title: 'Edge Answer Log Prob Gradient At Clean',
    algo: 'mask-gradient',
    options: gradient('logprob', 'value'),
  },
  {
    name: 'log-prob-diff-gradient',
    title: 'Edge Answer Log Prob Diff Gradient At Clean',
    algo: 'mask-gradient',
    options: gradient('logprob', 'diff'),
  },
  {
    name: 'logit-diff-gradient',
    title: 'Edge Answer Logit Diff Gradient At Clean',
    algo: 'mask-gradient',
    options: gradient('logit', 'diff'),
  },
  {
    name: 'logit-mse-gradient',
    title: 'Edge Answer Logit MSE Gradient At Clean',
    algo: 'mask-gradient',
    options: gradient('logit', 'mse'),
  },
  {
    name: 'subnetwork-edge-probing',
    title: 'Subnetwork Edge Probing',
    algo: 'subnetwork-probing',
    options: subnetwork('edge', 200, 0.5),
  },
  {
    name: 'circuit-edge-probing',
    title: 'Circuit Probing',
    algo: 'circuit-probing',
    options: circuits('edge', 2000, 0.1),
    sizes: ['true', 1000],
  },
  {
    name: 'subnetwork-tree-probing',
    title: 'Subnetwork Tree Probing',
    algo: 'subnetwork-probing',
    options: subnetwork('tree', 2000, 0.5),
  },
  {
    name: 'tree-probing',
    title: 'Tree Probing',
    algo: 'circuit-probing',
    options: circuits('tree', 200, 0.1),
    sizes: [100, 'true', 1000, 10_000],
  },
  {
    name: 'mse-subnetwork-tree-probing',
    title: 'MSE Subnetwork Tree Probing',
    algo: 'subnetwork-probing',
    options: subnetwork('tree', 200, 0.5, 'mse'),
  },
  {
    name: 'mse-tree-probing',
    title: 'MSE Tree Probing',
    algo: 'circuit-probing',
    options: circuits('tree', 200, 0.1, 'mse'),
    sizes: ['true'],
  },
  {
    name: 'opposite-tree-probing',
    title: 'Opposite Tree Probing',
    algo: 'circuit-probing',
    options: circuits('tree', 100, 0.1, 'wrong-answer'),
    sizes: ['true', 1000, 10_000],
  },
]);

/** The preset of this name or title. @throws AutoCircuitError `unknown-name` with the nearest names */
export function presetNamed(name: string): Preset {
  const found = PRESETS.find((preset) => preset.name === name || preset.title === name);
  if (found) return found;
  throw unknownName(
    'presets',
    'preset',
    name,
    PRESETS.map((preset) => preset.name),
  );
}

/**
 * The options to give `preset.algo`, checked by the algorithm's own table like any others.
 * @throws AutoCircuitError `no-known-circuit` when the preset aims at a known circuit or its size, and none is given;
 * `invalid-edge-count` when the graph has fewer edges
 */
export function presetOptions(
  { name, options, sizes, isKnownCircuit }: Preset,
  { edgeCount, trueSize, trueEdges }: PresetSetting,
): Readonly<Record<string, string | number | boolean>> {
  if (isKnownCircuit) {
    if (trueEdges && trueEdges.length > 0) return Object.freeze({ ...options, edges: trueEdges.join(',') });
    throw new AutoCircuitError({
      code: 'no-known-circuit',
      fields: { preset: name },
      where: 'presets',
      what: `"${name}" is the known circuit, and none is known here`,
      fix: 'use a task that has an official circuit, or known-edges with your own edges',
    });
  }
  if (!sizes) return options;
  const counts = sizes.map((size) => {
    if (size !== 'true') return size;
    if (trueSize !== undefined && trueSize >= 1 && trueSize <= edgeCount) return trueSize;
    throw new AutoCircuitError({
      code: trueSize === undefined ? 'no-known-circuit' : 'invalid-edge-count',
      fields: { preset: name, edges: trueSize, edgeCount },
      where: 'presets',
      what: `"${name}" aims at the size of the known circuit`,
      expected: `a number of edges from 1 to ${edgeCount}`,
      got: `${trueSize ?? 'none'}`,
      fix: 'give the size, or use circuit-probing with your own sizes',
    });
  });
  const usable = [...new Set(counts)].filter((count) => count <= edgeCount).sort((a, b) => a - b);
  return Object.freeze({ ...options, sizes: usable.join(',') });
}
