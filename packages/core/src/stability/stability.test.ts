/** @file What becomes of a circuit under resampled prompts, against the definition run by run; and what is kept of the work. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { edgeSelection, type Selecting } from '../graph/edge-ranking.js';
import { edgeAt } from '../graph/edges.js';
import { flattenScores } from '../graph/score-index.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { definePruneAlgo } from '../plugin/prune-algo.js';
import { chooseSelection } from '../plugin/selection.js';
import { stableSelection } from '../plugin/stable-selection.js';
import { type DiscoverResult, discover, scoresOf } from '../run/discover.js';
import { promptsOfRun } from '../run/prompts-of-run.js';
import type { DiscoverRequest } from '../run/request.js';
import { stabilitySchema } from '../run-folder/stability-file.js';
import { ScoreAccumulator } from '../statistics/accumulate.js';
import { microModel } from '../testing/micro-model.js';
import { MICRO_PROMPTS, MICRO_RUN_HEADS, microEap, microLogitDiff, microRequest } from '../testing/micro-run.js';
import type { StabilityRequest } from './request.js';
import { drawnAgain, randomOfResample, subsetOf } from './resamples.js';
import { runStability } from './stability.js';

const KEEP = 6;
let model: PatchableModel;
let found: DiscoverResult;
const metric = { metric: microLogitDiff, options: {} };

/** Pieces in memory, and how often one was made. */
function pieces() {
  const texts = new Map<string, string>();
  return {
    texts,
    read: async (name: string) => texts.get(name) ?? null,
    write: async (name: string, text: string) => void texts.set(name, text),
  };
}
const request = (changes: Partial<StabilityRequest> = {}): StabilityRequest => ({
  ...asked(),
  before: found,
  metric,
  resamples: 60,
  reruns: 3,
  measured: 2,
  deletion: 0.4,
  level: 0.95,
  variations: [],
  kept: pieces(),
  ...changes,
});

/** Edge attribution patching on whatever prompts there are. */
const eap = definePruneAlgo({
  ...microEap,
  async score({ model: given, graph, batches, objective, patch }) {
    const total = new ScoreAccumulator(graph);
    for (const batch of batches) total.add(await given.maskGradient(batch, { input: 'clean', patch, objective }));
    return total.result();
  },
});
const asked = (changes: Partial<DiscoverRequest> = {}) => microRequest(model, { algo: eap, keep: KEEP, ...changes });

beforeAll(async () => {
  const object = microModel(MICRO_RUN_HEADS);
  const graph = buildGraph(object.spec.layout, DEFAULT_GRAPH_OPTIONS);
  model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
  found = await discover(asked());
});
afterAll(() => model.dispose());

/** The circuit of some prompts by the definition: the algorithm runs on them. */
async function circuitOf(times: ArrayLike<number>, select: Selecting = 'threshold'): Promise<readonly number[]> {
  const drawn = MICRO_PROMPTS.flatMap((prompt, i) => Array.from({ length: times[i]! }, () => prompt));
  if (drawn.length === 0) return [];
  const settings = asked();
  const prompts = promptsOfRun(drawn, model.graph, 'resample', settings);
  const scored = await scoresOf(settings, {}, prompts, { kind: 'resample', from: 'corrupt' }, null);
  const { scores, standardErrors } = scored;
  return edgeSelection(model.graph, scores, select, { standardErrors }).edges(KEEP);
}

