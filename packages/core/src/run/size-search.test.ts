import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { microModel } from '../testing/micro-model.js';
import { MICRO_IDENTITY, microRequest } from '../testing/micro-run.js';
import { discover } from './discover.js';
import { evaluate } from './evaluate.js';
import { chooseKept } from './faithfulness.js';
import { coarseSizes, fineSizes, nextSize, SEARCHED_FROM_EDGES } from './size-search.js';

describe('sizes of a search', () => {
  const EDGES = 123_211;
  const fine = fineSizes(EDGES).map((edges) => ({ edges }));
  /** What `log` measures: whole multiples of their own power of ten. */
  const log = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [n, 10 * n, 100 * n, 1000 * n, 10_000 * n, 100_000 * n]).filter((n) => n < EDGES); // biome-ignore format: one line

  /** What a search keeps and how many circuits it runs (all edges and none come for nothing) where faithfulness is a function of size. */
  function searched(isFaithful: (edges: number) => boolean): { kept: number; found: boolean; runs: number } {
    const measured = [0, ...coarseSizes(EDGES), EDGES];
    const sizes = () =>
      measured.sort((a, b) => a - b).map((edges) => ({ edges, faithful: edges === EDGES || isFaithful(edges) }));
    for (let next = nextSize(fine, sizes(), EDGES); next; next = nextSize(fine, sizes(), EDGES)) {
      expect(measured).not.toContain(next.edges); // so it ends
      measured.push(next.edges);
    }
    const { index, found } = chooseKept(sizes(), EDGES);
    return { kept: measured[index]!, found, runs: measured.length - 2 };
  }

  it('are a few, and between them those of the logarithmic grid and more', () => {
    expect(coarseSizes(1500)).toEqual([1, 10, 100]);
    expect(coarseSizes(EDGES)).toEqual([1, 10, 100, 1000, 10_000]);
    const teens = [10, 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100, 120];
    expect(fineSizes(130)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, ...teens]);
    for (const size of [...coarseSizes(EDGES), ...log]) expect(fineSizes(EDGES)).toContain(size);
  });

  it('come to the smallest faithful one where circuits only get better, in 9 runs at most', () => {
    for (const least of [1, 2, 3, 4, 11, 29, 30, 31, 99, 101, 640, 9_700, 62_345, 99_001, 100_001, 119_999]) {
      const { kept, found, runs } = searched((edges) => edges >= least);
      expect([kept, found]).toEqual([fine.find(({ edges }) => edges >= least)!.edges, true]);
      expect(runs).toBeLessThanOrEqual(9); // 5 of the grid, and 13 sizes above 10,000: ⌈log₂ 14⌉ = 4
      const grid = [...log].sort((x, y) => x - y);
      expect(kept).toBeLessThanOrEqual(grid.find((size) => size >= least) ?? EDGES);
    }
  });

  it('say that there is none where only the whole model is faithful, after a look at the largest', () => {
    expect(searched(() => false)).toMatchObject({ kept: 120_000, found: false });
  });
});

describe('a run by the default rule on a large graph', () => {
  const heads = Array.from({ length: 12 }, (_, layer) =>
    Array.from({ length: 4 }, (_, head) => {
      const random = seededRandom(layer, head);
      return [0.4 * (random.uniform() - 0.3), 0.4 * (random.uniform() - 0.5)];
    }),
  );
  const object = microModel(heads);
  let root: string;
  let model: PatchableModel;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'size-search-'));
    const graph = buildGraph(object.spec.layout, DEFAULT_GRAPH_OPTIONS);
    model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
  });
  afterAll(async () => {
    await model.dispose();
    await rm(root, { recursive: true });
  });
  const identity = { ...MICRO_IDENTITY, model: { ...MICRO_IDENTITY.model, key: object.weights.key } };
  const request = (folder: string, existing: 'refuse' | 'resume') =>
    microRequest(model, {
      sizes: { by: 'rule', rule: 'default' },
      store: { folder: join(root, folder), existing, identity },
    });
  const files = async (folder: string) => {
    const names = (await readdir(join(root, folder))).filter((name) => name !== 'timings.json').sort();
    return Promise.all(names.map(async (name) => [name, await readFile(join(root, folder, name), 'latin1')]));
  };

  it('keeps a circuit no larger than the logarithmic grid does, from fewer points, and the same when it was stopped', async () => {
    expect(model.graph.edgeCount).toBeGreaterThanOrEqual(SEARCHED_FROM_EDGES);
    const { circuit, measurements, scores } = await discover(request('whole', 'refuse'));
    const log = await discover(microRequest(model, { sizes: { by: 'rule', rule: 'log' } }));
    expect(circuit.edges.length).toBeLessThanOrEqual(log.circuit.edges.length);
    const { points } = measurements[0]!;
    expect(points.length).toBeLessThan(log.measurements[0]!.points.length);
    expect(points.map(({ edges }) => edges)).toEqual(expect.arrayContaining([0, 1, 10, 100, circuit.edges.length, model.graph.edgeCount])); // biome-ignore format: one line
    const same = log.measurements[0]!.points.find(({ edges }) => edges === 100);
    expect(points.find(({ edges }) => edges === 100)).toEqual(same);
    const total = points.length;
    for (const stopAt of [2, total - 3, total - 1]) {
      const folder = `stopped-${stopAt}`;
      const controller = new AbortController();
      const onProgress = (phase: string, done: number) => {
        if (phase === 'measure' && done === stopAt) controller.abort(new Error('stopped'));
      };
      const stopped = discover(request(folder, 'refuse'), { signal: controller.signal, onProgress });
      await expect(stopped).rejects.toThrow('stopped');
      await discover(request(folder, 'resume'));
      expect(await files(folder)).toEqual(await files('whole'));
    }
    const target = { kind: 'scores', scores, sizes: { by: 'rule', rule: 'default' } } as const;
    expect(await evaluate({ ...request('none', 'refuse'), target })).toEqual(measurements);
  });

  it('searches for nothing where the size to keep is named', async () => {
    const { measurements } = await discover(microRequest(model, { sizes: { by: 'rule', rule: 'default' }, keep: 77 }));
    expect(measurements[0]!.points.map(({ edges }) => edges)).toEqual([0, 1, 10, 77, 100, model.graph.edgeCount]); // biome-ignore format: one line
  });
});
