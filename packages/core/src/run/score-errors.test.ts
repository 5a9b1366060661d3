/** @file What a run says of an algorithm whose scores are not usable, and of partial work that does not fit. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { unflattenScores } from '../graph/score-index.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { definePruneAlgo, type PruneResult } from '../plugin/prune-algo.js';
import { microModel } from '../testing/micro-model.js';
import { MICRO_IDENTITY, MICRO_RUN_HEADS, microRequest } from '../testing/micro-run.js';
import { resumableWork } from '../training/resumable-work.js';
import { discover } from './discover.js';

let root: string;
let model: PatchableModel;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'scores-'));
  const object = microModel(MICRO_RUN_HEADS);
  const graph = buildGraph(object.spec.layout, DEFAULT_GRAPH_OPTIONS);
  model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
});
afterEach(async () => {
  await model.dispose();
  await rm(root, { recursive: true });
});

const algoThat = (score: () => PruneResult | Promise<PruneResult>) =>
  microRequest(model, { algo: definePruneAlgo({ name: 'odd-one', doc: 'a doc', options: {}, score: score as never }) });
describe('scores that are not usable name the algorithm', () => {
  it.each<[string, () => unknown]>([
    ['no result', () => undefined],
    ['no scores', () => ({ edges: [] })],
    ['no tensors', () => ({ scores: { a: [1, 2] } })],
  ])('%s', async (_, result) => {
    await expect(discover(algoThat(() => result() as never))).rejects.toMatchObject({
      code: 'plugin-failed',
      fields: { plugin: 'odd-one', kind: 'pruning algorithm', member: 'score' },
    });
  });
});

it('partial work of other work names its file', async () => {
  const store = (existing: 'refuse' | 'resume') => ({ folder: join(root, 'run'), existing, identity: MICRO_IDENTITY });
  const stopped = new AbortController();
  const worker = (key: string) =>
    definePruneAlgo({
      name: 'odd-one',
      doc: 'a doc',
      options: {},
      async score(context) {
        const state = () => ({ state: {}, arrays: {} });
        const work = await resumableWork(context, { where: 'odd-one', key, total: 2, unit: 'steps', state });
        stopped.abort();
        await work.step(1);
        return { scores: unflattenScores(context.graph, new Float32Array(context.graph.edgeCount)) };
      },
    });
  const first = microRequest(model, { algo: worker('this'), store: store('refuse') });
  await expect(discover(first, { signal: stopped.signal })).rejects.toThrow(/abort/i);
  const second = microRequest(model, { algo: worker('that'), store: store('resume') });
  await expect(discover(second)).rejects.toMatchObject({
    code: 'wrong-checkpoint',
    fields: { name: 'work', path: expect.stringMatching(/algorithm\.safetensors$/) },
  });
});
