/** @file `run.json` from a request: what decides the numbers, and with what they were made. */

import { selectionText } from '../graph/edge-ranking.js';
import type { Graph } from '../graph/types.js';
import { objectiveChosen } from '../plugin/objective.js';
import { RUN_FILES } from '../run-folder/run-files.js';
import type { RunJson } from '../run-folder/schemas.js';
import { ablationText } from './ablations.js';
import { promptExamples } from './prompt-examples.js';
import { promptsHash } from './prompts-hash.js';
import type { RunPrompts } from './prompts-of-run.js';
import type { DiscoverRequest, RunIdentity } from './request.js';

/** Layout and options side by side; lists (latents) as JSON. */
const graphFacts = ({ layout, options }: Graph): Record<string, string | number | boolean | null> =>
  Object.fromEntries(
    Object.entries({ ...layout, ...options }).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
    ]),
  );

/** The `run.json` of a request. */
export function runJsonOf(request: DiscoverRequest, identity: RunIdentity, prompts: RunPrompts): RunJson {
  const { graph, memoryLimit } = request.model;
  const { model, data, backend, sources, versions, plugins = {}, positions, decode, hardware = [] } = identity;
  const examples = decode ? promptExamples(prompts, decode, request.model.outputSize) : [];
  const atPositions = graph.options.positions === null ? undefined : positions;
  return {
    format: 'auto-circuit run 1',
    asked: {
      model: { name: model.name, key: model.key, processing: [...model.processing] },
      data: { name: data.name, hash: promptsHash(request.prompts), bos: data.bos },
      graph: graphFacts(graph),
      algo: { name: request.algo.name, options: { ...request.algoOptions } },
      metrics: request.metrics.map(({ metric, options }) => ({ name: metric.name, options: { ...options } })),
      objective: objectiveChosen(request.objective).text,
      ablation: ablationText(request.ablation),
      ablateFrom: request.ablateFrom,
      patchType: request.patchType,
      reverse: request.reverse,
      select: selectionText(request.select ?? 'threshold'),
      rankBy: request.rankBy ?? 'absolute',
      sizes: request.sizes,
      keep: request.keep,
      ...(request.perPrompt ? { perPrompt: request.perPrompt } : {}),
      batchSize: request.batchSize,
      limit: request.limit,
      length: request.length,
      train: request.train,
      test: request.test,
      seed: request.seed,
      backend: { name: backend.backend, device: backend.device, threads: backend.threads },
      ...(Object.keys(plugins).length > 0 ? { plugins: { ...plugins } } : {}),
    },
    sources: { ...sources },
    graph: { sources: graph.sources.length, destinations: graph.destinations.length, edges: graph.edgeCount },
    prompts: {
      ...prompts.counts,
      ...(data.leftOut?.length ? { leftOut: [...data.leftOut] } : {}),
      ...(atPositions ? { labels: [...atPositions.labels], words: { ...atPositions.words } } : {}),
      ...(examples.length > 0 ? { examples } : {}),
    },
    signed: request.algo.signed ?? true,
    versions: { ...versions, node: process.versions.node },
    runtime: backend.runtime,
    ...(hardware.length > 1 ? { hardware: [...hardware] } : {}),
    ...(memoryLimit ? { memory: { bytes: memoryLimit.bytes, asked: memoryLimit.strict } } : {}),
    checksums: RUN_FILES.checksums,
  };
}
