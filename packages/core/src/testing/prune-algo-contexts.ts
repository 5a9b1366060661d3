/** @file What the contract of pruning algorithms runs them on: the micro model with seeded prompts, in several graphs. */

import type { Backend } from '../backend/backend.js';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import type { GraphOptions } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import { uniformAt } from '../numeric/counter-random.js';
import type { Objective } from '../objectives/objective.js';
import { createPatchableModel } from '../patch/engine.js';
import type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
import type { PruneAlgoContext } from '../plugin/prune-algo.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { microModel } from './micro-model.js';

/** Which model, graph and prompts an algorithm is tried on. */
export interface PruneAlgoContextSpec {
  /** Default: the micro model of two layers with two heads. */
  readonly model?: ModelObject;
  readonly graph?: Partial<GraphOptions>;
  /** Prompts of each batch; default [3, 2]. */
  readonly batches?: readonly number[];
  /** Tokens of the prompts of each batch; default 3 everywhere. */
  readonly lengths?: readonly number[];
  /** Whether some prompts have two answers. */
  readonly ragged?: boolean;
  readonly microBatchTokens?: number;
  readonly objective?: Objective;
  readonly seed?: number;
  readonly backend?: () => Backend | Promise<Backend>;
}

/** A context with what must be disposed after it. */
export interface DisposableContext {
  readonly context: PruneAlgoContext;
  dispose(): Promise<void>;
}

/** A context like the one a run makes, without progress, checkpoint or signal; dispose it when done. */
export async function pruneAlgoContext(spec: PruneAlgoContextSpec): Promise<DisposableContext> {
  const { model = microModel(), batches = [3, 2], lengths = [], ragged = false, seed = 1, microBatchTokens } = spec;
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...spec.graph });
  const backend = await (spec.backend ?? interpreterBackend)();
  const patchable = await createPatchableModel({
    model,
    graph,
    backend,
    ...(microBatchTokens === undefined ? {} : { microBatchTokens }),
  });
  const context: PruneAlgoContext = {
    model: patchable,
    graph,
    batches: seededBatches(batches, lengths, ragged),
    objective: spec.objective ?? { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    patch: { kind: 'resample', from: 'corrupt' },
    seed,
    progress: { report: () => undefined },
  };
  const dispose = async (): Promise<void> => {
    await patchable.dispose();
    await backend.dispose();
  };
  return { context, dispose };
}

function seededBatches(sizes: readonly number[], lengths: readonly number[], ragged: boolean): PromptBatch[] {
  let index = 0;
  return sizes.map((size, b) => {
    const length = lengths[b] ?? 3;
    return { length, prompts: Array.from({ length: size }, () => seededPrompt(index++, length, ragged)) };
  });
}

/** Features in [−1, 1), by the prompt's index. */
function seededPrompt(index: number, length: number, ragged: boolean): Prompt {
  const side = (s: number): number[][] =>
    Array.from({ length }, (_, pos) => [0, 1].map((d) => 2 * uniformAt(5, index, s, pos, d) - 1));
  const answer = index % 2;
  const answers = ragged && index % 3 === 0 ? [answer, 1 - answer] : [answer];
  return { index, clean: side(0), corrupt: side(1), answers, wrongAnswers: [1 - answer] };
}

/** A checkpoint in memory, written through JSON as a run folder writes its numbers. */
export function memoryCheckpoint(): Checkpoint & { readonly saves: () => number } {
  let kept: CheckpointData | null = null;
  let saves = 0;
  const copy = ({ state, arrays }: CheckpointData): CheckpointData => ({
    state: JSON.parse(JSON.stringify(state)) as CheckpointData['state'],
    arrays: Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.slice()])),
  });
  return {
    load: async () => kept && copy(kept),
    async save(data) {
      kept = copy(data);
      saves++;
    },
    saves: () => saves,
  };
}
