import { expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { createPatchableModel } from '../patch/engine.js';
import { parseBySchema, runSchema, toJsonText } from '../run-folder/schemas.js';
import { microModel } from '../testing/micro-model.js';
import { MICRO_IDENTITY, MICRO_PROMPTS, microEap, microRequest } from '../testing/micro-run.js';
import { promptsHash } from './prompts-hash.js';
import { promptsOfRun } from './prompts-of-run.js';
import type { DiscoverRequest, RunIdentity } from './request.js';
import { runJsonOf } from './run-json.js';

const identity: RunIdentity = {
  ...MICRO_IDENTITY,
  model: { name: 'micro', key: 'abc', processing: ['centred'] },
  positions: { labels: ['a'], words: { A: 0 } },
};

async function runJson(positions: number | null, changes: Partial<DiscoverRequest> = {}, who = identity) {
  const object = microModel();
  const graph = buildGraph(object.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions });
  const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
  try {
    const request = microRequest(model, { seed: 3, test: null, ...changes });
    return runJsonOf(request, who, promptsOfRun(request.prompts, graph, request.ablation, request));
  } finally {
    await model.dispose();
  }
}

it('says what was asked, and comes back from its file as it was', async () => {
  const run = await runJson(null);
  expect(run.asked).toMatchObject({
    model: { name: 'micro', key: 'abc', processing: ['centred'] },
    data: { name: 'made-up', hash: promptsHash(MICRO_PROMPTS) },
    graph: { kind: 'staged', layers: 2, factorized: true, positions: null },
    select: 'threshold',
    seed: 3,
    backend: { name: 'interpreter' },
  });
  expect(run.asked).not.toHaveProperty('plugins');
  expect(run.graph).toEqual({ sources: 5, destinations: 5, edges: 13 });
  expect(run.prompts).toEqual({ train: 4, test: 4, lengths: { 2: 8 } });
  expect(run.signed).toBe(true);
  expect(run.versions).toEqual({ core: '0', node: process.versions.node });
  expect(parseBySchema(runSchema, toJsonText(run, 'run.json'), 'run.json')).toEqual(run);
});

it('names token positions and words only where positions have edges of their own', async () => {
  expect((await runJson(null)).prompts).not.toHaveProperty('labels');
  expect((await runJson(2)).prompts).toMatchObject({ labels: ['a'], words: { A: 0 } });
});

it('has a hash of the code of plugins that have no version, and whether scores are signed', async () => {
  const run = await runJson(null, { algo: { ...microEap, signed: false } }, { ...identity, plugins: { mine: 'f00' } });
  expect(run.asked.plugins).toEqual({ mine: 'f00' });
  expect(run.signed).toBe(false);
});

it('equal requests make equal texts, and every change of a setting shows', async () => {
  const text = async (changes: Partial<DiscoverRequest> = {}) => JSON.stringify((await runJson(null, changes)).asked);
  const base = await text();
  expect(await text()).toBe(base);
  for (const changes of [
    { seed: 4 },
    { reverse: true },
    { keep: 3 },
    { ablation: 'zero' },
    { select: 'top' },
  ] as const) {
    expect(await text(changes)).not.toBe(base);
  }
});
