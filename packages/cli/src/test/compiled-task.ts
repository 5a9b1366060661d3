/** @file For tests: scores of the tasks on compiled models, on the interpreter or a backend given. */
import { readFileSync } from 'node:fs';
import {
  type AblationName,
  type Backend,
  batchesOf,
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  edgeAt,
  type Graph,
  interpreterBackend,
  OBJECTIVES,
  type PruneAlgo,
  type PruneScores,
  parsePromptFile,
  splitTrainTest,
  type Task,
  tokenizePrompts,
} from '@auto-circuit/core';
import { optionDefaults } from '@auto-circuit/core/plugin';
import { patchDescription } from '@auto-circuit/core/run';
import { loadModel } from '@auto-circuit/models';

/** What a compiled task is scored under. */
export interface CompiledSetting {
  readonly task: Task;
  readonly ablation: 'resample' | 'zero';
  readonly graph: Graph;
  /** Default: the interpreter. */
  readonly backend?: Backend;
}

/** Eleven prompts of the training part are enough to see all edges, and the interpreter is slow. */
function promptsOf(task: Task) {
  const file = parsePromptFile(readFileSync(task.data as URL, 'utf8'), task.name);
  const { train } = splitTrainTest(tokenizePrompts(file, null, { bos: false }).prompts, {
    train: task.train!,
    seed: 0,
  });
  return batchesOf(
    train.filter((_, i) => i % Math.floor(train.length / 11) === 0),
    task.batchSize!,
  );
}

/** Scores of an algorithm on eleven prompts of the task. */
export async function scoresOf(
  { task, ablation, graph, backend }: CompiledSetting,
  algo: PruneAlgo,
  options = {},
): Promise<PruneScores> {
  const { model } = await loadModel(task.model as string);
  const patchable = await createPatchableModel({
    model,
    graph,
    backend: backend ?? interpreterBackend({ precision: 'float32' }),
  });
  const batches = promptsOf(task);
  const patch = await patchDescription(
    patchable,
    { ablation: ablation satisfies AblationName, ablateFrom: 'corrupt' },
    batches,
  );
  const { scores } = await algo.score(
    {
      model: patchable,
      graph,
      batches,
      objective: OBJECTIVES[task.objective!].objective,
      patch,
      seed: 0,
      progress: { report: () => undefined },
    },
    { ...optionDefaults(algo.options), ...options } as never,
  );
  await patchable.dispose();
  return scores;
}

/** The graph of the task's model; `positions`: tokens of every prompt, for a graph with token positions. */
export const graphOf = async (task: Task, positions: number | null): Promise<Graph> =>
  buildGraph((await loadModel(task.model as string)).model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions });
/** Names of edges by their numbers. */
export const namesOf = (graph: Graph, edges: readonly number[]): string[] =>
  edges.map((edge) => edgeAt(graph, edge).name);