describe('runStability', () => {
  it('counts the circuits that the algorithm finds on each resample, from the scores of single prompts', async () => {
    const { listed, resamples, certificates } = await runStability(request());
    const counts = new Map<number, number>();
    const subsets = new Map<number, number>();
    const add = (to: Map<number, number>, edges: readonly number[]) => {
      for (const edge of edges) to.set(edge, (to.get(edge) ?? 0) + 1);
    };
    for (let r = 0; r < 60; r++) {
      add(counts, await circuitOf(drawnAgain(8, randomOfResample(0, 'bootstrap', r))));
      add(subsets, await circuitOf(subsetOf(8, 0.4, randomOfResample(0, 'subset', r))));
    }
    expect(resamples).toMatchObject({ by: 'prompts', count: 60, prompts: 8, measured: 2 });
    const shares = listed.map(({ edge, share }) => [edge, share]);
    const byHand = [...counts].map(([edge, count]) => [edgeAt(model.graph, edge).name, count / 60] as const);
    for (const [edge, share] of byHand) expect(shares).toContainEqual([edge, share]);
    expect(listed.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(byHand.reduce((sum, [, s]) => sum + s, 0), 10); // biome-ignore format: one line
    expect(counts.size).toBeGreaterThan(KEEP); // some edges come and go, or this shows nothing
    // 60 of 60 at error .025 ÷ edges: share (.025/E)^(1/60); .4 − (1 − share) is below ½: nothing can be certified
    expect(certificates).toMatchObject({ in: 0, out: 0, abstains: model.graph.edgeCount, subsets: 60 });
    expect(subsets.size).toBeGreaterThan(0);
  });

  it('gives selections the standard errors of each resample', async () => {
    const select = chooseSelection(stableSelection, { z: 4, share: 0 });
    const { listed } = await runStability(request({ select, resamples: 20 }));
    const counts = new Map<string, number>();
    for (let r = 0; r < 20; r++) {
      for (const edge of await circuitOf(drawnAgain(8, randomOfResample(0, 'bootstrap', r)), select)) {
        const { name } = edgeAt(model.graph, edge);
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
    const shares = listed.filter(({ share }) => share > 0).map(({ edge, share }) => [edge, share] as const);
    expect(new Map(shares)).toEqual(new Map([...counts].map(([edge, count]) => [edge, count / 20])));
  });

  it('certifies edges that nearly all subsets have, and measures the circuit of them', async () => {
    const stability = await runStability(request({ deletion: 0.85, resamples: 400 }));
    const counts = { in: 0, out: 0, abstains: 0 };
    for (const { certified } of stability.listed) counts[certified!]++;
    const { certificates } = stability;
    expect(certificates!.in + certificates!.out + certificates!.abstains).toBe(model.graph.edgeCount);
    expect(certificates!.in).toBe(counts.in);
    expect(certificates!.abstains).toBeGreaterThan(0);
    expect(certificates!.heldPatch).toBe(false);
    expect(certificates!.value === null).toBe(counts.in === 0);
    expect(stabilitySchema.parse(stability)).toEqual(stability);
  });

  it('makes the circuit again under other seeds, ablations and prompts, and measures both there', async () => {
    const variations = [
      { kind: 'seed', seed: 5 },
      { kind: 'ablation', name: 'zero', ablation: 'zero' },
      { kind: 'paraphrases', name: 'others.json', prompts: MICRO_PROMPTS.slice(0, 3) },
    ] as const;
    const { variations: found2, value, listed } = await runStability(request({ variations }));
    expect(found2.map(({ kind, name }) => [kind, name])).toEqual([
      ['seed', '5'],
      ['ablation', 'zero'],
      ['paraphrases', 'others.json'],
    ]);
    // all prompts are for scores and for measuring: another seed changes nothing of EAP
    expect(found2[0]).toMatchObject({ both: KEEP, either: KEEP, value, ofRun: value });
    const zero = await discover(asked({ ablation: 'zero', metrics: [metric] }));
    expect(found2[1]!.value).toBeCloseTo(zero.measurements[0]!.points.find(({ edges }) => edges === KEEP)!.value as number, 12); // biome-ignore format: one line
    const others = await discover(asked({ prompts: MICRO_PROMPTS.slice(0, 3) }));
    expect(found2[2]!.both).toBe(others.circuit.edges.filter((edge) => found.circuit.edges.includes(edge)).length);
    expect(listed.every(({ variations: count }) => count >= 0 && count <= 3)).toBe(true);
  });

  it('finds mistakes in what is asked before anything is scored', async () => {
    const kept = pieces();
    const lacking = MICRO_PROMPTS.map((prompt) => ({ ...prompt, wrongAnswers: [] }));
    const variations = [{ kind: 'paraphrases', name: 'others.json', prompts: lacking }] as const;
    await expect(runStability(request({ kept, variations }))).rejects.toMatchObject({ code: 'missing-wrong-answers' });
    const fromClean = request({ kept, ablation: 'zero', ablateFrom: 'clean' });
    const back = [{ kind: 'ablation', name: 'resample', ablation: 'resample' }] as const;
    await expect(runStability({ ...fromClean, variations: back })).rejects.toMatchObject({ code: 'conflicting-options' }); // biome-ignore format: one line
    expect(kept.texts.size).toBe(0);
  });

  it('goes on from what was kept: the same numbers, and no prompt scored twice', async () => {
    const kept = pieces();
    const aborted = new AbortController();
    const stopping = { ...kept, write: async (name: string, text: string) => {
      await kept.write(name, text);
      if (name === 'prompt-4') aborted.abort();
    } }; // biome-ignore format: one block
    await expect(runStability(request({ kept: stopping }), { signal: aborted.signal })).rejects.toThrow();
    let runs = 0;
    const counted = definePruneAlgo({
      ...eap,
      score(context, options) {
        runs++;
        return eap.score(context, options);
      },
    });
    const resumed = await runStability(request({ kept, algo: counted }));
    expect(runs).toBe(3); // prompts 5, 6 and 7
    expect(resumed).toEqual(await runStability(request()));
  });

  it('runs the algorithm on resamples where its scores are no means over prompts', async () => {
    const largest = definePruneAlgo({
      ...eap,
      async score(context) {
        const { scores, standardErrors } = await eap.score(context, {} as never);
        const most = Math.max(...flattenScores(model.graph, scores).map(Math.abs));
        const of = (by: number) => Object.fromEntries(Object.entries(scores).map(([name, { data, shape }]) => [name, { data: data.map((x) => x / by), shape }])); // biome-ignore format: one line
        return { scores: of(most) as never, ...(standardErrors ? { standardErrors } : {}) };
      },
    });
    const before = await discover(asked({ algo: largest }));
    const stability = await runStability(request({ algo: largest, before }));
    expect(stability).toMatchObject({ resamples: { by: 'runs', count: 3, measured: 2 }, certificates: null });
    const counts = new Map<number, number>();
    for (let r = 0; r < 3; r++) {
      for (const edge of await circuitOf(drawnAgain(8, randomOfResample(0, 'bootstrap', r)))) counts.set(edge, (counts.get(edge) ?? 0) + 1); // biome-ignore format: one line
    }
    const shares = stability.listed.map(({ share }) => share).filter((share) => share > 0).sort(); // biome-ignore format: one line
    expect(shares).toEqual([...counts.values()].map((count) => count / 3).sort());
  });
});
