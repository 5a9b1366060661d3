/** @file `run.json` from a request: what decides the numbers, and with what they were made. */

import type { BackendInfo } from '../backend/backend.js';
import type { Graph } from '../graph/types.js';
import type { RunJson } from '../run-folder/schemas.js';
import type { DiscoverRequest } from './discover.js';
import { promptsHash, type RunPrompts } from './prompts-of-run.js';

/** What the caller knows of a run beyond the request. */
export interface RunIdentity {
  /** `key`: the weight store's; `processing`: the steps that changed the weights on loading. */
  readonly model: { readonly name: string; readonly key: string; readonly processing: readonly string[] };
  /** `name`: the task's or the file's; `bos`: what was done about it. */
  readonly data: { readonly name: string; readonly bos: string };
  /** What stands at each token position, and positions of words: kept where positions have edges of their own. */
  readonly positions?: { readonly labels: readonly string[]; readonly words: Readonly<Record<string, number>> };
  /** What opens model and data again: names and paths. */
  readonly sources: Readonly<Record<string, string | number | boolean | null>>;
  readonly backend: BackendInfo;
  /** A hash of the code of each plugin that takes part and has no version of its own (`Registered.code`). */
  readonly plugins?: Readonly<Record<string, string>>;
  /** Versions by package; Node's is added. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Layout and options side by side; lists (latents) as JSON. */
const graphFacts = ({ layout, options }: Graph): Record<string, string | number | boolean | null> =>
  Object.fromEntries(
    Object.entries({ ...layout, ...options }).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
    ]),
  );

export function runJsonOf(request: DiscoverRequest, identity: RunIdentity, prompts: RunPrompts): RunJson {
  const { graph } = request.model;
  const { model, data, backend, sources, versions, plugins = {}, positions } = identity;
  const atPositions = graph.options.positions === null ? undefined : positions;
  return {
    format: 'auto-circuit run 1',
    asked: {
      model: { name: model.name, key: model.key, processing: [...model.processing] },
      data: { name: data.name, hash: promptsHash(request.prompts), bos: data.bos },
      graph: graphFacts(graph),
      algo: { name: request.algo.name, options: { ...request.algoOptions } },
      metrics: request.metrics.map(({ metric, options }) => ({ name: metric.name, options: { ...options } })),
      objective: request.objective,
      ablation: request.ablation,
      ablateFrom: request.ablateFrom,
      patchType: request.patchType,
      reverse: request.reverse,
      select: request.select ?? 'threshold',
      sizes: request.sizes,
      keep: request.keep,
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
      ...(atPositions ? { labels: [...atPositions.labels], words: { ...atPositions.words } } : {}),
    },
    signed: request.algo.signed ?? true,
    versions: { ...versions, node: process.versions.node },
    runtime: backend.runtime,
  };
}
