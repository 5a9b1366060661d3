/** @file Searches on a model that runs several edges at once: the same as one edge at a time, and resumed to the same last bit. */
import {
  buildGraph,
  createPatchableModel,
  edgeAt,
  edgesByName,
  flattenScores,
  interpreterBackend,
  maskFromEdges,
  type PatchableModel,
  type PatchableModelRequest,
} from '@auto-circuit/core';
import { objectiveOnLogits, type PruneAlgoContext } from '@auto-circuit/core/plugin';
import { memoryCheckpoint, tinyPrompts, tinyTransformer } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { acdcOrder, acdcSearch, exact } from '../index.js';

const object = tinyTransformer({ heads: 3, kvHeads: 3 });
const graph = buildGraph(object.spec.layout);
const BATCH = tinyPrompts(2);

/** @param groups gets the sizes of the groups of variants that were asked for */
async function context(way?: PatchableModelRequest['way'], groups: number[] = []): Promise<PruneAlgoContext> {
  const backend = interpreterBackend({ precision: 'float64' });
  const model = await createPatchableModel({ model: object, graph, backend, ...(way ? { way } : {}) });
  const watched: PatchableModel = {
    ...model,
    graph,
    patchedRun: (...args) => model.patchedRun(...args),
    async *patchedVariants(...args) {
      for await (const group of model.patchedVariants(...args)) {
        groups.push(group.logits.length);
        yield group;
      }
    },
  };
  return {
    model: watched,
    graph,
    batches: [BATCH],
    objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    patch: { kind: 'resample', from: 'corrupt' },
    seed: 0,
    progress: { report: () => undefined },
  };
}

describe('exact', () => {
  it('is the loss that each edge costs, though edges into a site run together', async () => {
    const groups: number[] = [];
    const own = await context(undefined, groups);
    const scores = flattenScores(graph, (await exact.score(own, {})).scores);
    expect(groups.reduce((a, b) => a + b)).toBe(graph.edgeCount);
    expect(Math.max(...groups)).toBe(31); // and a baseline: 32 runs
    const request = { input: 'clean', patch: own.patch } as const;
    const lossOf = async (edges: readonly number[]): Promise<number> => {
      const mask = maskFromEdges(graph, edges, { inside: 1, outside: 0 });
      const losses = objectiveOnLogits(
        own.objective,
        await own.model.patchedRun(BATCH, { ...request, mask }),
        BATCH,
        {},
      );
      return losses.reduce((a, b) => a + b) / losses.length;
    };
    const clean = await lossOf([]);
    for (let edge = 0; edge < graph.edgeCount; edge += 7) {
      expect(Math.abs(scores[edge]! - ((await lossOf([edge])) - clean))).toBeLessThan(1e-5); // logits are float32
    }
  });

  it('runs only the edges that are named, the first so many of them, and gives the rest 0', async () => {
    const whole = flattenScores(graph, (await exact.score(await context(), {})).scores);
    const names = ['A1.2->Resid End', 'Resid Start->A0.1.V', 'MLP 0->MLP 1'];
    const numbers = names.flatMap((name) => edgesByName(graph, name));
    const groups: number[] = [];
    const options = { edges: names.join(), top: 2 };
    const { scores, standardErrors } = await exact.score(await context(undefined, groups), options);
    expect(groups.reduce((a, b) => a + b)).toBe(2);
    const chosen = numbers.slice(0, 2);
    for (const [edge, score] of flattenScores(graph, scores).entries()) {
      // Other edges run beside it, so that float32 logits near 1 may end elsewhere: a few steps of 1.2e-7.
      if (chosen.includes(edge)) expect(Math.abs(score - whole[edge]!)).toBeLessThan(1e-5);
      else expect(score).toBe(0);
    }
    expect(flattenScores(graph, scores)[chosen[0]!]).not.toBe(0);
    expect(flattenScores(graph, standardErrors!)[numbers[2]!]).toBe(0);
    const all = flattenScores(graph, (await exact.score(await context(), { edges: names.join(), top: 0 })).scores);
    expect([...all.keys()].filter((edge) => all[edge] !== 0)).toEqual(numbers.toSorted((a, b) => a - b));
    await expect(exact.score(await context(), { edges: ' ', top: 3 })).rejects.toMatchObject({
      code: 'missing-option',
    });
    await expect(exact.score(await context(), { edges: 'A9.9->MLP 1', top: 0 })).rejects.toMatchObject({
      code: 'unknown-node',
    });
  });

  it('goes on where it was stopped, to the same last bit', async () => {
    const whole = (await exact.score(await context(), {})).scores;
    const checkpoint = memoryCheckpoint();
    const controller = new AbortController();
    const report = (done: number): void => {
      if (done > 40) controller.abort();
    };
    const stopped = exact.score(
      { ...(await context()), checkpoint, signal: controller.signal, progress: { report } },
      {},
    );
    await expect(stopped).rejects.toThrow(/abort/i);
    const groups: number[] = [];
    const { scores } = await exact.score({ ...(await context(undefined, groups)), checkpoint }, {});
    expect(groups.reduce((a, b) => a + b)).toBeLessThan(graph.edgeCount);
    expect(scores).toEqual(whole);
  });
});

