/** @file The search of ACDC, for all thresholds at once. */
import {
  AutoCircuitError,
  edgeAt,
  edgeEnds,
  type FloatArray,
  type Graph,
  klDivergence,
  type Mask,
  maskFromEdges,
  meanOverPositions,
  type Objective,
  objectiveByBatch,
  objectiveOnLogits,
  type PromptBatch,
  type PruneAlgoContext,
  type PruneScores,
  positionRows,
  resumableWork,
  type Tensor,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import { batchesKey } from '../shared/batches-key.js';
import { type Branch, branchesOf, checkpointOf } from './acdc-branches.js';
import { type AcdcStep, acdcSteps, stepsAhead } from './acdc-steps.js';

/** Distance to the clean output: KL divergence (nats), mean squared difference of logits, or how much the run's objective rises. */
export type AcdcFaithfulness = 'kl' | 'mse' | 'objective';
/** What is searched, and on which prompts. */
export interface AcdcSettings {
  readonly faithfulness: AcdcFaithfulness;
  readonly taus: readonly number[];
  /** A batch is what ACDC's prompts are; `all` takes the mean over the prompts of every batch. */
  readonly prompts: 'first-batch' | 'all';
  /** Canonical edge numbers, each at most once; edges left out are never removed. Default: `acdcOrder`. */
  readonly order?: readonly number[];
  /** Whether all edges into a Q, K or V input of a head are tried at once before each by itself. Default: false. */
  readonly blocks?: boolean;
}
/** What the search with one threshold came to. */
export interface AcdcAtTau {
  readonly tau: number;
  /** Canonical numbers, in the order removed. */
  readonly removed: readonly number[];
  /** Distance to the clean output with all of these patched. */
  readonly distance: number;
}
/** What the searches with all thresholds came to. */
export interface AcdcResult {
  /** The smallest τ that removed the edge, ∞ if none did. */
  readonly scores: PruneScores;
  /** In the order of `taus`. */
  readonly perTau: readonly AcdcAtTau[];
}

/** The usual thresholds, by faithfulness. */
export const TAU_GRIDS: Readonly<Record<AcdcFaithfulness, readonly number[]>> = Object.freeze({
  kl: [1e-6, 1e-5, 1e-4, 1e-3],
  objective: [1e-4, 1e-3, 1e-2, 1e-1],
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
 * positions read and the prompts, or the run's objective minus that of the clean run; in float64 on the host. With `blocks`, all edges into a Q, K or V input of a head are first
 * tried at once, as in the original implementation of ACDC. Thresholds that have removed the same edges so far share a run.
 * The model runs several edges ahead of the decisions, as far as these are regular (see `visitNext`).
 *
 * @throws AutoCircuitError `invalid-option` for thresholds, `duplicate-edge` or `unknown-edge` for an order that cannot be used
 */
export async function acdcSearch(context: PruneAlgoContext, settings: AcdcSettings): Promise<AcdcResult> {
  const { graph } = context;
  const { faithfulness, taus, order = acdcOrder(graph), blocks = false } = settings;
  checkTaus(taus);
  checkOrder(graph, order);
  const steps = acdcSteps(graph, order, blocks);
  const batches = settings.prompts === 'all' ? context.batches : context.batches.slice(0, 1);
  const first: Branch = { taus: taus.map((_, t) => t), removed: [], distance: 0, visited: 0, rate: 0.5 };
  let branches: readonly Branch[] = [first];
  const work = await resumableWork(context, {
    where: 'acdc',
    key: [
      ...['acdc', faithfulness, taus, settings.prompts, settings.order ?? null],
      ...(blocks ? ['blocks'] : []),
      graph.edgeCount,
      batchesKey(context),
    ],
    total: steps.length,
    unit: blocks ? 'steps' : 'edges',
    state: () => checkpointOf(branches),
  });
  if (work.saved)
    branches = branchesOf(work.saved, {
      steps: steps.length,
      edgesPast: (visited) => [...new Set(steps.slice(0, visited).flatMap(({ edges }) => edges))],
      taus: taus.length,
      least: LEAST_DISTANCES[faithfulness],
    });
  const distancesOf = await distances(context, batches, faithfulness);
  for (;;) {
    const branch = branches.reduce((least, other) => (other.visited < least.visited ? other : least));
    if (branch.visited === steps.length) break;
    const grown = await visitNext(branch, { steps, taus, distancesOf });
    branches = branches.flatMap((other) => (other === branch ? grown : [other]));
    await work.step(branches.reduce((least, { visited }) => Math.min(least, visited), steps.length));
  }
  return result(graph, taus, branches);
}

/** How much of `rate` stays from one step to the next. */
const RATE_MEMORY = 0.9;

interface Visit {
  readonly steps: readonly AcdcStep[];
  readonly taus: readonly number[];
  readonly distancesOf: DistancesOf;
}

/**
 * Tries the next steps of a branch, as many as the model runs together: each as if those before it went as expected (all
 * removed, or all kept). Results are used in order up to the first that went otherwise, so the search is the same as one step
 * at a time.
 */
async function visitNext(branch: Branch, { steps, taus, distancesOf }: Visit): Promise<Branch[]> {
  const expected = branch.rate >= 0.5;
  const regular = Math.max(branch.rate, 1 - branch.rate);
  const ahead = stepsAhead(steps, branch.visited, expected);
  const next = ahead.map(({ step }) => step.edges);
  const found = await distancesOf(branch.removed, next, { removed: expected, chance: regular });
  let { distance, rate, visited } = branch;
  const removed = [...branch.removed];
  for (const [i, near] of found.entries()) {
    const { step, index } = ahead[i]!;
    const [past, pastParts] = [index + 1, index + 1 + step.parts];
    const accepts = (t: number): boolean => near - distance < taus[t]!;
    const [yes, no] = [branch.taus.filter(accepts), branch.taus.filter((t) => !accepts(t))];
    const gone = yes.length > 0;
    rate = RATE_MEMORY * rate + (1 - RATE_MEMORY) * (gone ? 1 : 0);
    if (gone && no.length > 0) {
      return [
        { taus: yes, removed: [...removed, ...step.edges], distance: near, visited: pastParts, rate },
        { taus: no, removed, distance, visited: past, rate },
      ];
    }
    visited = gone ? pastParts : past;
    if (gone) {
      for (const edge of step.edges) removed.push(edge);
      distance = near;
    }
    if (gone !== expected) break; // the others were tried as if this had gone otherwise
  }
  return [{ taus: branch.taus, removed, distance, visited, rate }];
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

/** What is expected of the next steps, and how likely it is of each. */
interface Expectation {
  readonly removed: boolean;
  readonly chance: number;
}
/**
 * How far the output is from the clean one (mean over prompts) with the removed edges patched, and those of one of the next
 * steps: alone where these are expected to stay, else with those before it. Of as many of the next steps as the model runs
 * together.
 */
type DistancesOf = (
  removed: readonly number[],
  next: readonly (readonly number[])[],
  expectation: Expectation,
) => Promise<readonly number[]>;

/** The edges of each step alone, or with all that come before it. */
function* variantsOf(steps: readonly (readonly number[])[], { removed }: Expectation): Generator<readonly number[]> {
  const before: number[] = [];
  for (const edges of steps) {
    for (const edge of edges) before.push(edge);
    yield removed ? [...before] : edges;
  }
}

async function distances(
  { model, graph, patch, batches: all, objective }: PruneAlgoContext,
  batches: readonly PromptBatch[],
  faithfulness: AcdcFaithfulness,
): Promise<DistancesOf> {
  const maskOf = (edges: readonly number[]): Mask => maskFromEdges(graph, edges, { inside: 1, outside: 0 });
  const objectives = objectiveByBatch(objective, all);
  const distanceTo: DistanceTo[] = []; // by batch
  for (const batch of batches) {
    const logits = await model.patchedRun(batch, { input: 'clean', patch, mask: maskOf([]) });
    distanceTo.push(DISTANCES[faithfulness](logits, batch, objectives[distanceTo.length]!));
  }
  return async (removed, next, expectation) => {
    const sums: number[] = [];
    let prompts = 0;
    for (const [b, batch] of batches.entries()) {
      const variants = variantsOf(next, expectation);
      const request = { input: 'clean', patch, mask: maskOf(removed), variants, chance: expectation.chance } as const;
      for await (const { logits } of model.patchedVariants(batch, request)) {
        for (const [v, run] of logits.entries()) {
          for (const distance of distanceTo[b]!(run)) sums[v] = (sums[v] ?? 0) + distance;
        }
        break; // what the next edges are tried on top of is decided by these
      }
      prompts += batch.prompts.length;
    }
    return sums.map((sum) => sum / prompts);
  };
}

/** How far a run is from the clean one, prompt by prompt: from logits [prompts, positions?, outputs]. */
type DistanceTo = (run: Tensor<FloatArray>) => Iterable<number>;
type MakeDistance = (clean: Tensor<FloatArray>, batch: PromptBatch, objective: Objective) => DistanceTo;

/** The mean over positions of a distance between two rows [outputs]. */
const byRow =
  (of: (clean: FloatArray, run: FloatArray) => number): MakeDistance =>
  (clean, batch) => {
    const rowsOfClean = positionRows(clean, batch); // [prompts][positions][outputs]
    return (run) =>
      positionRows(run, batch).map((rows, i) => meanOverPositions(rows, (row, p) => of(rowsOfClean[i]![p]!, row)));
  };

const DISTANCES: Readonly<Record<AcdcFaithfulness, MakeDistance>> = {
  kl: byRow(klDivergence),
  mse: byRow((clean, run) => {
    let sum = 0;
    for (let token = 0; token < run.length; token++) sum += (run[token]! - clean[token]!) ** 2;
    return sum / run.length;
  }),
  objective(cleanLogits, batch, objective) {
    const lossesOf = (run: Tensor<FloatArray>) => objectiveOnLogits(objective, run, batch, { cleanLogits });
    const clean = lossesOf(cleanLogits);
    return (run) => lossesOf(run).map((loss, i) => loss - clean[i]!);
  },
};

/**
 * No distance is below these: KL is a sum of p (ln p − ln q) that comes to 0 or more but for rounding, which is 2⁻⁵³ times
 * |ln p| (below 1e3) and the number of tokens (below 1e6) at the very most.
 */
const LEAST_DISTANCES: Readonly<Record<AcdcFaithfulness, number>> = {
  kl: -1e-6,
  mse: 0,
  objective: Number.NEGATIVE_INFINITY,
};

function checkTaus(taus: readonly number[]): void {
  const bad = taus.find((tau) => !(tau > 0 && Number.isFinite(tau)));
  if (taus.length > 0 && bad === undefined) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    where: 'acdc',
    what: 'the thresholds are not usable',
    expected: 'at least one number above 0',
    got: taus.length > 0 ? `${bad}` : 'none',
    fields: { option: 'taus', got: bad ?? null },
  });
}

function checkOrder(graph: Graph, order: readonly number[]): void {
  for (const edge of order) edgeEnds(graph, edge); // throws for numbers that are no edges
  if (new Set(order).size === order.length) return;
  throw new AutoCircuitError({
    code: 'duplicate-edge',
    fields: { name: edgeAt(graph, order.find((edge, i) => order.indexOf(edge) < i)!).name },
    where: 'acdc',
    what: 'the visiting order names an edge twice',
    expected: `each of ${graph.edgeCount} edges at most once`,
    got: `${order.length} numbers, ${new Set(order).size} of them distinct`,
  });
}
