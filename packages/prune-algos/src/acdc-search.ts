/** @file The search of ACDC, for all thresholds at once. */
import {
  AutoCircuitError,
  type CheckpointData,
  edgeEnds,
  type FloatArray,
  type Graph,
  klDivergence,
  maskFromEdges,
  meanOverPositions,
  type PromptBatch,
  type PruneAlgoContext,
  type PruneScores,
  positionRows,
  unflattenScores,
} from '@auto-circuit/core';
import { batchesKey, resumableWork } from './resume.js';

export type AcdcFaithfulness = 'kl' | 'mse';
export interface AcdcSettings {
  readonly faithfulness: AcdcFaithfulness;
  readonly taus: readonly number[];
  /** A batch is what ACDC's prompts are; `all` takes the mean over the prompts of every batch. */
  readonly prompts: 'first-batch' | 'all';
  /** Canonical edge numbers, each at most once; edges left out are never removed. Default: `acdcOrder`. */
  readonly order?: readonly number[];
}
/** What the search with one threshold came to. */
export interface AcdcAtTau {
  readonly tau: number;
  /** Canonical numbers, in the order removed. */
  readonly removed: readonly number[];
  /** Distance to the clean output with all of these patched. */
  readonly distance: number;
}
export interface AcdcResult {
  /** The smallest τ that removed the edge, ∞ if none did. */
  readonly scores: PruneScores;
  /** In the order of `taus`. */
  readonly perTau: readonly AcdcAtTau[];
}