describe('acdc', () => {
  const settings = { faithfulness: 'kl', prompts: 'first-batch', taus: [1e-4, 1e-2, 1] } as const;

  it('finds the same ahead of its decisions as one edge at a time', async () => {
    const [fast, slow]: number[][] = [[], []];
    const ahead = await acdcSearch(await context(undefined, fast), settings);
    const byOne = await acdcSearch(await context('dense', slow), settings);
    expect(ahead.perTau.map(({ removed }) => removed)).toEqual(byOne.perTau.map(({ removed }) => removed));
    expect(ahead.perTau.some(({ removed }) => removed.length > 0 && removed.length < graph.edgeCount)).toBe(true);
    expect(new Set(slow)).toEqual(new Set([1]));
    expect(Math.max(...fast!)).toBeGreaterThan(8);
    expect(fast!.length).toBeLessThan(slow!.length / 2); // regular stretches are run at once
  });

  it('with blocks tries all edges into a Q, K or V input at once first: as a search step by step does', async () => {
    const own = await context();
    const request = { input: 'clean', patch: own.patch } as const;
    const maskOf = (edges: readonly number[]) => maskFromEdges(graph, edges, { inside: 1, outside: 0 });
    const cleanLogits = await own.model.patchedRun(BATCH, { ...request, mask: maskOf([]) });
    const distanceOf = async (edges: readonly number[]): Promise<number> => {
      const run = await own.model.patchedRun(BATCH, { ...request, mask: maskOf(edges) });
      const losses = objectiveOnLogits({ kind: 'kl' }, run, BATCH, { cleanLogits });
      return losses.reduce((a, b) => a + b) / losses.length;
    };
    const finer = { ...settings, taus: [1e-5, 1.5e-4, 1e-3] };
    const found = await acdcSearch(own, { ...finer, blocks: true });
    const alone = await acdcSearch(await context(), finer);
    for (const { tau, removed } of found.perTau) {
      const gone: number[] = [];
      let distance = 0;
      const accepts = async (edges: readonly number[]): Promise<boolean> => {
        const near = await distanceOf([...gone, ...edges]);
        if (near - distance >= tau) return false;
        distance = near;
        gone.push(...edges);
        return true;
      };
      let last = -1;
      const order = acdcOrder(graph);
      for (const edge of order) {
        const { destination } = edgeAt(graph, edge);
        const into = order.filter((other) => edgeAt(graph, other).destination.index === destination.index);
        const isInput = /\.[QKV]$/.test(destination.name);
        const first = destination.index !== last;
        last = destination.index;
        if (isInput && first && into.length > 1 && (await accepts(into))) continue;
        if (!gone.includes(edge)) await accepts([edge]);
      }
      expect(removed).toEqual(gone);
    }
    expect(found.perTau.some(({ removed }, t) => removed.length !== alone.perTau[t]!.removed.length)).toBe(true);
  }, 30_000);
});
