import {
  flattenScores,
  type Graph,
  type PruneAlgoContext,
  parseOptions,
  scorePlace,
  uniformAt,
} from '@auto-circuit/core/plugin';
import { pruneAlgoContext } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { madeUpRuns, runOf } from '../testing/made-up-runs.js';
import { edgePruning } from './edge-pruning.js';
import { blockRanges } from './parameter-layout.js';
import { subnetworkProbing } from './subnetwork-probing.js';
import { ugs } from './ugs.js';
import { warmStart } from './warm-start.js';

let context: PruneAlgoContext;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ context, dispose } = await pruneAlgoContext({}));
});
afterAll(() => dispose());

describe('warmStart', () => {
  it('gives normal scores of ranks, in the order of the score tensors', async () => {
    const { graph } = context;
    const n = graph.edgeCount;
    expect(n).toBe(13);
    const scores = Array.from({ length: n }, (_, edge) => (edge % 2 ? -1 : 1) * (edge + 1)); // rank of edge e: e + 1
    const offsets = (await warmStart('test', graph, { from: await runOf(graph, scores), warmth: 2 }))!;
    // Φ⁻¹(12.5 / 13) = 1.76883 by SciPy; as far to the other side for the weakest
    const strongest = tensorPlace(graph, n - 1);
    expect(offsets[strongest]).toBeCloseTo(2 * 1.76883, 4);
    expect(offsets[tensorPlace(graph, 0)]).toBeCloseTo(2 * -1.76883, 4);
    expect(offsets.reduce((sum, x) => sum + x, 0)).toBeCloseTo(0, 4);
  });

  it('gives equal scores the same start', async () => {
    const { graph } = context;
    const scores = Array.from({ length: graph.edgeCount }, (_, edge) => (edge < 7 ? 0 : 1));
    const offsets = (await warmStart('test', graph, { from: await runOf(graph, scores), warmth: 1 }))!;
    // mean ranks 4 and 10½ of 13: Φ⁻¹(3.5 / 13) = -0.61514 and Φ⁻¹(10 / 13) = 0.73632 by SciPy
    expect(offsets[tensorPlace(graph, 0)]).toBeCloseTo(-0.61514, 4);
    expect(offsets[tensorPlace(graph, 12)]).toBeCloseTo(0.73632, 4);
    expect(new Set(offsets).size).toBe(2);
  });

  it('is none without a run, and refuses one that tells nothing apart', async () => {
    expect(await warmStart('test', context.graph, { from: '', warmth: 1 })).toBeNull();
    const equal = await runOf(context.graph, Array(context.graph.edgeCount).fill(3));
    await expect(warmStart('test', context.graph, { from: equal, warmth: 1 })).rejects.toMatchObject({
      code: 'wrong-scores',
      fields: { path: equal },
    });
  });
});

it.each([
  [subnetworkProbing, { epochs: 1, learningRate: 0 }],
  [ugs, { epochs: 1, learningRate: 0 }],
  [edgePruning, { steps: 1, learningRate: 0 }],
] as const)('$name starts in the order of the run', async (algo, options) => {
  const [run] = await madeUpRuns(context.graph, [5]);
  const { scores } = await algo.score(context, parseOptions(algo.options, { ...options, from: run }, algo.name));
  // nothing was learned, so what is scored is the start
  const flat = flattenScores(context.graph, scores);
  const cold = await algo.score(context, parseOptions(algo.options, options, algo.name));
  const before = flattenScores(context.graph, cold.scores);
  const spread = (list: ArrayLike<number>): number => Math.max(...Array.from(list)) - Math.min(...Array.from(list));
  expect(spread(flat)).toBeGreaterThan(spread(before) + 1);
  const sizes = Array.from({ length: context.graph.edgeCount }, (_, edge) => Math.abs(uniformAt(5, edge) - 0.5));
  const [strongest, weakest] = [Math.max, Math.min].map((end) => sizes.indexOf(end(...sizes))) as [number, number];
  expect(flat[strongest]).toBe(Math.max(...flat));
  expect(flat[weakest]).toBe(Math.min(...flat));
});

/** Where an edge stands in the list that goes through the score tensors. */
function tensorPlace(graph: Graph, edge: number): number {
  const { module, offset } = scorePlace(graph, edge);
  return blockRanges(graph).find((range) => range.module === module)!.start + offset;
}
