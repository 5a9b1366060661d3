/** @file Whether mask gradients are derivatives: `eap` scores of sampled edges against differences of patched runs. */

import { maskFromEdges } from '../graph/circuit.js';
import { edgeAt } from '../graph/edges.js';
import { scorePlace } from '../graph/score-index.js';
import type { Graph } from '../graph/types.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { objectiveOnLogits } from '../objectives/on-logits.js';
import type { PatchableModel, PromptGradients } from '../patch/requests/patchable-model.js';
import type { PromptBatch } from '../prompts/types.js';
import type { CheckedDifference } from './residual-sums.js';

/** What is checked, and how many edges of it. */
export interface GradientCheckRequest {
  readonly model: PatchableModel;
  readonly batch: PromptBatch;
  readonly edges: number;
  readonly seed: number;
  /** Operations that a logit has gone through, one after the other, in each of which it is rounded: what noise is computed from. */
  readonly depth: number;
}

const REQUEST = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } } as const;
const OBJECTIVE = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
/** Steps in the mask, each a quarter of the one before it: the best depends on how curved the loss is along an edge. */
const STEPS = [2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -10];
const ROUNDING = 2 ** -24;
/** Half of the edges are drawn from so many of the highest scores, as a part of all; elsewhere most scores are nearly 0. */
const HIGHEST = 0.02;

/**
 * `eap` at mask 0 against (16 · D(h/4) − D(h)) / 15, where D(h) = (M(h) − M(−h)) / 2h is a central difference of patched runs with
 * the edge alone at ±h (Richardson's extrapolation), at the h of a ladder whose bound is least among those that all narrower ones bear out. Gives the place where the
 * difference is the largest part of its bound.
 *
 * The bound at an edge: |D(h/4) − D(h)| / 15, which is the error of D(h/4) up to order h⁴ and more than that of the extrapolation,
 * but not less than what the step before it, |D(h) − D(4h)|, predicts for it, a sixteenth; and noise. D(h) is off by 1/h and D(h/4)
 * by 4/h of what M is, so the extrapolation by (16 · 4 + 1) / 15h = 13/3h of it. M is the difference of two logits, each rounded
 * in `depth` independent steps: by 2⁻²⁴ √depth of the largest logit, or of the largest score where that is more, since what a value
 * is rounded by moves M by that part of its score.
 */
export async function gradientsAgainstDifferences(request: GradientCheckRequest): Promise<CheckedDifference> {
  const { model, batch, depth } = request;
  const { tensors } = await model.maskGradient(batch, { ...REQUEST, objective: OBJECTIVE });
  const edges = sampledEdges(request, tensors);
  const largestScore = largestOf(Object.values(tensors));
  let worst = { value: 0, bound: Number.MIN_VALUE, at: '' };
  for (const edge of edges) {
    const { module, offset } = scorePlace(model.graph, edge);
    const masks = STEPS.flatMap((step) =>
      [step, -step].map((inside) => maskFromEdges(model.graph, [edge], { inside, outside: 0 })),
    );
    const logits = await model.patchedRuns(batch, { ...REQUEST, masks }); // of each mask [prompts, outputSize]
    const largestLogit = Math.max(
      ...logits.map(({ data }) => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0)),
    );
    const noise = (13 / 3) * 2 * ROUNDING * Math.sqrt(depth) * Math.max(largestLogit, largestScore);
    const losses = logits.map((of) => objectiveOnLogits(OBJECTIVE, of, batch));
    const gradients = tensors[module]!;
    const stride = gradients.data.length / batch.prompts.length;
    for (const prompt of batch.prompts.keys()) {
      const { slope, bound } = extrapolated(
        losses.map((loss) => loss[prompt]!),
        noise,
      );
      const value = Math.abs(gradients.data[prompt * stride + offset]! - slope);
      if (!(value / bound <= worst.value / worst.bound)) {
        worst = { value, bound, at: edgeAt(model.graph, edge).name };
      }
    }
  }
  return { ...worst, count: edges.length };
}

const largestOf = (tensors: readonly { readonly data: Float32Array }[]): number =>
  Math.max(...tensors.map(({ data }) => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0)));

/** The slope at 0 from the losses at +h and −h of every step, at the step with the least bound. `noise` is that at h = 1. */
function extrapolated(losses: readonly number[], noise: number): { readonly slope: number; readonly bound: number } {
  const differences = STEPS.map((step, i) => (losses[2 * i]! - losses[2 * i + 1]!) / (2 * step));
  const found = STEPS.slice(2).map((_, i) => {
    const [wider, wide, narrow] = differences.slice(i, i + 3) as [number, number, number];
    const change = Math.max(Math.abs(narrow - wide), Math.abs(wide - wider) / 16);
    return { slope: (16 * narrow - wide) / 15, bound: change / 15 + noise / STEPS[i + 1]! };
  });
  // Wide differences may agree by chance and both be wrong: then narrower ones are elsewhere.
  const borneOut = found.filter((one, i) =>
    found.slice(i + 1).every(({ slope, bound }) => Math.abs(one.slope - slope) <= one.bound + bound),
  );
  return borneOut.reduce((best, next) => (next.bound < best.bound ? next : best));
}

/** Edges by number: half at random, half at random among those with the highest scores. */
function sampledEdges(
  { model: { graph }, batch, edges, seed }: GradientCheckRequest,
  tensors: PromptGradients['tensors'],
): number[] {
  const random = seededRandom(seed, 'gradient check');
  const total = graph.edgeCount;
  const size = (edge: number): number => meanSize(graph, batch, tensors, edge);
  const ranked = Array.from({ length: total }, (_, edge) => [edge, size(edge)] as const).sort((a, b) => b[1] - a[1]);
  const highest = ranked.slice(0, Math.max(edges, Math.ceil(HIGHEST * total)));
  const chosen = new Set<number>();
  const wanted = Math.min(edges, total);
  while (chosen.size < Math.ceil(wanted / 2)) chosen.add(highest[random.below(highest.length)]![0]);
  while (chosen.size < wanted) chosen.add(random.below(total));
  return [...chosen];
}

/** The mean over prompts of |score|. */
function meanSize(graph: Graph, batch: PromptBatch, tensors: PromptGradients['tensors'], edge: number): number {
  const { module, offset } = scorePlace(graph, edge);
  const { data } = tensors[module]!;
  const stride = data.length / batch.prompts.length;
  return batch.prompts.reduce((sum, _, i) => sum + Math.abs(data[i * stride + offset]!), 0) / batch.prompts.length;
}
