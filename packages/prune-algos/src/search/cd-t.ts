/** @file Contextual decomposition: what each edge carries to the output while attention patterns and norms stay as they are. */
import {
  definePruneAlgo,
  elementCount,
  type FloatArray,
  floatTensor,
  type Graph,
  type Mask,
  type Objective,
  objectiveOnLogits,
  type PromptBatch,
  type PruneAlgoContext,
  scorePlace,
  scoreShape,
  type Tensor,
} from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { CHOSEN_EDGES, chosenEdges } from './chosen-edges.js';
import { edgeByEdge } from './edge-by-edge.js';
import type { EdgeLosses } from './exact-losses.js';

/** What is taken from the clean run whatever is patched: the decomposition goes through these as through constants. */
const HELD = ['attn.pattern', 'scale'];
/** Prompts × edges of one run, about; many more make it no faster. */
const ITEMS = 64;
/** Numbers of the masks of one run, at most. */
const MASK_NUMBERS = 2 ** 23;

/**
 * Contextual decomposition for transformers (CD-T: Hsu et al. 2024, "Efficient Automated Circuit Discovery in Transformers using
 * Contextual Decomposition", https://arxiv.org/abs/2407.00886), edge by edge. Every activation is the sum of a relevant part β,
 * what the edge carries beyond what is patched in (clean_u − patch_u at first), and the irrelevant rest γ:
 * - a matrix takes each part by itself; its bias belongs to γ;
 * - a norm centres each part and divides both by the σ of the clean run;
 * - attention weighs each part's values by the pattern of the clean run;
 * - an activation gives γ′ = act(γ) and β′ = act(β + γ) − act(γ); a gate is a product of two such.
 *
 * score(u→v) = M(logits of γ) − M(clean logits): how much worse the output is without the relevant part. Since γ is what a run
 * with the edge patched computes under those rules, that is how it is made (`frozen` of patched runs). On a model without
 * attention, norms and activations it equals `exact`. An edge into a query or key can only move patterns, so it scores 0 and is
 * not run. Mean over prompts with standard errors, in the unit of M, the run's objective.
 *
 * The paper's code divides biases between the parts, and moves parts of opposite signs together; both make scores that are not
 * effects of the edge on a linear model, and neither is done here. It scores nodes; here single edges are.
 *
 * Use it to see what is carried from u to the output by values and MLPs alone.
 */
export const cdT = definePruneAlgo({
  name: 'cd-t',
  doc: 'contextual decomposition: what each edge carries to the output, with attention patterns and norms held as they are',
  formula:
    'score(u→v) = M(γ) − M(clean); γ: the run with u→v patched, where patterns and the σ of norms are those of the clean run; β = clean − γ is the relevant part',
  use: 'To tell what an edge carries from what it makes heads attend to: exact effects with attention patterns held fixed, so that edges into queries and keys score 0. It takes a run for each other edge; relp with frozenPattern=true is its cheap relative.',
  papers: [PAPERS.cdT],
  gradients: false,
  options: CHOSEN_EDGES,
  byPrompt: true,
  score(context, { edges: named, top }) {
    const { graph, model } = context;
    const frozen = HELD.filter((role) => model.roles.some((own) => own === role || own.endsWith(`.${role}`)));
    const moves = (edge: number): boolean => !(frozen.includes('attn.pattern') && intoPattern(graph, edge));
    const chosen = chosenEdges('cd-t', graph, named, top).filter(moves);
    return edgeByEdge(context, {
      name: 'cd-t',
      chosen,
      losses: (batch, objective, edges) => irrelevantLosses(context, frozen, batch, objective, edges),
    });
  },
});

/** Whether an edge leads into a query or key alone. */
function intoPattern(graph: Graph, edge: number): boolean {
  const { module } = scorePlace(graph, edge);
  const { input } = graph.destinationBlocks.find((block) => block.module === module)!;
  return input === 'q' || input === 'k';
}

/** M of γ for each edge; some edges run together, as many in every run, so that each is computed in the same way. */
async function* irrelevantLosses(
  { model, graph, patch, signal }: PruneAlgoContext,
  frozen: readonly string[],
  batch: PromptBatch,
  objective: Objective,
  edges: readonly number[],
): AsyncGenerator<EdgeLosses> {
  const prompts = batch.prompts.length;
  const together = Math.max(1, Math.floor(Math.min(ITEMS, MASK_NUMBERS / graph.edgeCount) / prompts));
  const wide = { length: batch.length, prompts: Array.from({ length: together }, () => batch.prompts).flat() };
  /** Logits of each edge patched by itself, null for none; as many as run together. */
  const run = async (patched: readonly (number | null)[]): Promise<Tensor<Float32Array>[]> => {
    signal?.throwIfAborted();
    const mask = maskByItem(graph, patched, prompts);
    const { data, shape } = await model.patchedRun(wide, { input: 'clean', patch, mask, frozen });
    const each = data.length / together;
    return patched.map((_, i) => floatTensor(data.slice(i * each, (i + 1) * each), [prompts, ...shape.slice(1)]));
  };
  const [cleanLogits] = await run(Array(together).fill(null));
  const lossesOf = (logits: Tensor<Float32Array>) =>
    objectiveOnLogits(objective, logits, batch, { cleanLogits: cleanLogits! });
  const baseline = lossesOf(cleanLogits!);
  for (let from = 0; from < edges.length; from += together) {
    const own = edges.slice(from, from + together);
    const logits = await run([...own, ...Array(together - own.length).fill(null)]);
    yield { baseline, losses: logits.slice(0, own.length).map(lossesOf) };
  }
}

/** A mask for each item, edge after edge and in each the prompts: [edges · prompts, …] by module, 1 at the item's edge. */
function maskByItem(graph: Graph, patched: readonly (number | null)[], prompts: number): Mask {
  const items = patched.length * prompts;
  const tensors: Record<string, Tensor<FloatArray>> = {};
  for (const block of graph.destinationBlocks) {
    const shape = scoreShape(graph, block);
    tensors[block.module] = floatTensor<FloatArray>(new Float32Array(items * elementCount(shape)), [items, ...shape]);
  }
  for (const [i, edge] of patched.entries()) {
    if (edge === null) continue;
    const { module, offset } = scorePlace(graph, edge);
    const { data } = tensors[module]!;
    const size = data.length / items;
    for (let p = 0; p < prompts; p++) data[(i * prompts + p) * size + offset] = 1;
  }
  return { perItem: true, tensors };
}
