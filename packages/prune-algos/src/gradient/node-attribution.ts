/** @file Node attribution: the effect of whole source nodes, and of the single numbers that they write if asked for. */
import {
  definePruneAlgo,
  floatTensor,
  type Graph,
  type NodeScores,
  type PromptGradients,
  type PruneScores,
  type SourceBlock,
} from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import type { PointScores } from '../shared/prompt-means.js';
import { type GradientPoint, gradientScores } from './gradient-scores.js';

/**
 * Node attribution (attribution patching, Nanda 2023; as EAP-IG's `attribute_node`): score(u) = Σ over positions and dModel
 * of (patch_u − clean_u) · ∂M/∂a_u, where a_u is what u writes to the residual stream, by all paths from there. In the
 * factorized graph that is the sum of the scores of u's edges. Every edge gets the score of its source, so a circuit holds
 * all edges out of its nodes; `nodes.json` has the nodes themselves. With `neurons` each of the dModel numbers that u writes
 * has a score as well (`neurons.safetensors`): the summands of score(u).
 *
 * `gradient` says where ∂M/∂a_u is taken: `clean`; `ig-inputs`, the points of `eap-ig-inputs`; or `ig-activations`, those of
 * `eap-ig-activations` that move the node's own block (Marks et al. 2024, https://arxiv.org/abs/2403.19647). Mean over
 * prompts, in the unit of M, the run's objective.
 *
 * Use it for questions about heads, MLPs or neurons rather than edges.
 */
export const nodeAttribution = definePruneAlgo({
  name: 'node-attribution',
  doc: 'the effect of each source node, by gradients; edges get the score of their source',
  formula: 'score(u) = Σ (patch_u − clean_u) · ∂M/∂a_u; in the factorized graph, the sum of the scores of u’s edges',
  use: 'For questions about heads, MLPs or single neurons rather than edges.',
  papers: [PAPERS.eapIg, PAPERS.sparseFeatures],
  options: {
    gradient: {
      type: 'enum',
      doc: "clean: the clean run; ig-*: averaged between the patched-in and the clean input, or each node's output",
      values: ['clean', 'ig-inputs', 'ig-activations'],
      default: 'clean',
    },
    steps: { type: 'int', doc: 'number of points between the two that ig-* averages over', default: 5, min: 1 },
    neurons: { type: 'boolean', doc: 'also score every number that each node writes', default: false },
  },
  byPrompt: true,
  units: batchUnits,
  async score(context, { gradient, steps, neurons }) {
    const { graph } = context;
    const { means, ...result } = await gradientScores(context, {
      key: ['node-attribution', gradient, gradient === 'clean' ? 0 : steps, neurons],
      objective: context.objective,
      points: POINTS[gradient](graph, steps).map(({ own, ...point }) => ({
        ...point,
        share: (gradients: PromptGradients) => nodeShare(graph, gradients, neurons, own),
      })),
      sums: neurons ? neuronCount(graph) : 0,
      neurons: true,
    });
    return { ...result, nodes: nodesOf(graph, result.scores, means) };
  },
});

interface NodePoint extends Pick<GradientPoint, 'at'> {
  /** The block whose nodes count this point; default all. */
  readonly own?: SourceBlock;
}
const POINTS: Readonly<Record<'clean' | 'ig-inputs' | 'ig-activations', (graph: Graph, steps: number) => NodePoint[]>> =
  {
    clean: () => [{}],
    'ig-inputs': (_, steps) =>
      Array.from({ length: steps }, (_point, k) => ({ at: { kind: 'input', alpha: k / steps } })),
    'ig-activations': (graph, steps) =>
      graph.sourceBlocks.flatMap((own) =>
        Array.from({ length: steps }, (_, k) => ({
          own,
          at: { kind: 'activations', site: own.site, alpha: (k + 1) / steps },
        })),
      ),
  };

/** [position, sources, dModel] */
const neuronCount = ({ layout, options, sources }: Graph): number =>
  (options.positions ?? 1) * sources.length * layout.dModel;

/** Scores of nodes [prompts, position?, sources], put on their edges; and the numbers they are sums of, over the prompts. */
function nodeShare(graph: Graph, { neurons }: PromptGradients, keep: boolean, own?: SourceBlock): PointScores {
  const { dModel } = graph.layout;
  const sources = graph.sources.length;
  const positions = graph.options.positions ?? 1;
  const times = own ? graph.sourceBlocks.length : 1; // the mean goes over all blocks' points
  const [first] = Object.values(neurons!);
  const prompts = first!.shape[0]!;
  const nodes = new Float64Array(prompts * positions * sources); // [prompts, position, sources]
  const sums = new Float64Array(keep ? neuronCount(graph) : 0); // [position, sources, dModel]
  for (const block of own ? [own] : graph.sourceBlocks) {
    const { data } = neurons![block.module]!; // [prompts, position?, rows, dModel]
    const rows = block.stop - block.start;
    for (let i = 0; i < data.length; i++) {
      const at = Math.floor(i / dModel); // [prompts, position, rows]
      const node = Math.floor(at / rows) * sources + block.start + (at % rows);
      const value = data[i]! * times;
      nodes[node]! += value;
      if (keep) sums[(node % (positions * sources)) * dModel + (i % dModel)]! += value;
    }
  }
  return { tensors: onEdges(graph, nodes, prompts), ...(keep ? { sums } : {}) };
}

/** By destination module [prompts, position?, head?, sources]: what each edge's source has. */
function onEdges(graph: Graph, nodes: Float64Array, prompts: number): PruneScores {
  const positions = graph.options.positions ?? 1;
  const total = graph.sources.length;
  const tensors = graph.destinationBlocks.map(({ module, heads, sources: { start, stop } }) => {
    const width = stop - start;
    const rows = heads ?? 1;
    const data = Float64Array.from({ length: prompts * positions * rows * width }, (_, i) => {
      const place = Math.floor(i / (rows * width)); // [prompts, position]
      return nodes[place * total + start + (i % width)]!;
    });
    const shape = [
      prompts,
      ...(graph.options.positions === null ? [] : [positions]),
      ...(heads === null ? [] : [heads]),
      width,
    ];
    return [module, floatTensor(data, shape)] as const;
  });
  return Object.fromEntries(tensors);
}

/** Read off the edges, every source having at least one. */
function nodesOf(graph: Graph, scores: PruneScores, neurons: Float64Array | undefined): NodeScores {
  const positions = graph.options.positions ?? 1;
  const total = graph.sources.length;
  const data = new Float64Array(positions * total); // [position, sources]
  for (const { module, heads, sources } of graph.destinationBlocks) {
    const width = sources.stop - sources.start;
    const rows = heads ?? 1;
    scores[module]!.data.forEach((score, i) => {
      data[Math.floor(i / (rows * width)) * total + sources.start + (i % width)] = score;
    });
  }
  const shape = [...(graph.options.positions === null ? [] : [positions]), total];
  return {
    scores: floatTensor(data, shape),
    ...(neurons ? { neurons: floatTensor(neurons, [...shape, graph.layout.dModel]) } : {}),
  };
}
