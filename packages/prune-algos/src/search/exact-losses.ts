/** @file The losses of single edges patched, a batch at a time, and the scores that their differences are. */
import {
  AutoCircuitError,
  edgeAt,
  floatTensor,
  type Graph,
  maskFromEdges,
  type Objective,
  objectiveOnLogits,
  type PromptBatch,
  type PromptScores,
  type PruneAlgoContext,
  unflattenScores,
} from '@auto-circuit/core/plugin';

/** Losses of edges that ran together, each patched by itself, and of the run without any: [prompts] each. */
export interface EdgeLosses {
  readonly baseline: Float64Array;
  readonly losses: readonly Float64Array[];
}

/** M of each prompt when just one edge is patched, edge by edge; a baseline comes of the same program, so that rounding cancels. */
export async function* edgeLosses(
  { model, graph, patch }: PruneAlgoContext,
  batch: PromptBatch,
  objective: Objective,
  edges: readonly number[],
): AsyncGenerator<EdgeLosses> {
  const mask = maskFromEdges(graph, [], { inside: 1, outside: 0 });
  const request = { input: 'clean', patch, mask } as const;
  const cleanLogits = await model.patchedRun(batch, request); // [prompts, outputs]
  const lossesOf = (run: typeof cleanLogits) => objectiveOnLogits(objective, run, batch, { cleanLogits });
  const variants = edges.map((edge) => [edge]);
  for await (const { baseline, logits } of model.patchedVariants(batch, { ...request, variants, baseline: true })) {
    yield { baseline: lossesOf(baseline!), losses: logits.map(lossesOf) };
  }
}

/** The differences of one prompt, from [chosen edges, prompts] to `[1, position?, head?, sources]` by module; 0 for other edges. */
export function ofPrompt(
  graph: Graph,
  chosen: readonly number[],
  differences: Float64Array,
  prompt: number,
): PromptScores {
  const prompts = differences.length / chosen.length;
  const flat = new Float64Array(graph.edgeCount);
  for (const [i, edge] of chosen.entries()) flat[edge] = differences[i * prompts + prompt]!;
  const scores = unflattenScores(graph, flat);
  const tensors = Object.entries(scores).map(([module, { data, shape }]) => [module, floatTensor(data, [1, ...shape])]);
  return { tensors: Object.fromEntries(tensors) as PromptScores['tensors'] };
}

/** Where two infinite losses are subtracted: at once, so that no checkpoint holds NaN. */
export function refuseNaN(graph: Graph, number: number, change: Float64Array): void {
  if (!change.some(Number.isNaN)) return;
  const { name, destination } = edgeAt(graph, number);
  throw new AutoCircuitError({
    code: 'not-finite',
    fields: { module: graph.destinationBlocks[destination.block]!.module },
    where: 'run',
    what: `the score of "${name}" is not a number`,
    fix: 'check the model for overflow on these prompts',
  });
}