/** The usual thresholds, by faithfulness. */
export const TAU_GRIDS: Readonly<Record<AcdcFaithfulness, readonly number[]>> = Object.freeze({
  kl: [1e-6, 1e-5, 1e-4, 1e-3],
  mse: [1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
});

/** Edges by the layer of their destination, the last layer first; inside a layer in canonical order. */
export function acdcOrder(graph: Graph): number[] {
  const layers = Int32Array.from({ length: graph.edgeCount }, (_, edge) => edgeEnds(graph, edge).destination.layer);
  return Array.from(layers.keys()).sort((a, b) => layers[b]! - layers[a]! || a - b);
}

/**
 * For each τ: starts with nothing patched, visits the edges in order, patches one more, and keeps it patched when
 * d(now) − d(before) < τ (signed). d is KL(clean ‖ run), or the mean squared difference of logits, averaged over the
 * positions read and the prompts; in float64 on the host. Thresholds that have removed the same edges so far share a run.
 *
 * @throws AutoCircuitError for thresholds or an order that cannot be used
 */
export async function acdcSearch(context: PruneAlgoContext, settings: AcdcSettings): Promise<AcdcResult> {
  const { graph } = context;
  const { faithfulness, taus, order = acdcOrder(graph) } = settings;
  checkTaus(taus);
  checkOrder(graph, order);
  const batches = settings.prompts === 'all' ? context.batches : context.batches.slice(0, 1);
  let branches: readonly Branch[] = [{ taus: taus.map((_, t) => t), removed: [], distance: 0 }];
  let visited = 0;
  const work = await resumableWork(context, {
    key: ['acdc', faithfulness, taus, settings.prompts, settings.order ?? null, graph.edgeCount, batchesKey(context)],
    total: order.length,
    unit: 'edges',
    state: () => saved(branches, visited),
  });
  if (work.saved) {
    visited = Number(work.saved.state.visited);
    branches = restored(work.saved);
  }
  const distanceOf = await distances(context, batches, faithfulness);
  while (visited < order.length) {
    const edge = order[visited]!;
    const next: Branch[] = [];
    for (const branch of branches) {
      const removed = [...branch.removed, edge];
      const distance = await distanceOf(removed);
      const accepts = (t: number): boolean => distance - branch.distance < taus[t]!;
      const yes = branch.taus.filter(accepts);
      const no = branch.taus.filter((t) => !accepts(t));
      if (yes.length > 0) next.push({ taus: yes, removed, distance });
      if (no.length > 0) next.push({ ...branch, taus: no });
    }
    branches = next;
    visited++;
    await work.step(visited);
  }
  return result(graph, taus, branches);
}

/** Thresholds (by index) whose searches have done the same so far. */
interface Branch {
  readonly taus: readonly number[];
  readonly removed: readonly number[];
  readonly distance: number;
}

function result(graph: Graph, taus: readonly number[], branches: readonly Branch[]): AcdcResult {
  const flat = new Float32Array(graph.edgeCount).fill(Number.POSITIVE_INFINITY);
  const perTau = taus.map((tau, t) => {
    const { removed, distance } = branches.find((branch) => branch.taus.includes(t))!;
    for (const edge of removed) flat[edge] = Math.min(flat[edge]!, tau);
    return { tau, removed, distance };
  });
  return { scores: unflattenScores(graph, flat), perTau };
}

/** How far the output is from the clean one when these edges are patched, mean over prompts. */
async function distances(
  { model, graph, patch }: PruneAlgoContext,
  batches: readonly PromptBatch[],
  faithfulness: AcdcFaithfulness,
): Promise<(edges: readonly number[]) => Promise<number>> {
  const run = async (edges: readonly number[], batch: PromptBatch): Promise<FloatArray[][]> => {
    const mask = maskFromEdges(graph, edges, { inside: 1, outside: 0 });
    return positionRows(await model.patchedRun(batch, { input: 'clean', patch, mask }), batch); // [prompts][positions][outputs]
  };
  const clean: FloatArray[][][] = [];
  for (const batch of batches) clean.push(await run([], batch)); // by the same program, so that rounding cancels
  return async (edges) => {
    let sum = 0;
    let prompts = 0;
    for (const [b, batch] of batches.entries()) {
      for (const [i, rows] of (await run(edges, batch)).entries()) {
        sum += meanOverPositions(rows, (row, p) => DISTANCES[faithfulness](clean[b]![i]![p]!, row));
        prompts++;
      }
    }
    return sum / prompts;
  };
}

const DISTANCES: Readonly<Record<AcdcFaithfulness, (clean: FloatArray, run: FloatArray) => number>> = {
  kl: klDivergence,
  mse(clean, run) {
    let sum = 0;
    for (let token = 0; token < run.length; token++) sum += (run[token]! - clean[token]!) ** 2;
    return sum / run.length;
  },
};

function checkTaus(taus: readonly number[]): void {
  const bad = taus.find((tau) => !(tau > 0 && Number.isFinite(tau)));
  if (taus.length > 0 && bad === undefined) return;
  throw new AutoCircuitError({
    where: 'acdc',
    what: 'the thresholds are not usable',
    expected: 'numbers above 0, one at least',
    got: taus.length > 0 ? `${bad}` : 'none',
  });
}

function checkOrder(graph: Graph, order: readonly number[]): void {
  for (const edge of order) edgeEnds(graph, edge); // throws for numbers that are no edges
  if (new Set(order).size === order.length) return;
  throw new AutoCircuitError({
    where: 'acdc',
    what: 'the visiting order names an edge twice',
    expected: `each of ${graph.edgeCount} edges at most once`,
    got: `${order.length} numbers, ${new Set(order).size} of them distinct`,
  });
}

const saved = (branches: readonly Branch[], visited: number): CheckpointData => ({
  state: { visited, taus: branches.map(({ taus }) => taus) },
  arrays: {
    distances: Float64Array.from(branches, ({ distance }) => distance),
    ...Object.fromEntries(branches.map(({ removed }, i) => [`removed/${i}`, Float64Array.from(removed)])),
  },
});

function restored({ state, arrays }: CheckpointData): Branch[] {
  return (state.taus as number[][]).map((taus, i) => {
    const removed = arrays[`removed/${i}`];
    const distance = arrays.distances?.[i];
    if (removed && distance !== undefined) return { taus, removed: [...removed], distance };
    throw new AutoCircuitError({
      where: 'acdc',
      what: 'the checkpoint lacks a part of the search',
      fix: 'start again with --overwrite',
    });
  });
}
